//! Pointers into recorded bodies: JSON pointers with `*`, `#keys`, `[name=x]` and `[mname=x]`.

use serde_json::{Value, json};

/// What the pointer finds; null where it finds nothing.
pub fn find(value: &Value, pointer: &str) -> Value {
    let parts: Vec<String> =
        pointer.split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
    walk(value, &parts)
}

fn walk(value: &Value, parts: &[String]) -> Value {
    let Some((first, rest)) = parts.split_first() else { return value.clone() };
    let next = match first.as_str() {
        "*" => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            return items.iter().map(|item| walk(item, rest)).collect();
        }
        "#keys" => {
            let mut keys: Vec<&String> = value.as_object().map(|m| m.keys().collect()).unwrap_or_default();
            keys.sort();
            return json!(keys);
        }
        named if named.starts_with('[') => {
            let (field, wanted) = named.trim_matches(['[', ']']).split_once('=').unwrap();
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().find(|item| {
                let found = match field {
                    "mname" => item.pointer("/metadata/name"),
                    other => item.get(other),
                };
                found.and_then(Value::as_str) == Some(wanted)
            })
        }
        field => match value {
            Value::Array(items) => field.parse::<usize>().ok().and_then(|i| items.get(i)),
            other => other.get(field),
        },
    };
    next.map_or(Value::Null, |next| walk(next, rest))
}
