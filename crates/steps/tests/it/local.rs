//! Steps that touch the work directory only: `kargo/steps-local`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use ferry_artifact::egress::Egress;
use ferry_net::Http;
use ferry_steps::BUILTIN;
use ferry_vectors::{Answer, Case, Rule, Verdict, judge, replay_with};
use serde_json::{Map, Value, json};

use crate::bench::{Bench, put, told, wanted};
use crate::programs::with_programs;
use crate::{chart_rules, file_rules, json_rules, toml_rules, yaml_merge, yaml_rules};

#[test]
fn vectors_steps_local() {
    replay_with("kargo/steps-local", |case| replay(case, &rules_of(&case.input["kind"])));
}

/// The rules of a kind of step; those of another kind say nothing of it.
pub fn rules_of(kind: &Value) -> Vec<Rule> {
    let own: &[Rule] = match kind.as_str() {
        Some("compose-output") => &[WHOLE_NUMBERS],
        Some("copy") => &[file_rules::COPY],
        Some("kustomize-build") => &[file_rules::BUILD],
        Some("kustomize-set-image") => &[file_rules::SET_IMAGE],
        Some("helm-template") => chart_rules::TEMPLATE,
        Some("helm-update-chart") => chart_rules::UPDATE,
        Some("untar") => &[OUT_IS_ALL, LEFT_OUT, LINK_UP, DOT_SLASH],
        Some("json-update") => json_rules::RULES,
        Some("toml-update") => toml_rules::RULES,
        Some("yaml-update") => yaml_rules::RULES,
        Some("yaml-merge") => yaml_merge::RULES,
        _ => &[],
    };
    [&[OUTSIDE, NOTHING_HALF_DONE], own].concat()
}

pub fn replay(case: &Case, rules: &[Rule]) -> Verdict {
    let kind = case.input["kind"].as_str().unwrap();
    if !BUILTIN.iter().any(|def| def.kind == kind) {
        return Verdict::NotCovered(format!("no step {kind} yet"));
    }
    let want = case.want.as_ref().unwrap();
    let mut bench = Bench::with(&case.input["files"]);
    if matches!(kind, "helm-template" | "helm-update-chart" | "kustomize-build")
        && with_programs(&mut bench).is_none()
    {
        return Verdict::NotCovered(format!("no real {kind} here"));
    }
    // A repository that a recording names was not there.
    bench.services = bench.services.clone().with(Arc::new(Http::new(Egress::default().with_loopback())));
    let context = &case.input["context"];
    bench.set(context, &case.input["objects"]);
    let alias = context["alias"].as_str().unwrap_or("step-under-test");
    let config = match bench.evaluated(&case.input["config"], alias) {
        Ok(_) if want.get("contextError").is_some() => {
            return Verdict::Different("want an error of an expression".to_owned());
        }
        Ok(config) => config,
        Err(_) if want.get("contextError").is_some() => return Verdict::Equal,
        Err(e) => return Verdict::Different(e),
    };
    for (path, file) in case.input["outside"].as_object().into_iter().flatten() {
        put(&bench.directory.path().join(path), file);
    }
    let before = bench.files();
    let project = context["project"].as_str().unwrap_or("demo").to_owned();
    let result = bench.run_in(kind, config.clone(), |ctx| ctx.project = project);
    let mut answer = told(&result);
    let mut keys = vec!["status", "terminal", "output"];
    if want.get("filesOmitted").is_none() {
        let mut files = changes(&before, &bench.files());
        if kind == "tar" {
            list_archives(&mut files, &bench.work(), |_| true);
        }
        if matches!(kind, "helm-template" | "helm-update-chart") {
            list_archives(&mut files, &bench.work(), |path| {
                Path::new(path).extension().is_some_and(|e| e == "tgz")
            });
            without_time(&mut files);
        }
        answer.insert("files".to_owned(), files);
        keys.push("files");
    }
    if matches!(kind, "file-write" | "untar") {
        answer.insert("modes".to_owned(), modes(&bench.work(), &want["modes"]));
        keys.push("modes");
    }
    for (path, file) in case.input["outside"].as_object().into_iter().flatten() {
        let now = std::fs::read_to_string(bench.directory.path().join(path)).unwrap();
        assert_eq!(Some(now.as_str()), file.as_str(), "outside");
    }
    let mut reduced = Case { want: Some(wanted(want, &keys)), ..case.clone() };
    // Rules speak of what the step was given, not of the expressions that give it.
    reduced.input["config"] = config;
    judge(&reduced, &Ok(Value::Object(answer)), rules)
}

