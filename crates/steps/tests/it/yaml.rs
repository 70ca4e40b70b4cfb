//! Changing YAML: `kargo/yaml-update`, `kargo/key-paths`, and that nothing else changes.

use ferry_steps::{key_path, yaml};
use ferry_vectors::{Case, Verdict, judge, replay, replay_with};
use serde_json::{Value, json};

use crate::bench::{Bench, told};
use crate::yaml_rules::{self, updates};

#[test]
fn vectors_key_paths() {
    replay("kargo/key-paths", &[], |case| {
        let parts = key_path::split(case.input["key"].as_str()?);
        Some(parts.map(|parts| json!(parts)).map_err(|e| e.to_string()))
    });
}

#[test]
fn vectors_yaml_update() {
    replay_with("kargo/yaml-update", |case| {
        let fun = case.input["fn"].as_str().or(case.input["step"].as_str());
        let answer = match fun {
            Some("setValues") => {
                let text = case.input["text"].as_str().unwrap();
                let updated = yaml::update(text, updates(&case.input["updates"]));
                updated.map(Value::from).map_err(|e| e.to_string())
            }
            Some("quoteIfNecessary") => Ok(match &case.input["value"] {
                text @ Value::String(_) => json!(yaml::quote_if_ambiguous(text)),
                other => other.clone(),
            }),
            Some("yaml-update") => return step(case),
            _ => return Verdict::NotCovered("the step does not work so".to_owned()),
        };
        judge(case, &answer, yaml_rules::RULES)
    });
}

fn step(case: &Case) -> Verdict {
    let bench = Bench::with(&case.input["files"]);
    let result = bench.run("yaml-update", case.input["config"].clone());
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
    judge(case, &Ok(Value::Object(answer)), yaml_rules::RULES)
}
