//! What the recordings of the live system share: references to what was made before, and placeholders for what is
//! another in every run (`<time>`, `<ulid>`, …).

use serde_json::Value;

/// Fills in `@{existing.N.metadata.name}`.
pub fn filled(value: &Value, existing: &[Value]) -> Value {
    match value {
        Value::String(text) => {
            let reference =
                text.strip_prefix("@{existing.").and_then(|rest| rest.trim_end_matches('}').split_once('.'));
            let Some((index, path)) = reference else { return value.clone() };
            let object =
                index.parse().ok().and_then(|index: usize| existing.get(index)).unwrap_or(&Value::Null);
            path.split('.').fold(object, |value, field| &value[field]).clone()
        }
        Value::Array(items) => items.iter().map(|item| filled(item, existing)).collect(),
        Value::Object(map) => {
            map.iter().map(|(field, value)| (field.clone(), filled(value, existing))).collect()
        }
        _ => value.clone(),
    }
}

/// Metadata of which every run has its own.
const OWN: &[&str] = &["uid", "resourceVersion", "managedFields", "creationTimestamp"];

/// The first place where an object is not as it was recorded. What every run has of its own is left out, and so is a
/// generation that only one of them has.
pub fn unlike(want: &Value, got: &Value) -> Option<String> {
    let (mut want, mut got) = (want.clone(), got.clone());
    let counts = |object: &Value| object["metadata"].get("generation").is_some();
    let both_count = counts(&want) && counts(&got);
    for object in [&mut want, &mut got] {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata
                .retain(|field, _| !OWN.contains(&field.as_str()) && (both_count || field != "generation"));
        }
    }
    differ("", &want, &got)
}

fn differ(at: &str, want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(w), Value::Object(g)) => {
            let fields = w.keys().chain(g.keys().filter(|field| !w.contains_key(*field)));
            fields.into_iter().find_map(|field| match (w.get(field), g.get(field)) {
                (Some(w), Some(g)) => differ(&format!("{at}.{field}"), w, g),
                (Some(w), None) => Some(format!("{at}.{field}: want {w}, absent")),
                (None, Some(g)) => Some(format!("{at}.{field}: not wanted: {g}")),
                (None, None) => None,
            })
        }
        (Value::Array(w), Value::Array(g)) if w.len() == g.len() => {
            w.iter().zip(g).enumerate().find_map(|(i, (w, g))| differ(&format!("{at}[{i}]"), w, g))
        }
        (Value::String(w), Value::String(g)) if fits(w, g) => None,
        _ if want == got => None,
        _ => Some(format!("{at}: want {want}, got {got}")),
    }
}

/// Whether a text fits another with placeholders.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('<') else { return pattern == text };
    let Some((name, tail)) = rest.split_once('>') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    let is_text_of = |c: char| match name {
        "ulid" => c.is_ascii_digit() || c.is_ascii_lowercase(),
        "alias" => c.is_ascii_lowercase() || c == '-',
        "time" => c.is_ascii_digit() || "TZ:-".contains(c),
        _ => true,
    };
    (1..=text.len()).any(|end| {
        text.get(..end).is_some_and(|part| part.chars().all(is_text_of))
            && text.get(end..).is_some_and(|rest| fits(tail, rest))
    })
}
