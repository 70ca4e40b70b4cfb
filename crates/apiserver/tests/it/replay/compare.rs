//! Recorded and actual bodies side by side: values exactly, errors by field, orders without meaning ignored.

use serde_json::{Map, Value, json};

use super::tokens::Bindings;

/// The first difference of two bodies.
pub fn body(bindings: &mut Bindings, recorded: &Value, actual: &Value) -> Result<(), String> {
    if is_failure(recorded) {
        return same(bindings, &failure(recorded), &failure(actual), "");
    }
    let (recorded, actual) = (normal(recorded.clone(), actual), normal(actual.clone(), recorded));
    same(bindings, &recorded, &actual, "")
}

pub fn is_failure(value: &Value) -> bool {
    value.get("kind").is_some_and(|k| k == "Status") && value.get("code").is_some()
}

/// What of a failure is a value: code, reason, status and details; causes by field and reason.
fn failure(value: &Value) -> Value {
    let mut details = value.get("details").cloned().unwrap_or_else(|| json!({}));
    if let Some(causes) = details.get_mut("causes").and_then(Value::as_array_mut) {
        for cause in causes.iter_mut().filter_map(Value::as_object_mut) {
            cause.remove("message");
        }
        causes.sort_by_key(Value::to_string);
    }
    json!({
        "code": value.get("code"), "reason": value.get("reason"), "status": value.get("status"), "details": details,
    })
}

/// The value without what has no meaning: the order of managed fields and of discovered resources.
fn normal(mut value: Value, other: &Value) -> Value {
    sort_managed_fields(&mut value);
    for place in ["/status/resourceRules", "/status/nonResourceRules"] {
        if let Some(rules) = value.pointer_mut(place).and_then(Value::as_array_mut) {
            rules.sort_by_key(Value::to_string);
        }
    }
    if value.get("kind").is_some_and(|k| k == "APIResourceList") {
        let served = |name: &Value| {
            let list = other.get("resources").and_then(Value::as_array);
            list.into_iter().flatten().any(|r| r.get("name") == Some(name))
        };
        if let Some(list) = value.get_mut("resources").and_then(Value::as_array_mut) {
            list.retain(|r| r.get("name").is_some_and(served));
            list.sort_by_key(|r| r.get("name").map(Value::to_string));
        }
    }
    value
}

/// Entries in an order of their own: that of the server depends on the second.
pub fn sort_managed_fields(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                entries.sort_by_key(|entry| {
                    ["manager", "operation", "subresource", "apiVersion"].map(|f| entry[f].to_string())
                });
            }
            map.values_mut().for_each(sort_managed_fields);
        }
        Value::Array(list) => list.iter_mut().for_each(sort_managed_fields),
        _ => {}
    }
}

pub fn same(bindings: &mut Bindings, recorded: &Value, actual: &Value, place: &str) -> Result<(), String> {
    match (recorded, actual) {
        (Value::Object(a), Value::Object(b)) => maps(bindings, a, b, place),
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Err(format!("{place}: {} elements, recorded {}", b.len(), a.len()));
            }
            a.iter()
                .zip(b)
                .enumerate()
                .try_for_each(|(i, (a, b))| same(bindings, a, b, &format!("{place}/{i}")))
        }
        (Value::String(a), Value::String(b)) if bindings.accept(a, b) => Ok(()),
        // Which of several bindings that allow something is named has no meaning.
        (Value::String(a), Value::String(b)) if place == "/status/reason" && both_allow(a, b) => Ok(()),
        (Value::Number(a), Value::Number(b))
            if ferry_vectors::equal(recorded, actual) || a.as_f64() == b.as_f64() =>
        {
            Ok(())
        }
        (a, b) if a == b => Ok(()),
        (a, b) => Err(format!("{place}: {}, recorded {}", short(b), short(a))),
    }
}

fn both_allow(a: &str, b: &str) -> bool {
    [a, b].iter().all(|reason| reason.starts_with("RBAC: allowed by "))
}

fn maps(
    bindings: &mut Bindings,
    recorded: &Map<String, Value>,
    actual: &Map<String, Value>,
    place: &str,
) -> Result<(), String> {
    // Keys may hold placeholders, too: `managedFields` name elements by their values.
    let recorded: Map<String, Value> =
        recorded.iter().map(|(key, value)| (bindings.fill(key), value.clone())).collect();
    for (key, value) in &recorded {
        let Some(found) = actual.get(key) else {
            return Err(format!("{place}/{key} is missing, recorded {}", short(value)));
        };
        same(bindings, value, found, &format!("{place}/{key}"))?;
    }
    match actual.iter().find(|(key, _)| !recorded.contains_key(*key)) {
        None => Ok(()),
        Some((key, value)) => Err(format!("{place}/{key} is {}, not recorded", short(value))),
    }
}

pub fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 160 { text.chars().take(160).chain("…".chars()).collect() } else { text }
}
