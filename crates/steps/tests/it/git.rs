//! Steps that work with Git, on real repositories: `kargo/steps-git`.

use std::collections::BTreeMap;

use ferry_git::PushPolicy;
use ferry_steps::BUILTIN;
use ferry_vectors::{Case, Rule, Verdict, judge, replay_with};
use serde_json::{Map, Value, json};

use crate::bench::{put, told};
use crate::git_world::GitWorld;
use crate::local::{climbs, leads_out};

const PROMOTION: &str = "dev.01hzz0000000000000000000aa.abc1234";

#[test]
fn vectors_steps_git() {
    replay_with("kargo/steps-git", replay);
}

fn replay(case: &Case) -> Verdict {
    let steps = case.input["steps"].as_array().unwrap();
    let known = |step: &Value| BUILTIN.iter().any(|def| step["kind"] == def.kind);
    if let Some(step) = steps.iter().find(|step| !known(step)) {
        return Verdict::NotCovered(format!("no step {} yet", step["kind"]));
    }
    let policy = match case.input["pushIntegrationPolicy"].as_str() {
        Some("AlwaysMerge") => PushPolicy::AlwaysMerge,
        Some("RebaseOrMerge") => PushPolicy::RebaseOrMerge,
        Some("RebaseOrFail") => PushPolicy::RebaseOrFail,
        Some("None") => PushPolicy::None,
        _ => PushPolicy::AlwaysRebase,
    };
    let mut world = GitWorld::new(policy);
    for (name, commits) in case.input["repos"].as_object().unwrap() {
        world.add(name, commits);
    }
    let mut results = Vec::new();
    for step in steps {
        for (name, commits) in step["remote"].as_object().into_iter().flatten() {
            world.add(name, commits);
        }
        for (path, file) in step["write"].as_object().into_iter().flatten() {
            write(&world, path, file);
        }
        let result = run(&world, step);
        let failed =
            result.get("output").is_none() && result["status"] == "Errored" || result["status"] == "Failed";
        results.push(result);
        if failed {
            break;
        }
    }
    let remotes: Map<String, Value> = case.input["repos"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), world.remote(name)))
        .collect();
    let files =
        world.bench.files().into_iter().filter(|(path, _)| !path.split('/').any(|part| part == ".git"));
    let files: BTreeMap<_, _> = files.filter(|(_, (file, _))| file.get("dir").is_none()).collect();
    let files: Map<String, Value> = files.into_iter().map(|(path, (file, _))| (path, file)).collect();
    let answer = renumbered(&json!({"steps": results, "remotes": remotes, "files": files}));
    let want = without_texts(case.want.as_ref().unwrap());
    let reduced = Case { want: Some(renumbered(&want)), ..case.clone() };
    judge(&reduced, &Ok(answer), RULES)
}

fn write(world: &GitWorld, path: &str, file: &Value) {
    let at = world.bench.work().join(path);
    if at.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
        std::fs::remove_file(&at).unwrap();
    }
    if !file.is_null() {
        put(&at, file);
    }
}

fn run(world: &GitWorld, step: &Value) -> Value {
    let kind = step["kind"].as_str().unwrap();
    let mut config = step["config"].to_string().replace("<server>", &world.server.url());
    for (n, id) in world.commits.iter().enumerate() {
        config = config.replace(&format!("<commit:{n}>"), id);
    }
    world.bench.ledger.forget();
    let result = world.bench.run_in(kind, serde_json::from_str(&config).unwrap(), |ctx| {
        PROMOTION.clone_into(&mut ctx.promotion);
        ctx.started_at = "2031-02-03T04:05:20Z".parse().unwrap();
    });
    let mut told = told(&result);
    told.insert("kind".to_owned(), json!(kind));
    if result.is_ok() {
        told.remove("terminal");
    }
    Value::Object(told)
}

fn without_texts(want: &Value) -> Value {
    let mut want = want.clone();
    for step in want["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("error");
    }
    want
}

