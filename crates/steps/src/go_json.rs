//! JSON as Go reads it: half a surrogate pair, and a byte that is no text, are read as U+FFFD.

use serde::de::IgnoredAny;
use serde_json::Value;

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not JSON.
    #[error(transparent)]
    NoJson(serde_json::Error),
    /// It is, but it holds what has no place here: a number that is too large, or too many lists in lists.
    #[error(transparent)]
    Unfit(serde_json::Error),
}

/// Reads JSON.
pub fn read(bytes: &[u8]) -> Result<Value, Error> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let text = whole_pairs(&text(bytes));
    serde_json::from_str::<IgnoredAny>(&text).map_err(Error::NoJson)?;
    serde_json::from_str(&text).map_err(Error::Unfit)
}

/// Bytes as a text, each that belongs to no character as U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// The same with `\ufffd` for each `\ud800` to `\udfff` that has no other half.
fn whole_pairs(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // Whatever is escaped, a backslash too, is no escape of its own.
            _ => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        let (escape, after) = escape.split_at(length);
        whole.push_str(escape);
        rest = after;
    }
    whole + rest
}

/// What `\uXXXX` at the beginning of a text says.
fn half(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_no_text_is_read_as_go_does() {
        let cases: [(&[u8], Value); 8] = [
            (b"{\"a\":\"\xe9\"}", json!({"a": "\u{fffd}"})),
            (b"\"\xe2\x82x\"", json!("\u{fffd}\u{fffd}x")),
            (br#""\ud800""#, json!("\u{fffd}")),
            (br#""\ud800\n\udc00x""#, json!("\u{fffd}\n\u{fffd}x")),
            (br#""\ud83d\ude00""#, json!("\u{1f600}")),
            (br#""\ud83d\ud83d\ude00""#, json!("\u{fffd}\u{1f600}")),
            (br#""\\ud800 \ud800""#, json!("\\ud800 \u{fffd}")),
            (b"[\"\xe9\", \"\\\xc3\xa9\"]", Value::Null),
        ];
        for (bytes, becomes) in cases {
            let read = read(bytes);
            if becomes.is_null() {
                assert!(matches!(read, Err(Error::NoJson(_))), "{read:?}");
            } else {
                assert_eq!(read.unwrap(), becomes);
            }
        }
    }

    #[test]
    fn what_is_no_json_is_told_from_what_does_not_fit() {
        for bytes in ["hello", "{", "[1,]", "\"\u{1}\"", "\\"] {
            assert!(matches!(read(bytes.as_bytes()), Err(Error::NoJson(_))), "{bytes}");
        }
        for bytes in ["{\"a\":1e400}".to_owned(), format!("{}{}", "[".repeat(200), "]".repeat(200))] {
            assert!(matches!(read(bytes.as_bytes()), Err(Error::Unfit(_))), "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in "[\"\\\\ud8cf0-9é{}]{0,40}") {
            let _answer = read(bytes.as_bytes());
        }
    }
}
