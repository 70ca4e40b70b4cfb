//! Rules between fields of a config, in the words of JSON schemas: `#[schemars(extend("allOf" = at_most_one(…)))]`.

use serde_json::{Value, json};

/// That at most one of these fields says something.
pub fn at_most_one(fields: &[&str]) -> Value {
    let says = |field: &str| json!({"required": [field], "properties": {field: {"not": {"enum": ["", null, false]}}}});
    let mut rules = Vec::new();
    for (n, first) in fields.iter().enumerate() {
        for second in fields.iter().skip(n + 1) {
            rules.push(json!({"not": {"allOf": [says(first), says(second)]}}));
        }
    }
    Value::Array(rules)
}

/// That exactly one of two fields says something.
pub fn one_of(first: &str, second: &str) -> Value {
    let mut rules = at_most_one(&[first, second]);
    if let Some(rules) = rules.as_array_mut() {
        rules.push(json!({"anyOf": [{"required": [first]}, {"required": [second]}]}));
    }
    rules
}

/// What must not be: that a switch is on without a field that it needs.
pub fn needs(switch: &str, field: &str) -> Value {
    let on = json!({"required": [switch], "properties": {switch: {"const": true}}});
    json!({"allOf": [on, {"not": {"required": [field]}}]})
}
