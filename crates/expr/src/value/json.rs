//! JSON as Go writes it: sorted keys, `<>&` escaped, floats without exponent between 1e-6 and 1e21.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Form, Text, Value};
use crate::number;

/// One line.
pub(crate) fn compact(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    encode(value, None, 0, &mut out)?;
    Ok(out)
}

/// Two spaces for each level.
pub(crate) fn indented(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    encode(value, Some("  "), 0, &mut out)?;
    Ok(out)
}

fn encode(value: &Value, indent: Option<&str>, level: usize, out: &mut String) -> Result<(), String> {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Uint(value) => out.push_str(&value.to_string()),
        Value::Float(value) => {
            out.push_str(&number::format_json(*value).ok_or_else(|| format!("{value} has no JSON form"))?);
        }
        Value::String(text) => quote(&text.to_str(), out),
        Value::Bytes(bytes) => quote(&STANDARD.encode(bytes.as_bytes()), out),
        Value::List(list) if list.is_null() => out.push_str("null"),
        Value::List(list) => {
            let items = list.items().iter().map(|item| (None, item));
            block(('[', ']'), items, indent, level, out)?;
        }
        Value::Map(map) if map.is_null() => out.push_str("null"),
        Value::Map(map) => {
            let items = map.iter().map(|(key, value)| (Some(key.to_str()), value));
            block(('{', '}'), items, indent, level, out)?;
        }
        Value::Pairs(_) => {
            return Err(no_form("a map made by groupBy or fromPairs", "take what you need of it"));
        }
        Value::Time(time) => quote(&time.to_rfc3339()?, out),
        Value::Duration(duration) => out.push_str(&duration.0.to_string()),
        Value::Zone(_) => out.push_str("{}"),
        Value::Object(object) => match object.json() {
            Form::Value(value) => encode(&value, indent, level, out)?,
            Form::Fields(fields) => {
                let items = fields.iter().map(|(name, value)| (Some(name.to_str()), value));
                block(('{', '}'), items, indent, level, out)?;
            }
        },
        Value::Function(_) => return Err(no_form("a function", "call it")),
    }
    Ok(())
}

fn no_form(what: &str, advice: &str) -> String {
    format!("{what} has no JSON form: {advice}")
}

type Entry<'a> = (Option<std::borrow::Cow<'a, str>>, &'a Value);

fn block<'a>(
    (open, close): (char, char),
    items: impl ExactSizeIterator<Item = Entry<'a>>,
    indent: Option<&str>,
    level: usize,
    out: &mut String,
) -> Result<(), String> {
    let line = |level: usize, out: &mut String| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(indent, level));
        }
    };
    out.push(open);
    let is_empty = items.len() == 0;
    for (index, (key, value)) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(level + 1, out);
        if let Some(key) = key {
            quote(&key, out);
            out.push_str(if indent.is_some() { ": " } else { ":" });
        }
        encode(value, indent, level + 1, out)?;
    }
    if !is_empty {
        line(level, out);
    }
    out.push(close);
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// As a JSON value; whole floats become integers, as they are written without a point.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Float(value) => number::to_json(*value).ok_or_else(|| format!("{value} has no JSON form"))?,
        Value::String(text) => text.to_str().into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes.as_bytes()).into(),
        Value::List(list) if list.is_null() => serde_json::Value::Null,
        Value::List(list) => list.items().iter().map(to_json).collect::<Result<_, _>>()?,
        Value::Map(map) if map.is_null() => serde_json::Value::Null,
        Value::Map(map) => object_of(map.iter())?,
        Value::Object(object) => match object.json() {
            Form::Value(value) => to_json(&value)?,
            Form::Fields(fields) => object_of(fields.iter().map(|(name, value)| (name, value)))?,
        },
        other => serde_json::from_str(&compact(other)?).map_err(|error| error.to_string())?,
    })
}

fn object_of<'a>(fields: impl Iterator<Item = (&'a Text, &'a Value)>) -> Result<serde_json::Value, String> {
    let fields = fields.map(|(name, value)| Ok((name.to_str().into_owned(), to_json(value)?)));
    Ok(serde_json::Value::Object(fields.collect::<Result<_, String>>()?))
}

/// What JSON text holds, with numbers as floats; bad bytes become U+FFFD.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = super::text::decode(bytes);
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(Value::from_json(&json))
}
