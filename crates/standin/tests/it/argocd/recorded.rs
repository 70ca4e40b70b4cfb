//! The recorded life of Applications, lived again: the same repositories, objects and actions, and after each action
//! the Application at rest and the phases on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use ferry_standin::argocd;
use ferry_vectors::{Case, Verdict, difference, replay_with};
use futures::StreamExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::world::World;

/// How long a state at rest may take; recorded ones took less.
const REST: Duration = Duration::from_secs(12);
const GIT: &str = "https://git.test";

/// What the stand-in does not do: a predicate on the input.
fn not_covered(input: &Value) -> Option<&'static str> {
    let text = input.to_string();
    let marks = [
        ("Chart.yaml", "Helm"),
        ("drySource", "the source hydrator"),
        ("ServerSideApply=true", "server-side apply"),
        ("ignoreDifferences", "ignored differences"),
        ("ignore-healthcheck", "ignored health"),
        ("server-refuses-one-resource", "what the real server refuses: ours stores workloads unchecked"),
    ];
    marks.iter().find(|(mark, _)| text.contains(mark)).map(|(_, what)| *what)
}

/// The real one may compare with manifests that it kept, although the repository is gone; ours says that it cannot
/// know. The recordings' README: a comparison that fails at the repository may be dropped silently.
const FROM_CACHE: &str = "a repository that is gone is not compared with from memory";

fn from_cache(input: &Value, want: &Value, ours: &Value) -> bool {
    let actions = input["actions"].as_array().into_iter().flatten();
    let is_gone = actions.into_iter().any(|action| action["do"] == "git repository removed");
    let sync = |app: &Value| app["status"]["sync"]["status"].clone();
    is_gone && sync(want) != "Unknown" && sync(ours) == "Unknown"
}

/// A case on its way: the world, and what stands for what in the recording.
struct Life {
    world: World,
    namespace: String,
    name: String,
    /// Recorded commit → ours.
    commits: BTreeMap<String, String>,
    /// How many versions there were when the action began.
    from: usize,
}

