//! Steps that edit files, as the recordings of their own have them: `kargo/json-update`, `kargo/toml-update`.

use ferry_steps::toml;
use ferry_vectors::{Answer, Case, Rule, Verdict, judge, replay_with};
use serde_json::{Value, json};

use crate::bench::{Bench, told};
use crate::local::OUTSIDE;
use crate::yaml_rules::updates;

#[test]
fn vectors_json_update() {
    replay_with("kargo/json-update", |case| file_step(case, JSON_RULES));
}

#[test]
fn vectors_toml_update() {
    replay_with("kargo/toml-update", |case| {
        let answer = match case.input["fn"].as_str() {
            Some("setValues") => {
                let text = case.input["text"].as_str().unwrap();
                let updates: Vec<_> = updates(&case.input["updates"]).collect();
                toml::update(text, &updates).map(Value::from).map_err(|e| e.to_string())
            }
            Some("formatValue") => {
                toml::render(&case.input["value"]).map(Value::from).ok_or_else(|| "no scalar".to_owned())
            }
            _ => return file_step(case, TOML_RULES),
        };
        judge(case, &answer, TOML_RULES)
    });
}

/// Replays a case of a step whose recording gives all files afterwards.
pub fn file_step(case: &Case, rules: &[Rule]) -> Verdict {
    let bench = Bench::with(&case.input["files"]);
    let kind = case.input["step"].as_str().unwrap();
    let result = bench.run(kind, case.input["config"].clone());
    let mut answer = told(&result);
    if let Some(error) = &case.error {
        // The text of the error begins with the status.
        let text = error.as_str().unwrap_or_default();
        let status = if text.contains("(Failed)") { "Failed" } else { "Errored" };
        // Where only "is an error" was kept, any error will do.
        if answer["status"] == status || error == &json!(true) && result.is_err() {
            return Verdict::Equal;
        }
        return Verdict::Different(format!("want {status}, got {answer:?}"));
    }
    let files = bench.files().into_iter().map(|(path, (file, _))| (path, file)).collect();
    answer.insert("files".to_owned(), Value::Object(files));
    answer.remove("terminal");
    answer.entry("output").or_insert_with(|| json!({}));
    judge(case, &Ok(Value::Object(answer)), rules)
}

pub const JSON_RULES: &[Rule] = &[
    OUTSIDE,
    Rule {
        name: "what is not JSON",
        reason: "surprises, editing files: json-update silently replaces or edits what is not JSON (mend: an error)",
        applies: |case| {
            json_text(case).is_some_and(|text| {
                !text.contains("//")
                    && serde_json::Deserializer::from_str(text).into_iter::<Value>().any(|v| v.is_err())
            })
        },
        instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Errored"),
    },
    Rule {
        name: "numbers are told as they are written",
        reason: "surprises, editing files: 10000000 is told as 1e+07; schemas: integers above 2^53 lose precision (mend)",
        applies: |case| json_text(case).is_some() && updates_of(case).any(|(_, value)| value.is_number()),
        instead: |case, answer| {
            let (Some(want), Ok(answer)) = (&case.want, answer) else { return false };
            let exact = |n: &Value| n.as_i64().is_none_or(|n| n.unsigned_abs() < 1 << 53);
            let exact = updates_of(case).all(|(_, value)| exact(value));
            let told = answer["output"]["commitMessage"].as_str().unwrap_or_default();
            let written =
                answer["files"].as_object().and_then(|f| f.values().next()?.as_str()).unwrap_or_default();
            updates_of(case).all(|(key, value)| {
                let number = ferry_steps::json::render(value).unwrap();
                told.contains(&format!("- {key}: {number}")) && written.contains(&number)
            }) && (!exact || want["files"] == answer["files"])
        },
    },
    Rule {
        name: "what is beside a new element stays",
        reason: "issue, deliver: editing keeps everything, only addressed lines change; recorded are a list written anew, \
                 and the end of the file cut off",
        applies: |case| json_text(case).is_some(),
        instead: |case, answer| {
            let (Some(before), Ok(answer)) = (json_text(case), answer) else { return false };
            let text = |of: &Value| {
                of["files"].as_object().and_then(|f| f.values().next()?.as_str().map(str::to_owned))
            };
            let (Some(want), Some(got)) = (case.want.as_ref().and_then(text), text(answer)) else {
                return false;
            };
            // The same data, and all that was there is still there.
            let read = |text: &str| serde_json::from_str::<Value>(text).ok();
            let at = before.bytes().zip(got.bytes()).take_while(|(a, b)| a == b).count();
            let same_end = before.bytes().rev().zip(got.bytes().rev()).take_while(|(a, b)| a == b).count();
            answer["output"] == case.want.as_ref().unwrap()["output"]
                && read(&want).is_some()
                && read(&want) == read(&got)
                && at + same_end >= before.len()
        },
    },
];

