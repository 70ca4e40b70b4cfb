//! YAML as Go's `yaml.v3` writes it: four spaces, sorted keys, quotes where a plain text would be read as something else.

mod scalar;

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::number;
use crate::value::{Form, Text, Value};

/// One value as a document, with a line break at its end.
pub(super) fn document(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    node(value, Position::Root, 0, &mut out)?;
    Ok(out)
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Root,
    /// After `key:`.
    Field,
    /// After `- `.
    Item,
}

/// Where the lines of a block begin: inside a list after the dash, else at the next multiple of four.
fn own_indent(position: Position, parent: usize) -> usize {
    match position {
        Position::Root => 0,
        Position::Field => (parent + 4) / 4 * 4,
        Position::Item => parent + 2,
    }
}

/// Writes a value with what stands between it and what is before it, up to the line break. `parent` is where the lines
/// of the block around it begin.
fn node(value: &Value, position: Position, parent: usize, out: &mut String) -> Result<(), String> {
    let indent = own_indent(position, parent);
    match value {
        Value::List(list) if list.items().is_empty() => inline(position, "[]", out),
        Value::List(list) => {
            block_start(position, out);
            for (index, item) in list.items().iter().enumerate() {
                pad(position, index, indent, out);
                out.push('-');
                node(item, Position::Item, indent, out)?;
            }
        }
        Value::Map(map) if map.is_empty() => inline(position, "{}", out),
        Value::Map(map) => {
            let mut entries: Vec<(Text, &Value)> =
                map.iter().map(|(key, value)| (key.clone(), value)).collect();
            entries.sort_by(|(a, _), (b, _)| natural(&a.to_str(), &b.to_str()));
            mapping(&entries, position, indent, out)?;
        }
        Value::Pairs(pairs) => {
            let mut entries: Vec<(Text, &Value)> =
                pairs.entries().iter().map(|(key, value)| (Text::from(key.display_bytes()), value)).collect();
            entries.sort_by(|(a, _), (b, _)| natural(&a.to_str(), &b.to_str()));
            mapping(&entries, position, indent, out)?;
        }
        Value::Object(object) => match object.yaml() {
            Form::Value(value) => node(&value, position, parent, out)?,
            Form::Fields(fields) if fields.is_empty() => inline(position, "{}", out),
            Form::Fields(fields) => {
                let entries: Vec<(Text, &Value)> =
                    fields.iter().map(|(key, value)| (key.clone(), value)).collect();
                mapping(&entries, position, indent, out)?;
            }
        },
        Value::String(text) => string(text, position, parent, out),
        Value::Nil => inline(position, "null", out),
        Value::Bool(value) => inline(position, if *value { "true" } else { "false" }, out),
        Value::Int(value) => inline(position, &value.to_string(), out),
        Value::Uint(value) => inline(position, &value.to_string(), out),
        Value::Float(value) => inline(position, &float(*value), out),
        Value::Bytes(text) => {
            let items: Value = text.as_bytes().iter().map(|byte| Value::Uint((*byte).into())).collect();
            node(&items, position, parent, out)?;
        }
        Value::Time(time) => inline(position, &time.to_rfc3339()?, out),
        Value::Duration(duration) => inline(position, &duration.to_string(), out),
        Value::Zone(_) => inline(position, "{}", out),
        Value::Function(_) => return Err("a function has no YAML form: call it".to_owned()),
    }
    Ok(())
}

fn mapping(
    entries: &[(Text, &Value)],
    position: Position,
    indent: usize,
    out: &mut String,
) -> Result<(), String> {
    block_start(position, out);
    for (index, (key, value)) in entries.iter().enumerate() {
        pad(position, index, indent, out);
        let (key, complex) = scalar::key(key);
        if complex {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
        } else {
            out.push_str(&key);
        }
        out.push(':');
        node(value, Position::Field, indent, out)?;
    }
    Ok(())
}

/// A block under a key begins on a line of its own; one in a list goes on after the dash.
fn block_start(position: Position, out: &mut String) {
    match position {
        Position::Root => {}
        Position::Field => out.push('\n'),
        Position::Item => out.push(' '),
    }
}

fn pad(position: Position, index: usize, indent: usize, out: &mut String) {
    if index > 0 || position == Position::Field {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn inline(position: Position, text: &str, out: &mut String) {
    if position != Position::Root {
        out.push(' ');
    }
    out.push_str(text);
    out.push('\n');
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    number::format_general(value)
}

fn string(text: &Text, position: Position, parent: usize, out: &mut String) {
    let Some(text) = text.as_str() else {
        inline(position, &format!("!!binary {}", STANDARD.encode(text.as_bytes())), out);
        return;
    };
    match scalar::literal(text) {
        Some(header) => {
            inline(position, &header, out);
            let indent = own_indent(position, parent).max(if position == Position::Root { 4 } else { 0 });
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                if !line.is_empty() {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        None => inline(position, &scalar::flow(text), out),
    }
}

/// The order of keys: letters after other characters, numbers inside by value.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for (index, (left, right)) in a.iter().zip(&b).enumerate() {
        if left == right {
            digits = left.is_numeric();
            continue;
        }
        return match (left.is_alphabetic(), right.is_alphabetic()) {
            (true, true) => left.cmp(right),
            (true, false) => {
                if digits {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if digits {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) => numbers(&a, &b, index).then(left.cmp(right)),
        };
    }
    a.len().cmp(&b.len())
}

/// Compares the numbers that begin at an index; then their lengths.
fn numbers(a: &[char], b: &[char], index: usize) -> Ordering {
    let zero = a.get(index) == Some(&'0') || b.get(index) == Some(&'0');
    let before = a.get(..index).unwrap_or_default();
    let in_number = before.iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
    let start = u128::from(zero && in_number);
    let read = |chars: &[char]| {
        let digits: Vec<u32> = chars.iter().skip(index).map_while(|c| c.to_digit(10)).collect();
        let value =
            digits.iter().fold(start, |value, digit| value.wrapping_mul(10).wrapping_add((*digit).into()));
        (value, digits.len())
    };
    read(a).cmp(&read(b))
}
