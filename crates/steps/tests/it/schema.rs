//! What configs are valid: `kargo/config-schema`.

use ferry_steps::BUILTIN;
use ferry_vectors::{Rule, replay};
use serde_json::json;

use crate::bench::Bench;

#[test]
fn vectors_config_schema() {
    const RULES: &[Rule] = &[
        Rule {
            name: "a name that is given twice",
            reason: "steps, git-clone: a name that is given twice fails the step for good",
            applies: |case| {
                let checkouts = case.input["config"]["checkout"].as_array().into_iter().flatten();
                let mut names = checkouts.filter_map(|c| c["as"].as_str()).filter(|name| !name.is_empty());
                let mut seen = std::collections::HashSet::new();
                case.input["kind"] == "git-clone" && !names.all(|name| seen.insert(name))
            },
            instead: |_, answer| answer.as_ref().is_err_and(|said| said.contains("is used twice")),
        },
        Rule {
            name: "no path has a NUL",
            reason: "issue, bad input: what can be no path is a clear error naming the field",
            applies: |case| case.input["config"].to_string().contains("\\u0000"),
            instead: |_, answer| answer.as_ref().is_err_and(|said| said.contains("NUL")),
        },
        Rule {
            name: "durations are nothing else",
            reason: "surprises, schemas: duration patterns are not anchored, `about 5s or so` passes (mend)",
            applies: |case| {
                let config = &case.input["config"];
                let given =
                    ["timeout", "pollInterval"].into_iter().filter_map(|field| config[field].as_str());
                given.into_iter().any(|text| ferry_api::duration::parse(text).is_err())
            },
            instead: |_, answer| answer.is_err(),
        },
    ];
    let bench = Bench::new();
    replay("kargo/config-schema", RULES, |case| {
        let kind = case.input["kind"].as_str()?;
        let def = BUILTIN.iter().find(|def| def.kind == kind)?;
        let config = match bench.evaluated(&case.input["config"], "x") {
            Ok(config) => config,
            Err(e) => return Some(Err(e)),
        };
        let prepared = def.prepare(config);
        Some(prepared.map(|_| json!({"valid": true})).map_err(|e| e.to_string()))
    });
}

#[test]
fn every_step_has_a_schema_that_refuses_unknown_fields() {
    // The one has the author's own fields, the other is recorded to pass over what it does not know.
    for def in BUILTIN.iter().filter(|def| !["compose-output", "git-tag"].contains(&def.kind)) {
        let schema = def.schema();
        assert_eq!(schema["additionalProperties"], json!(false), "{}", def.kind);
        assert!(schema["properties"].as_object().is_some_and(|p| !p.is_empty()), "{}", def.kind);
    }
}
