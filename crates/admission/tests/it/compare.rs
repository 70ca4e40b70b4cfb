//! Comparing an answer with a recorded one that has placeholders (`<time>`, `<ulid>`, …).

use serde_json::Value;

/// What differs, if anything. Fields that no admission writes are left out.
pub fn difference(want: &Value, got: &Value) -> Option<String> {
    let (mut want, mut got) = (want.clone(), got.clone());
    for object in [&mut want, &mut got] {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("uid");
            metadata.remove("generation");
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