fn json_text(case: &Case) -> Option<&str> {
    let path = case.input["config"]["path"].as_str()?;
    let file = &case.input["files"][path.trim_start_matches("./")];
    file.as_str().or(file["content"].as_str())
}

pub const TOML_RULES: &[Rule] = &[
    OUTSIDE,
    Rule {
        name: "whole numbers stay whole",
        reason: "surprises, editing files: toml-update writes integers as floats (mend)",
        applies: |case| {
            let whole =
                |value: &Value| value.is_i64() || value.as_str().is_some_and(|text| text.contains("${{"));
            whole(&case.input["value"]) || updates_of(case).any(|(_, value)| whole(value))
        },
        instead: |case, answer| {
            let (Some(want), Ok(answer)) = (&case.want, answer) else { return false };
            let told =
                |of: &Value| if of.is_string() { of.clone() } else { json!([of["files"], of["output"]]) };
            without_zeros(&told(want).to_string()) == without_zeros(&told(answer).to_string())
        },
    },
    Rule {
        name: "comments are no elements",
        reason: "surprises, editing files: toml-update counts comments inside arrays as elements (mend)",
        applies: |case| {
            let text = case.input["text"].as_str();
            text.is_some_and(|text| {
                let commented =
                    text.lines().any(|line| line.contains(", #") && !line.trim_end().ends_with(']'));
                commented
                    && updates_of(case)
                        .any(|(key, _)| key.rsplit('.').next().is_some_and(|i| i.parse::<u32>().is_ok()))
            })
        },
        instead: |case, answer: &Answer| {
            // Read as lists, the element of that index has the value, or there is none of that index.
            let (Some(text), Some((key, value))) = (case.input["text"].as_str(), updates_of(case).next())
            else {
                return false;
            };
            let (list, index) = key.rsplit_once('.').unwrap();
            let read = |text: &str| {
                let read = text.parse::<toml_edit::DocumentMut>().ok()?;
                let list = read.get(list)?.as_array()?.clone();
                Some(list.iter().map(|v| v.to_string().trim().to_owned()).collect::<Vec<_>>())
            };
            let index: usize = index.trim_start_matches(':').parse().unwrap();
            match answer {
                Err(_) => read(text).is_some_and(|before| index >= before.len()),
                Ok(after) => {
                    let lines: Vec<_> = read(after.as_str().unwrap()).unwrap_or_default();
                    lines.get(index).is_some_and(|line| line.ends_with(&toml::render(value).unwrap()))
                }
            }
        },
    },
];

/// Takes the `.0` off whole numbers.
fn without_zeros(text: &str) -> String {
    let mut parts = text.split(".0");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let fraction = part.starts_with(|c: char| c.is_ascii_digit());
        if fraction || !out.ends_with(|c: char| c.is_ascii_digit()) {
            out.push_str(".0");
        }
        out.push_str(part);
    }
    out
}

fn updates_of(case: &Case) -> impl Iterator<Item = (&str, &Value)> {
    let list = &case.input["updates"];
    updates(if list.is_null() { &case.input["config"]["updates"] } else { list })
        .filter(|(key, _)| !key.is_empty())
}
