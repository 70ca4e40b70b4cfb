//! What the recordings have in common: moments relative to the test's, objects of a kind, empty parts.

use ferry_api::duration;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The moment that `<now-2h>` is relative to: later than every date in the recordings.
pub fn now() -> Timestamp {
    "2031-06-01T00:00:00Z".parse().unwrap()
}

/// The value with `<now-2h>` and its like made moments.
pub fn resolve(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(moment(text).unwrap_or_else(|| text.clone())),
        Value::Array(items) => items.iter().map(resolve).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (k.clone(), resolve(v))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn moment(text: &str) -> Option<String> {
    let relative = text.strip_prefix("<now")?.strip_suffix('>')?;
    if relative.is_empty() {
        return Some(now().to_string());
    }
    let (sign, length) = relative.split_at(1);
    let length = duration::parse(length).ok()?;
    let moment = if sign == "-" { now() - length } else { now() + length };
    Some(moment.to_string())
}

/// Reads a value as one of our types.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(resolve(value)).map_err(|e| e.to_string())
}

/// The objects of a kind among `in.objects`.
pub fn objects<T: DeserializeOwned>(input: &Value, kind: &str) -> Result<Vec<T>, String> {
    let all = input["objects"].as_array().into_iter().flatten();
    all.filter(|object| object["kind"] == kind).map(read).collect()
}

/// Without nulls, empty lists and empty maps, which mean the same.
pub fn tidy(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(k, v)| (k.clone(), tidy(v))).filter(|(_, v)| !is_empty(v));
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().map(tidy).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty)
}
