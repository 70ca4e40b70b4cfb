//! Changing YAML: `kargo/yaml-update`, `kargo/key-paths`, and that nothing else changes.

use ferry_steps::{key_path, yaml};
use ferry_vectors::{Verdict, judge, replay, replay_with};
use serde_json::{Value, json};

use crate::files::file_step;
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
            Some("yaml-update") => return file_step(case, yaml_rules::RULES),
            _ => return Verdict::NotCovered("the step does not work so".to_owned()),
        };
        judge(case, &answer, yaml_rules::RULES)
    });
}