/// Created, changed and deleted paths; a directory only where it is empty or was deleted.
pub fn changes(before: &BTreeMap<String, (Value, u32)>, after: &BTreeMap<String, (Value, u32)>) -> Value {
    let mut changes = Map::new();
    for (path, file) in after {
        // A directory that lost what was in it did not itself change.
        let emptied = before.keys().any(|old| old.starts_with(&format!("{path}/")));
        if before.get(path) != Some(file) && !emptied {
            changes.insert(path.clone(), file.0.clone());
        }
    }
    // A directory that is not empty any more is there.
    let filled = |path: &str| after.keys().any(|new| new.starts_with(&format!("{path}/")));
    for path in before.keys().filter(|path| !after.contains_key(*path) && !filled(path)) {
        changes.insert(path.clone(), Value::Null);
    }
    Value::Object(changes)
}

/// The modes of what the recording names.
fn modes(work: &Path, wanted: &Value) -> Value {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &String| {
        let metadata = std::fs::metadata(work.join(path)).ok()?;
        Some((path.clone(), json!(format!("{:04o}", metadata.permissions().mode() & 0o7777))))
    };
    Value::Object(wanted.as_object().into_iter().flatten().filter_map(|(path, _)| mode(path)).collect())
}

/// When a lock was made is not compared.
fn without_time(files: &mut Value) {
    let files = files.as_object_mut().into_iter().flatten();
    for (_, file) in
        files.filter(|(path, _)| path.ends_with("Chart.lock") || path.ends_with("requirements.lock"))
    {
        if let Some(text) = file.as_str() {
            *file = json!(text.replace("1970-01-01T00:00:00Z", "<time>"));
        }
    }
}

/// Gives archives as lists of their entries, as the recordings have them.
fn list_archives(files: &mut Value, work: &Path, is_archive: fn(&str) -> bool) {
    let files = files.as_object_mut().into_iter().flatten();
    for (path, file) in files.filter(|(path, file)| !file.is_null() && is_archive(path)) {
        let bytes = std::fs::read(work.join(path)).unwrap();
        let gzip = bytes.starts_with(&[0x1f, 0x8b]);
        let mut contents = Vec::new();
        if gzip {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut contents).unwrap();
        } else {
            contents = bytes;
        }
        let mut entries = Vec::new();
        for entry in tar::Archive::new(&contents[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let kind = char::from(entry.header().entry_type().as_byte()).to_string();
            let mut listed = json!({
                "name": entry.path().unwrap(), "type": kind,
                "mode": format!("{:04o}", entry.header().mode().unwrap()),
            });
            match kind.as_str() {
                "0" => {
                    let mut text = String::new();
                    entry.read_to_string(&mut text).unwrap();
                    listed["content"] = json!(text);
                }
                "2" => listed["link"] = json!(entry.link_name().unwrap()),
                _ => {}
            }
            entries.push(listed);
        }
        *file = json!({"gzip": gzip, "tar": entries});
    }
}

pub const OUTSIDE: Rule = Rule {
    name: "outside the work directory",
    reason: "issue, bad input: a file outside the work directory, also by symlink, gives a clear error",
    applies: |case| climbs(&case.input["config"]) || case.input["files"].as_object().is_some_and(leads_out),
    instead: |case, answer| {
        // Given are those that changed, or all.
        let files = answer.as_ref().ok().and_then(|a| a.get("files"));
        failed(answer) && files.is_none_or(|files| *files == json!({}) || *files == case.input["files"])
    },
};

