//! Steps that touch the work directory only: `kargo/steps-local`.

use std::collections::BTreeMap;

use ferry_steps::BUILTIN;
use ferry_vectors::{Answer, Case, Rule, Verdict, judge, replay_with};
use serde_json::{Map, Value, json};

use crate::bench::{Bench, put, told, wanted};
use crate::yaml_rules;

#[test]
fn vectors_steps_local() {
    let mut rules = vec![OUTSIDE, WHOLE_NUMBERS];
    rules.extend(yaml_rules::RULES);
    replay_with("kargo/steps-local", |case| replay(case, &rules));
}

fn replay(case: &Case, rules: &[Rule]) -> Verdict {
    let kind = case.input["kind"].as_str().unwrap();
    if !BUILTIN.iter().any(|def| def.kind == kind) {
        return Verdict::NotCovered(format!("no step {kind} yet"));
    }
    let want = case.want.as_ref().unwrap();
    let bench = Bench::with(&case.input["files"]);
    let config = match bench.evaluated(&case.input["config"], &case.input["context"]) {
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
    let result = bench.run(kind, config);
    let mut answer = told(&result);
    let keys: &[&str] = if want.get("filesOmitted").is_some() {
        &["status", "terminal", "output"]
    } else {
        answer.insert("files".to_owned(), changes(&before, &bench.files()));
        &["status", "terminal", "output", "files"]
    };
    for (path, file) in case.input["outside"].as_object().into_iter().flatten() {
        let now = std::fs::read_to_string(bench.directory.path().join(path)).unwrap();
        assert_eq!(Some(now.as_str()), file.as_str(), "outside");
    }
    let reduced = Case { want: Some(wanted(want, keys)), ..case.clone() };
    judge(&reduced, &Ok(Value::Object(answer)), rules)
}

/// Created, changed and deleted paths; a directory only where it is empty or was deleted.
fn changes(before: &BTreeMap<String, (Value, u32)>, after: &BTreeMap<String, (Value, u32)>) -> Value {
    let mut changes = Map::new();
    for (path, file) in after {
        // A directory that lost what was in it did not itself change.
        let emptied = before.keys().any(|old| old.starts_with(&format!("{path}/")));
        if before.get(path) != Some(file) && !emptied {
            changes.insert(path.clone(), file.0.clone());
        }
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        changes.insert(path.clone(), Value::Null);
    }
    Value::Object(changes)
}

const OUTSIDE: Rule = Rule {
    name: "outside the work directory",
    reason: "issue, bad input: a file outside the work directory, also by symlink, gives a clear error",
    applies: |case| climbs(&case.input["config"]) || case.input["files"].as_object().is_some_and(leads_out),
    instead: |_, answer| failed(answer),
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

fn holds_big_number(value: &Value) -> bool {
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
fn config_errors_name_the_field() {
    let bench = Bench::new();
    for (kind, config, says) in [
        ("copy", json!({"inPath": "", "outPath": "b"}), "inPath: a path must not be empty"),
        (
            "copy",
            json!({"inPath": "../a", "outPath": "b"}),
            "inPath: \"../a\" leads out of the work directory",
        ),
        ("yaml-update", json!({"path": "f", "updates": [{"key": ""}]}), "updates[0].key: must not be empty"),
        ("yaml-update", json!({"path": "f", "updates": [{"key": "k"}]}), "updates[0]: missing field `value`"),
        ("delete", json!({"path": "a", "paths": ["b"]}), "either path or paths, not both"),
        ("fail", json!({"message": null}), "message: invalid type: null"),
    ] {
        let error = bench.run(kind, config).unwrap_err();
        assert!(error.to_string().contains(says), "{kind}: {error}");
    }
}
