//! Comparing answers of several parts: what is informative is left out first, then rules say what may differ.

use ferry_vectors::{Case, Rule, Verdict};
use serde_json::{Map, Value};

/// Compares our answer with the recorded one, both without what is informative.
pub fn judge(case: &Case, rules: &[Rule], ours: Value) -> Verdict {
    let want = case.want.clone().map(|want| tidy(want, ""));
    ferry_vectors::judge(&Case { want, ..case.clone() }, &Ok(tidy(ours, "")), rules)
}

/// Without nulls, empty lists and maps (but in outputs), texts of errors and reasons; parameters in the order of their names.
fn tidy(value: Value, key: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let value = match key.as_str() {
                    "reason" => continue,
                    "error" | "desiredSourcesError" => Value::Bool(true),
                    "output" | "patch" => value,
                    key => tidy(value, key),
                };
                let empty = value.is_null()
                    || value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(Map::is_empty);
                if !empty || key == "output" && !value.is_null() {
                    kept.insert(key, value);
                }
            }
            Value::Object(kept)
        }
        Value::Array(mut list) => {
            if key == "parameters" {
                list.sort_by_key(|parameter| parameter["name"].as_str().unwrap_or_default().to_owned());
            }
            list.into_iter().map(|value| tidy(value, "")).collect()
        }
        value => value,
    }
}
