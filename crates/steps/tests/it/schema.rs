//! What configs are valid: `kargo/config-schema`.

use ferry_steps::BUILTIN;
use ferry_vectors::{Rule, replay};
use serde_json::json;

#[test]
fn vectors_config_schema() {
    const RULES: &[Rule] = &[];
    replay("kargo/config-schema", RULES, |case| {
        let kind = case.input["kind"].as_str()?;
        let def = BUILTIN.iter().find(|def| def.kind == kind)?;
        if case.input["config"].to_string().contains("${{") {
            return None;
        }
        let prepared = def.prepare(case.input["config"].clone());
        Some(prepared.map(|_| json!({"valid": true})).map_err(|e| e.to_string()))
    });
}

#[test]
fn every_step_has_a_schema_that_refuses_unknown_fields() {
    for def in BUILTIN.iter().filter(|def| def.kind != "compose-output") {
        let schema = def.schema();
        assert_eq!(schema["additionalProperties"], json!(false), "{}", def.kind);
        assert!(schema["properties"].as_object().is_some_and(|p| !p.is_empty()), "{}", def.kind);
    }
}
