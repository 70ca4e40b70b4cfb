//! Which configs of the two steps are valid.

use ferry_argocd::{update, wait};
use ferry_vectors::read;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Of this file only the two kinds that are ours: the whole of it is replayed where all configs are.
#[test]
fn vectors_config_schema_of_argocd_steps() {
    for case in read("kargo/config-schema").unwrap_or_default() {
        let config = &case.input["config"];
        let valid = match case.input["kind"].as_str() {
            Some("argocd-update") => is_valid(config, update::Config::check),
            Some("argocd-wait") => is_valid(config, wait::Config::check),
            _ => continue,
        };
        assert_eq!(valid, case.want.is_some(), "{}: {config}", case.name);
    }
}

fn is_valid<T: DeserializeOwned>(config: &Value, check: fn(&T) -> Result<(), String>) -> bool {
    serde_json::from_value::<T>(config.clone()).is_ok_and(|config| check(&config).is_ok())
}