/// Commits numbered in the order they are met: in the steps first, then in the remotes.
fn renumbered(answer: &Value) -> Value {
    fn ids(text: &str, found: &mut Vec<String>) {
        let is_placeholder = text.starts_with("<commit:") && text.ends_with('>');
        let is_id = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if (is_placeholder || is_id) && !found.iter().any(|id| id == text) {
            found.push(text.to_owned());
        }
    }
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => ids(text, found),
            Value::Array(list) => list.iter().for_each(|v| walk(v, found)),
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                for v in sorted.values() {
                    walk(v, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&answer["steps"], &mut found);
    walk(&answer["remotes"], &mut found);
    let mut text = answer.to_string();
    for (n, id) in found.iter().enumerate() {
        text = text.replace(&format!("\"{id}\""), &format!("\"#{n}\""));
    }
    serde_json::from_str(&text).unwrap()
}

const RULES: &[Rule] = &[
    Rule {
        name: "the default branch",
        reason: "surprises, Git: a checkout without branch, tag or commit fails there (empty ref): mend (default branch)",
        applies: |case| {
            checkouts(case)
                .any(|c| ["branch", "tag", "commit"].iter().all(|k| c[*k].as_str().unwrap_or_default() == ""))
        },
        instead: |case, answer| answer.as_ref().is_ok_and(|answer| has_the_default_branch(case, answer)),
    },
    Rule {
        name: "outside the work directory",
        reason: "issue, bad input: a file outside the work directory, also by symlink, gives a clear error",
        applies: |case| {
            let steps = case.input["steps"].as_array().into_iter().flatten();
            steps.clone().any(|s| climbs(&s["config"]) || s["write"].as_object().is_some_and(leads_out))
        },
        instead: |_, answer| {
            let steps = answer.as_ref().ok().and_then(|a| a["steps"].as_array());
            steps.is_some_and(|s| s.iter().any(|s| s["status"] == "Errored" || s["status"] == "Failed"))
        },
    },
    Rule {
        name: "all or nothing",
        reason: "design §4: a step's changes to the work directory become visible at its end, all or none; \
                 failure-modes 72: a failed merge leaves no dirty work tree",
        applies: |case| {
            let steps = case.want.as_ref().and_then(|w| w["steps"].as_array());
            steps.is_some_and(|s| s.iter().any(|s| s["status"] == "Errored" || s["status"] == "Failed"))
        },
        instead: |case, answer| {
            let (Some(want), Ok(answer)) = (&case.want, answer) else { return false };
            want["steps"] == answer["steps"]
                && want["remotes"] == answer["remotes"]
                && !answer["files"].to_string().contains("<<<<<<<")
        },
    },
    Rule {
        name: "a detached work tree goes to a new branch",
        reason: "docs/decisions/0003: a work tree of a tag or commit may be pushed to a branch that does not exist yet",
        applies: |case| {
            let steps = case.input["steps"].as_array().into_iter().flatten();
            let mut pushes = steps.filter(|s| s["kind"] == "git-push");
            checkouts(case).any(|c| c["tag"].is_string() || c["commit"].is_string())
                && pushes.any(|s| {
                    s["config"]["targetBranch"].is_string() || s["config"]["generateTargetBranch"] == true
                })
        },
        instead: |case, answer| answer.as_ref().is_ok_and(|answer| only_new_branches(case, answer)),
    },
];

/// Whether the first step put the files of `main` where nothing else was asked for, and left the remote as it was.
fn has_the_default_branch(case: &Case, answer: &Value) -> bool {
    let (step, want) = (&case.input["steps"][0]["config"], case.want.as_ref().unwrap());
    let url = step["repoURL"].as_str().unwrap_or_default();
    let repository = url.trim_start_matches("<server>/").trim_end_matches(".git");
    let tree = &answer["remotes"][repository]["branches"]["main"]["tree"];
    let is_default = |c: &&Value| {
        ["branch", "tag", "commit"].iter().all(|k| c[*k].as_str().unwrap_or_default().is_empty())
    };
    let mut defaults = step["checkout"].as_array().into_iter().flatten().filter(is_default);
    let is_there = |c: &Value| {
        let path = c["path"].as_str().unwrap_or_default();
        let files = tree.as_object().into_iter().flatten();
        c["sparse"].is_array()
            || files.clone().count() > 0
                && files.clone().all(|(name, text)| answer["files"][format!("{path}/{name}")] == *text)
    };
    let goes_on = case.input["steps"].as_array().is_some_and(|steps| steps.len() > 1);
    answer["steps"][0]["status"] == "Succeeded"
        && (goes_on
            || without_ids(&answer["remotes"]) == without_ids(&want["remotes"]) && defaults.all(is_there))
}

/// Whether every push arrived at the branch that it was for, and no other branch is different.
fn only_new_branches(case: &Case, answer: &Value) -> bool {
    let want = case.want.as_ref().unwrap();
    let (steps, answers) = (case.input["steps"].as_array().unwrap(), answer["steps"].as_array().unwrap());
    let arrived = |answer: &Value, name: &str, commit: &Value| {
        let remotes = answer["remotes"].as_object().into_iter().flatten();
        remotes.into_iter().any(|(_, remote)| {
            let log = remote["branches"][name]["log"].as_array();
            log.and_then(|log| log.last()).is_some_and(|last| last["id"] == *commit)
        })
    };
    let mut targets = Vec::new();
    for (step, told) in steps.iter().zip(answers).filter(|(step, _)| step["kind"] == "git-push") {
        let name = match step["config"]["targetBranch"].as_str() {
            Some(name) => name.to_owned(),
            None => format!("kargo/promotion/{PROMOTION}"),
        };
        if !arrived(answer, &name, &told["output"]["commit"]) {
            return false;
        }
        targets.push(name);
    }
    let others = |value: &Value| {
        let mut remotes = value["remotes"].clone();
        for (_, remote) in remotes.as_object_mut().into_iter().flatten() {
            remote["branches"].as_object_mut().unwrap().retain(|name, _| !targets.contains(name));
        }
        without_ids(&remotes)
    };
    answers.iter().all(|told| told["status"] == "Succeeded") && others(answer) == others(want)
}

/// Commits are numbered in the order in which they are met, which differs where one more is met.
fn without_ids(remotes: &Value) -> Value {
    match remotes {
        Value::String(text) if text.starts_with('#') => json!("#"),
        Value::Array(list) => list.iter().map(without_ids).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), without_ids(value))).collect(),
        other => other.clone(),
    }
}

fn checkouts(case: &Case) -> impl Iterator<Item = &Value> {
    let steps = case.input["steps"].as_array().into_iter().flatten();
    steps.flat_map(|s| s["config"]["checkout"].as_array().into_iter().flatten())
}