const NOTHING_HALF_DONE: Rule = Rule {
    name: "a step that fails leaves nothing",
    reason: "issue, bad input: no effect half done; recorded is what a step had made before it failed",
    applies: |case| {
        let makes = ["helm-template", "helm-update-chart", "kustomize-build", "copy"];
        let left = case.want.as_ref().and_then(|want| want["files"].as_object());
        let failed = case.want.as_ref().is_some_and(|want| want["status"] != "Succeeded");
        makes.iter().any(|kind| case.input["kind"] == *kind)
            && failed
            && left.is_some_and(|files| !files.is_empty())
    },
    instead: |case, answer| {
        let want = case.want.as_ref().unwrap();
        let same = |a: &Value, key: &str| a[key] == want[key];
        failed(answer)
            && answer
                .as_ref()
                .is_ok_and(|a| same(a, "status") && same(a, "terminal") && a["files"] == json!({}))
    },
};

fn failed(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(|a| a["status"] == "Errored" || a["status"] == "Failed")
}

/// Whether a path in the config climbs above the work directory by its words.
pub fn climbs(config: &Value) -> bool {
    match config {
        Value::String(text) => steps_out(text),
        Value::Array(list) => list.iter().any(climbs),
        Value::Object(map) => map.values().any(climbs),
        _ => false,
    }
}

fn steps_out(path: &str) -> bool {
    let mut depth = 0;
    path.split('/').any(|part| {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        depth < 0
    })
}

/// Whether a link among the files leads out of the work directory.
pub fn leads_out(files: &Map<String, Value>) -> bool {
    files.iter().any(|(path, file)| {
        let Some(target) = file.get("link").and_then(Value::as_str) else { return false };
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        target.starts_with('/')
            || steps_out(&format!("{parent}/{target}"))
            || target == ".."
            || target == "../"
    })
}

const WHOLE_NUMBERS: Rule = Rule {
    name: "whole numbers",
    reason: "surprises, schemas: JSON integers above 2^53 lose precision (mend)",
    applies: |case| holds_big_number(&case.input["config"]),
    instead: |case, answer| answer.as_ref().is_ok_and(|a| a["output"] == case.input["config"]),
};

const OUT_IS_ALL: Rule = Rule {
    name: "untar into the work directory",
    reason: "surprises, git and files: with outPath . untar wipes the work directory (mend)",
    applies: |case| case.input["kind"] == "untar" && case.input["config"]["outPath"] == ".",
    instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Succeeded" && nothing_deleted(a)),
};

fn nothing_deleted(answer: &Value) -> bool {
    answer["files"].as_object().is_some_and(|files| files.values().all(|file| !file.is_null()))
}

const LEFT_OUT: Rule = Rule {
    name: "untar leaves out what is ignored",
    reason: "surprises, git and files: untar's ignore patterns work only as one exact base name, its .git default does \
             nothing; recorded as a defect",
    applies: |case| case.input["kind"] == "untar",
    instead: |case, answer| {
        let patterns = case.input["config"]["ignore"].as_str().unwrap_or(".git");
        let want = case.want.as_ref().unwrap();
        let Ok(answer) = answer else { return false };
        let left_out = |path: &str| {
            let suffix = |pattern: &str| pattern.trim_start_matches('*').to_owned();
            patterns.lines().any(|p| {
                path.split('/').any(|part| part == p || p.starts_with('*') && part.ends_with(&suffix(p)))
            })
        };
        let kept = |member: &str| {
            let mut kept = want[member].as_object().cloned().unwrap_or_default();
            kept.retain(|path, _| !left_out(path));
            Value::Object(kept)
        };
        want["status"] == answer["status"]
            && answer["files"] == kept("files")
            && answer["modes"] == kept("modes")
    },
};

