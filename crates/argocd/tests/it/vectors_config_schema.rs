use ferry_argocd::{update, wait};
use ferry_vectors::{Verdict, report_with};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Of this file only the two kinds that are ours; the others are replayed where their configs are.
#[test]
fn vectors_config_schema_of_argocd_steps() {
    let mut wrong = Vec::new();
    report_with("kargo/config-schema", |case| {
        let config = &case.input["config"];
        let valid = match case.input["kind"].as_str() {
            Some("argocd-update") => is_valid(config, update::Config::check),
            Some("argocd-wait") => is_valid(config, wait::Config::check),
            _ => return Verdict::NotCovered("another crate's config".to_owned()),
        };
        if valid == case.want.is_some() {
            return Verdict::Equal;
        }
        wrong.push(case.name.clone());
        Verdict::Different(format!("valid: {valid}"))
    });
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn is_valid<T: DeserializeOwned>(config: &Value, check: fn(&T) -> Result<(), String>) -> bool {
    serde_json::from_value::<T>(config.clone()).is_ok_and(|config| check(&config).is_ok())
}
