//! Merging YAML: `kargo/yaml-merge`, and that what is not addressed stays.

use ferry_steps::yaml;
use ferry_vectors::{Answer, Case, Rule, judge, replay_with};
use serde_json::Value;

use crate::files::file_step;
use crate::local::OUTSIDE;

#[test]
fn vectors_yaml_merge() {
    let mut rules = vec![OUTSIDE];
    rules.extend(RULES);
    replay_with("kargo/yaml-merge", |case| match case.input["files"].as_array() {
        Some(_) => {
            let merged =
                texts(case).into_iter().try_fold(String::new(), |merged, file| yaml::merge(&merged, file));
            judge(case, &merged.map(Value::from).map_err(|e| e.to_string()), &rules)
        }
        None => file_step(case, &rules),
    });
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "what is not addressed is not written anew",
        reason: "issue, deliver: editing keeps comments, order, quotes, long lines, CRLF, several documents; only \
                 addressed lines change; recorded is the whole file written in one layout",
        applies: |case| texts(case).iter().any(|text| is_laid_out_otherwise(text)),
        instead: |case, answer| {
            let want = case.want.clone().and_then(|want| written(case, &Ok(want)));
            let (Some(want), Some(got)) = (want, written(case, answer)) else { return false };
            let given: Vec<_> = texts(case).iter().flat_map(|text| lines(text)).collect();
            let (wanted, got_lines) = (lines(&want), lines(&got));
            // The same data, no line of our own making, no comment lost.
            data(&unquoted(&want)) == data(&unquoted(&got))
                && got_lines.iter().all(|line| given.contains(line) || wanted.contains(line))
                && wanted.iter().all(|line| !line.starts_with('#') || got_lines.contains(line))
        },
    },
    Rule {
        name: "anchors stay",
        reason: "failure-modes 57: YAML edits keep anchors; recorded are values lost that an alias or << gave",
        applies: |case| texts(case).iter().any(|text| text.contains('*') || text.contains("<<")),
        instead: |case, answer| {
            let merged = texts(case).into_iter().map(data).reduce(|base, patch| merged(base, &patch));
            written(case, answer).is_some_and(|text| Some(data(&text)) == merged)
        },
    },
];

/// What is true or false in YAML 1.1 only.
const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// The texts that are merged.
fn texts(case: &Case) -> Vec<&str> {
    if let Some(files) = case.input["files"].as_array() {
        return files.iter().filter_map(Value::as_str).collect();
    }
    let names = case.input["config"]["inFiles"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(|name| case.input["files"][name].as_str()).collect()
}

/// What was written, by the function or by the step.
fn written(case: &Case, answer: &Answer) -> Option<String> {
    match answer.as_ref().ok()? {
        Value::String(text) => Some(text.clone()),
        step => Some(step["files"][case.input["config"]["outFile"].as_str()?].as_str()?.to_owned()),
    }
}

/// Whether a text has empty lines, marks of documents, other indents, or what YAML 1.1 would read otherwise.
fn is_laid_out_otherwise(text: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut above = 0;
    let mut holds = false;
    text.contains('\r')
        || text.lines().any(|line| {
            let deeper = indent(line).saturating_sub(above);
            let is_item = line.trim_start().starts_with("- ");
            let word = line.rsplit([' ', ':']).next().unwrap_or_default();
            let odd = line.trim().is_empty()
                || line == "---"
                || deeper > 2
                || holds && is_item && deeper > 0
                || matches!(word, ">-" | ">")
                || WORDS.contains(&word);
            above = indent(line);
            holds = line.ends_with(':');
            odd
        })
}

/// With the words unquoted that are quoted only for YAML 1.1.
fn unquoted(text: &str) -> String {
    WORDS.iter().fold(text.to_owned(), |text, word| text.replace(&format!("\"{word}\""), word))
}

/// The lines without what only is layout.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().replace(['"', '\''], "")).filter(|line| !line.is_empty()).collect()
}

fn data(text: &str) -> Value {
    yaml::read(text).unwrap()
}

fn merged(base: Value, patch: &Value) -> Value {
    match (base, patch) {
        (Value::Object(mut base), Value::Object(patch)) => {
            for (key, value) in patch {
                let old = base.remove(key).unwrap_or(Value::Null);
                if !value.is_null() {
                    base.insert(key.clone(), merged(old, value));
                }
            }
            Value::Object(base)
        }
        (_, patch) => patch.clone(),
    }
}
