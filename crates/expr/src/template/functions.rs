//! The functions every template has: `quote`, `unsafeQuote`, `asYAML`, `asJSON`. Their results are in quotes, so that
//! they stay strings.

use std::fmt::Write;

use super::yaml;
use crate::host::{Functions, Interrupt, Kind};
use crate::value::{Value, json};

/// Names that variables of a document must not have.
pub(super) const NAMES: [&str; 3] = ["quote", "asYAML", "asJSON"];

pub(super) fn with_template_functions(functions: &Functions) -> Functions {
    let table = Functions::new(functions.now())
        .with("quote", &[Kind::Any], Kind::String, |call| match call.argument(0) {
            Value::String(text) => Ok(quote(text.as_bytes()).into()),
            other => unsafe_quote(other),
        })
        .with("unsafeQuote", &[Kind::Any], Kind::String, |call| unsafe_quote(call.argument(0)))
        .with("asJSON", &[Kind::Any], Kind::String, |call| {
            let text = json::indented(call.argument(0))?;
            Ok(format!("\"{text}\n\"").into())
        })
        .with("asYAML", &[Kind::Any], Kind::String, |call| {
            let text = yaml::document(call.argument(0))?;
            Ok(format!("\"{text}\"").into())
        });
    let mut all = functions.clone();
    all.extend(&table);
    all
}

fn unsafe_quote(value: &Value) -> Result<Value, Interrupt> {
    Ok(format!("\"{}\"", json::compact(value)?).into())
}

/// A text in quotes, with escapes for what can not be printed and for bytes that are no characters: `%q` of Go.
pub fn quote(bytes: impl AsRef<[u8]>) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.as_ref().utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(c, &mut out));
        for byte in chunk.invalid() {
            code('x', 2, u32::from(*byte), &mut out);
        }
    }
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if is_printable(c) => out.push(c),
        c if c < ' ' || c == '\x7f' => code('x', 2, u32::from(c), out),
        c if u32::from(c) < 0x1_0000 => code('u', 4, u32::from(c), out),
        c => code('U', 8, u32::from(c), out),
    }
}

/// `\x1b`
fn code(letter: char, width: usize, code: u32, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\{letter}{code:0width$x}");
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space. What Rust's own debug form would escape (but for
/// quotes and combining marks) can not be printed; neither can other spaces.
fn is_printable(c: char) -> bool {
    if c == ' ' || c == '\'' {
        return true;
    }
    if c.is_whitespace() || c.is_control() {
        return false;
    }
    let mut escaped = c.escape_debug();
    let first = escaped.next();
    // Combining marks are escaped only at the beginning of a text.
    first != Some('\\') || format!("a{c}").escape_debug().count() == 2
}
