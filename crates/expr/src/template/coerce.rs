//! What an evaluated template is: a string, a number, a bool, JSON.

use crate::number;
use crate::value::{Value, json};

pub(super) fn read(whole: &[u8]) -> Value {
    let text = whole.strip_suffix(b"\n").unwrap_or(whole);
    let line_break = if text.len() < whole.len() { &b"\n"[..] } else { b"" };
    if let [b'"', inside @ .., b'"'] = text {
        return Value::String([inside, line_break].concat().into());
    }
    if let Ok(text) = std::str::from_utf8(text) {
        if let Some(number) = number::parse_float(text) {
            return Value::Float(number);
        }
        if let Some(truth) = number::parse_bool(text) {
            return Value::Bool(truth);
        }
    }
    json::parse(text).unwrap_or_else(|_| Value::String(whole.into()))
}