const LINK_UP: Rule = Rule {
    name: "links stay below outPath",
    reason: "failure-modes S11: symbolic links in an archive cannot escape; recorded as a defect",
    applies: |case| {
        let want = case.want.as_ref().and_then(|want| want["files"].as_object());
        case.input["kind"] == "untar"
            && want.is_some_and(|files| files.values().any(|file| file["link"] == ".."))
    },
    instead: |case, answer| {
        let out = format!("{}/", case.input["config"]["outPath"].as_str().unwrap());
        let got = answer.as_ref().ok().and_then(|a| a["files"].as_object());
        got.is_some_and(|got| {
            got.iter().all(|(path, file)| path.starts_with(&out) && file.get("link").is_none())
        })
    },
};

const DOT_SLASH: Rule = Rule {
    name: "names that begin with ./",
    reason: "docs/compatibility.md: `tar -C directory .` begins every name so, and without them nothing of its archives \
             would be extracted",
    applies: |case| {
        case.input["kind"] == "untar" && entries(case).iter().any(|(name, _)| name.starts_with("./"))
    },
    instead: |case, answer| {
        let out = case.input["config"]["outPath"].as_str().unwrap();
        let mut wanted = case.want.as_ref().unwrap()["files"].as_object().cloned().unwrap_or_default();
        for (name, content) in entries(case) {
            if let (Some(name), Some(content)) = (name.strip_prefix("./"), content) {
                wanted.insert(format!("{out}/{name}"), json!(content));
                wanted.remove(out);
            }
        }
        answer.as_ref().is_ok_and(|a| a["status"] == "Succeeded" && a["files"] == Value::Object(wanted))
    },
};

/// The names in the archive of a case, and the texts of its files.
fn entries(case: &Case) -> Vec<(String, Option<String>)> {
    let path = case.input["config"]["inPath"].as_str().unwrap_or_default();
    let bytes = case.input["files"][path]["base64"].as_str();
    let bytes = bytes.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let bytes = bytes.unwrap_or_default();
    let mut contents = Vec::new();
    if flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut contents).is_err() {
        contents = bytes;
    }
    let mut archive = tar::Archive::new(&contents[..]);
    let entries = archive.entries().unwrap().map_while(Result::ok).map(|mut entry| {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut text = String::new();
        let is_file = entry.header().entry_type().is_file() && entry.read_to_string(&mut text).is_ok();
        (name, is_file.then_some(text))
    });
    entries.collect()
}

/// Whether some whole number is beyond what a float can say.
pub fn holds_big_number(value: &Value) -> bool {
    match value {
        Value::Number(n) => {
            n.as_i64().is_some_and(|n| n.unsigned_abs() > 1 << 53) || n.as_u64() > Some(1 << 53)
        }
        Value::Array(list) => list.iter().any(holds_big_number),
        Value::Object(map) => map.values().any(holds_big_number),
        _ => false,
    }
}

#[test]
fn an_error_is_no_answer_to_what_only_is_not_json() {
    for kind in ["yaml-update", "yaml-parse", "yaml-merge", "toml-update", "toml-parse"] {
        let config = json!({"path": "f", "updates": [{"key": "a", "value": "N"}]});
        let case = Case {
            name: kind.to_owned(),
            input: json!({"kind": kind, "config": config, "files": {"f": "a: 1\n"}}),
            want: Some(json!({"status": "Succeeded", "files": {"f": "a: N\n"}})),
            error: None,
            line: Value::Null,
        };
        let answer = Ok(json!({"status": "Errored", "files": {}}));
        let verdict = judge(&case, &answer, &rules_of(&case.input["kind"]));
        assert!(matches!(verdict, Verdict::Different(_)), "{kind}: {verdict:?}");
    }
}