impl Life {
    async fn begin(input: &Value) -> Self {
        let mut world = World::start().await;
        let app = &input["app"];
        let (namespace, name) =
            (app["metadata"]["namespace"].as_str().unwrap(), app["metadata"]["name"].as_str().unwrap());
        world.follow(name);
        let mut life =
            Self { world, namespace: namespace.into(), name: name.into(), commits: BTreeMap::new(), from: 0 };
        let destination = app["spec"]["destination"]["namespace"].as_str();
        let further = input["namespaces"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let own_home = (namespace != "argocd").then_some(namespace);
        let is_missing = |name: &&str| name.ends_with("-void") || name.ends_with("-made") || *name == "tea";
        let made = destination.filter(|name| !is_missing(name));
        for namespace in further.chain(made).chain(own_home).collect::<std::collections::BTreeSet<_>>() {
            life.world.create("v1", "Namespace", "", json!({"metadata": {"name": namespace}})).await;
        }
        for repository in input["repo"].as_array().into_iter().flatten() {
            let url = life.ours(&repository["repo"]);
            for commit in repository["commits"].as_array().into_iter().flatten() {
                life.push(url.as_str().unwrap(), commit);
            }
            for tag in repository["tags"].as_array().into_iter().flatten() {
                let commit = life.ours(&tag["commit"]);
                life.world.git.tag(
                    url.as_str().unwrap(),
                    tag["tag"].as_str().unwrap(),
                    commit.as_str().unwrap(),
                );
            }
        }
        for object in input["before"].as_array().into_iter().flatten() {
            let place = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let (api_version, kind) =
                (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
            life.world.create(api_version, kind, place, object.clone()).await;
        }
        life
    }

    fn push(&mut self, url: &str, commit: &Value) {
        let branch = commit["branch"].as_str().unwrap_or("main");
        if let Some(base) = commit["base"].as_str() {
            self.world.git.branch(url, branch, base);
        }
        let files = commit["files"].as_object().unwrap();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let id = self.world.git.push(url, branch, &files);
        self.commits.insert(commit["id"].as_str().unwrap().to_owned(), id);
    }

    /// A recorded value with our commits and URLs.
    fn ours(&self, value: &Value) -> Value {
        let mut text = value.to_string().replace("<git>", GIT);
        for (recorded, ours) in &self.commits {
            text = text.replace(recorded, ours);
            text = text.replace(&recorded.replace("<commit:", "<commit7:"), &ours[..7]);
        }
        serde_json::from_str(&text).unwrap()
    }

    async fn act(&mut self, input: &Value, action: &Value) {
        let app = self.world.api("argoproj.io/v1alpha1", "Application", &self.namespace);
        let place = input["app"]["spec"]["destination"]["namespace"].as_str().unwrap_or_default();
        let kind = action["kind"].as_str().unwrap_or_default();
        let known = argocd::KINDS.iter().find(|known| known.kind == kind && !known.group.is_empty());
        let api_version = match known {
            Some(known) => format!("{}/{}", known.group, known.version),
            None if kind == "AppProject" => "argoproj.io/v1alpha1".to_owned(),
            None => "v1".to_owned(),
        };
        let api_version = api_version.as_str();
        let object = self.world.api(api_version, kind, if kind == "AppProject" { "argocd" } else { place });
        let (merge, resource) = (PatchParams::default(), action["resource"].as_str().unwrap_or_default());
        let patch = Patch::Merge(timely(self.ours(&action["patch"])));
        let url = self.ours(&action["repo"]).as_str().unwrap_or_default().to_owned();
        match action["do"].as_str().unwrap() {
            "create app" => {
                let created = self.ours(&input["app"]);
                self.world.create("argoproj.io/v1alpha1", "Application", &self.namespace, created).await;
            }
            "merge patch app" => drop(app.patch(&self.name, &merge, &patch).await.unwrap()),
            "delete app" => drop(app.delete(&self.name, &DeleteParams::default()).await.unwrap()),
            "merge patch resource" => drop(object.patch(resource, &merge, &patch).await.unwrap()),
            "merge patch status of resource" => {
                let mut status = self.ours(&action["patch"]);
                if status.pointer("/status/observedGeneration") == Some(&json!("current")) {
                    let live = object.get(resource).await.unwrap();
                    status["status"]["observedGeneration"] = json!(live.metadata.generation);
                }
                drop(object.patch_status(resource, &merge, &Patch::Merge(status)).await.unwrap());
            }
            "delete resource" => drop(object.delete(resource, &DeleteParams::default()).await.unwrap()),
            "git push" => self.push(&url, &action["commit"]),
            "git repository removed" => self.world.git.set_down(&url, true),
            "git repository restored" => self.world.git.set_down(&url, false),
            other => unreachable!("an action of no known kind: {other}"),
        }
    }
}

/// An Application as it is compared: without times, and without texts that only inform.
fn compared(app: &Value) -> Value {
    let mut shown = json!({"metadata": {}});
    for member in ["annotations", "finalizers"] {
        let value = &app["metadata"][member];
        if value.as_object().is_some_and(|o| !o.is_empty()) || value.as_array().is_some_and(|a| !a.is_empty())
        {
            shown["metadata"][member] = value.clone();
        }
    }
    for member in ["operation", "status"] {
        if let Some(value) = app.get(member) {
            shown[member] = value.clone();
        }
    }
    timeless(&mut shown);
    let state = &mut shown["status"]["operationState"];
    if let Some(state) = state.as_object_mut() {
        if state["phase"] != "Succeeded" {
            state.remove("message");
        }
        let entries = state.get_mut("syncResult").and_then(|result| result.get_mut("resources"));
        if let Some(entries) = entries.and_then(Value::as_array_mut) {
            let is_failed = entries.iter().any(|entry| entry["status"] == "SyncFailed");
            for entry in entries.iter_mut().filter_map(Value::as_object_mut).filter(|_| is_failed) {
                // Whether the others were looked at again before the end is a race of the real one.
                entry.remove("hookPhase");
                if entry["status"] == "SyncFailed" {
                    entry.remove("message");
                }
            }
            entries.sort_by_key(|entry| format!("{}{}", entry["kind"], entry["name"]));
        }
    }
    for condition in shown["status"]["conditions"].as_array_mut().into_iter().flatten() {
        condition.as_object_mut().unwrap().remove("message");
    }
    tidy(&mut shown);
    shown
}

/// A recorded time that a person wrote is now.
fn timely(mut value: Value) -> Value {
    if let Some(time) = value.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(APPROVED)) {
        *time = json!(jiff::Timestamp::now().to_string());
    }
    value
}

const APPROVED: &str = "argocd.argoproj.io/deletion-approved";

fn timeless(value: &mut Value) {
    const TIMES: &[&str] = &[
        "lastTransitionTime",
        "reconciledAt",
        "startedAt",
        "finishedAt",
        "deployedAt",
        "deployStartedAt",
        APPROVED,
    ];
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if TIMES.contains(&key.as_str()) && member.is_string() {
                    *member = json!("<time>");
                } else {
                    timeless(member);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(timeless),
        _ => {}
    }
}

/// Indexing leaves nulls behind: an absent member and null are the same here.
fn tidy(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(tidy);
    }
}

