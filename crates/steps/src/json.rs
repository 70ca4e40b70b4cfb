//! Changing values in JSON without touching anything else: order, spaces, comments and line ends stay byte for byte.
//!
//! Keys are those of the Go library sjson, which `json-update` takes (see [`path`]); they are not those of
//! `yaml-update`.

mod condition;
mod edit;
mod path;
mod scan;
mod search;
#[cfg(test)]
mod tests;

pub use scan::Syntax;

use serde_json::Value;

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not JSON.
    #[error(transparent)]
    Syntax(#[from] Syntax),
    /// A list has no names.
    #[error("key {key:?}: {part:?} is no index of a list; the first is 0, -1 appends")]
    Index {
        /// The key as given.
        key: String,
        /// The part.
        part: String,
    },
    /// A list would become longer than anybody means.
    #[error("key {key:?}: {part:?} would make a list of more than {} elements", edit::MAX_LENGTH)]
    Long {
        /// The key as given.
        key: String,
        /// The part.
        part: String,
    },
    /// A key of more parts than anybody means.
    #[error("the key has more than {} parts", edit::MAX_PARTS)]
    Deep,
    /// Only texts, numbers and booleans can be set.
    #[error("key {0:?}: the value must be a text, a number or a boolean")]
    NotScalar(String),
}

/// Gives a text of JSON a new value at a key; what is not there is made. An empty text is an empty document.
pub fn set(text: &str, key: &str, value: &Value) -> Result<String, Error> {
    let raw = render(value).ok_or_else(|| Error::NotScalar(key.to_owned()))?;
    let document = scan::document(text)?;
    let edits = edit::edits(text, document.as_ref(), &path::read(key), key, &raw)?;
    let mut changed = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        changed.push_str(text.get(at..edit.range.start).unwrap_or_default());
        changed.push_str(&edit.text);
        at = edit.range.end;
    }
    changed.push_str(text.get(at..).unwrap_or_default());
    Ok(changed)
}

/// How a value is written: no exponents, and in texts what HTML would trip over is escaped, as Go does.
pub fn render(value: &Value) -> Option<String> {
    match value {
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => format!("{float}"),
            _ => number.to_string(),
        }),
        Value::String(text) => Some(quote(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text in quotes.
fn quote(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let is_plain = |c: char| matches!(c, ' '..='\u{7f}') && c != '"' && c != '\\';
    if text.chars().all(is_plain) {
        return quoted;
    }
    let escaped = quoted.chars().map(|c| match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    escaped.collect()
}