#[test]
fn copy_of_a_file_onto_itself_keeps_it() {
    let bench = Bench::with(&json!({"a": "A", "l": {"link": "a"}}));
    for out in ["a", "./a", "l"] {
        bench.run("copy", json!({"inPath": "a", "outPath": out})).unwrap();
        assert_eq!(bench.files()["a"].0, json!("A"));
    }
}

#[test]
fn copy_into_a_part_of_itself_that_is_ignored() {
    let bench = Bench::with(&json!({"a": "A", "out/old": "O"}));
    bench.run("copy", json!({"inPath": ".", "outPath": "out/copy", "ignore": "out"})).unwrap();
    assert_eq!(bench.files()["out/copy/a"].0, json!("A"));
    let refused = bench.run("copy", json!({"inPath": ".", "outPath": "other"})).unwrap_err();
    assert!(refused.to_string().contains("lies inside inPath"), "{refused}");
}

#[test]
fn documents_nested_without_end_are_refused() {
    let deep = 200_000;
    let files = json!({
        "dots.toml": format!("{}a = 1", "a.".repeat(deep)),
        "table.toml": format!("[{}a]\nb = 1", "a.".repeat(deep)),
        "arrays.toml": format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        "lists.json": "[".repeat(deep),
        "maps.yaml": "{a: ".repeat(deep),
    });
    let bench = Bench::with(&files);
    for path in files.as_object().unwrap().keys() {
        let language = path.rsplit_once('.').unwrap().1;
        let outputs = json!([{"name": "x", "fromExpression": "1"}]);
        let parsed = bench.run(&format!("{language}-parse"), json!({"path": path, "outputs": outputs}));
        assert!(parsed.is_err(), "{path}");
        let update = json!({"path": path, "updates": [{"key": "q", "value": 1}]});
        assert!(bench.run(&format!("{language}-update"), update).is_err(), "{path}");
    }
}

#[test]
fn fm_57_a_kustomization_keeps_what_is_not_its_images() {
    let text = "# ours\r\nresources:\r\n    - ../base\r\n\r\nimages: # pinned\r\n- newTag: '1' # by hand\r\n  name: b\r\n  tagSuffix: -x\r\n- name: c # of c\r\n  tagSuffix: -y # stays\r\n\r\n# end\r\nnamePrefix: p-\r\n";
    let bench = Bench::with(&json!({"k/kustomization.yaml": text}));
    let config =
        json!({"path": "k", "images": [{"image": "b", "digest": "sha256:00"}, {"image": "a", "tag": "on"}]});
    bench.run("kustomize-set-image", config).unwrap();
    let after = "# ours\r\nresources:\r\n    - ../base\r\n\r\nimages: # pinned\r\n- name: a\r\n  newTag: \"on\"\r\n- name: b\r\n  digest: sha256:00\r\n- name: c # of c\r\n  tagSuffix: -y # stays\r\n\r\n# end\r\nnamePrefix: p-\r\n";
    assert_eq!(std::fs::read_to_string(bench.work().join("k/kustomization.yaml")).unwrap(), after);
}

#[test]
fn a_kustomization_that_is_none() {
    for (text, why) in [
        ("images: {a: 1}\n", "images is no list"),
        ("images: [a]\n", "an element of images is no map"),
        ("images: [{name: [a]}]\n", "name of an element of images is no text"),
        ("- a\n", "the document is a list and cannot become a map"),
        ("images: [\n", "not valid YAML"),
        ("", "the document says nothing"),
        ("# resources:\n# - a.yaml\n", "the document says nothing"),
        ("---\n", "the document says nothing"),
    ] {
        let bench = Bench::with(&json!({"k/kustomization.yaml": text}));
        let config = json!({"path": "k", "images": [{"image": "b", "tag": "1"}]});
        let error = bench.run("kustomize-set-image", config).unwrap_err().to_string();
        assert!(error.contains("k/kustomization.yaml") && error.contains(why), "{text}: {error}");
    }
}