async fn live(case: &Case) -> Verdict {
    let input = &case.input;
    let mut life = Life::begin(input).await;
    let trace = case.want.as_ref().and_then(|want| want["trace"].as_array()).unwrap();
    let after = case.want.as_ref().and_then(|want| want["after"].as_array()).unwrap();
    let actions = input["actions"].as_array().unwrap();
    for action in actions {
        life.from = life.world.versions().len();
        life.act(input, action).await;
        let Some(told) = after.iter().find(|told| told["after_action"] == action["at"]) else { continue };
        let last = &trace[usize::try_from(told["last_version"].as_u64().unwrap()).unwrap()];
        if last["type"] == "DELETED" {
            life.world.until("the deletion", |app| app["gone"] == true).await;
            continue;
        }
        // What came next did not wait for a state at rest.
        let next = actions.iter().find(|next| next["at"].as_u64() > action["at"].as_u64());
        if let Some(next) = next.filter(|next| !matches!(next["when"].as_str(), None | Some("settled"))) {
            let want = &last["object"]["status"]["operationState"];
            let asked = life.ours(&last["object"]["operation"]);
            let is_there = |app: &Value| {
                let got = &app["status"]["operationState"];
                let message = &want["message"];
                let waits = message.as_str().is_some_and(|message| message.starts_with("waiting for"));
                app["operation"] == asked
                    && got["phase"] == want["phase"]
                    && got["retryCount"] == want["retryCount"]
                    && (!waits || got["message"] == *message)
            };
            life.world.until(next["when"].as_str().unwrap(), is_there).await;
            continue;
        }
        let from = if last["after_action"] == action["at"] { life.from } else { 0 };
        let settled = told["same_twice"]["settled"] == true;
        let want = compared(&life.ours(&last["object"]));
        let phase = &want["status"]["operationState"]["phase"];
        // Two recordings rested in different states: only how far the operation came counts then.
        let is_there = |app: &Value| {
            let same = difference(&want, &compared(app)).is_none();
            same || !settled && app["status"]["operationState"]["phase"] == *phase
        };
        let got = life.world.settle(REST, from, is_there).await;
        if settled && let Err(app) = &got {
            if from_cache(input, &want, app) {
                return Verdict::Accepted(FROM_CACHE);
            }
            let what = difference(&want, &compared(app)).unwrap_or_default();
            return Verdict::Different(format!("at rest after action {}: {what}", action["at"]));
        }
        let versions = life.world.versions();
        let mut phases: Vec<Value> = versions[life.from..]
            .iter()
            .map(|app| app["status"]["operationState"]["phase"].clone())
            .collect();
        phases.dedup();
        // What came late of the action before, where nobody waited for it.
        let before =
            life.from.checked_sub(1).map(|last| &versions[last]["status"]["operationState"]["phase"]);
        if phases.len() > 1 && phases.first() == before && told["phase"].get(0) != before {
            phases.remove(0);
        }
        if told["same_twice"]["phase"] == true
            && let Some(what) = difference(&told["phase"], &json!(phases))
        {
            return Verdict::Different(format!("phases after action {}: {what}", action["at"]));
        }
    }
    super::laws::check(&life.world.versions());
    Verdict::Equal
}

/// How many lives are lived at one time: most of each is waiting.
const AT_ONCE: usize = 8;

#[test]
fn vectors_transitions_lived_again() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = ferry_vectors::read("argocd/transitions").unwrap_or_default();
    let cases = cases.into_iter().filter(|case| not_covered(&case.input).is_none());
    let tasks = cases.map(|case| async move {
        let name = case.name.clone();
        let lived = tokio::spawn(async move { live(&case).await }).await;
        (name, lived.unwrap_or_else(|panic| Verdict::Different(panic.to_string())))
    });
    let lived: BTreeMap<String, Verdict> =
        runtime.block_on(futures::stream::iter(tasks).buffer_unordered(AT_ONCE).collect());
    replay_with("argocd/transitions", |case| match not_covered(&case.input) {
        Some(what) => Verdict::NotCovered(what.to_owned()),
        None => lived[&case.name].clone(),
    });
}
