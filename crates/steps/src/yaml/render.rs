//! How a value is written in YAML so that every reader, also one of YAML 1.1, reads that value.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::piece::Scalar;

/// How a string was written where the new one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
}

/// What goes in the place of a scalar.
#[derive(Clone, Copy, Debug)]
pub(super) enum New<'a> {
    /// Data.
    Value(&'a Value),
    /// A scalar as somebody wrote it.
    Scalar(&'a Scalar),
    /// What it will be, letter by letter.
    Verbatim(&'a str),
}

impl<'a> New<'a> {
    /// On one line, in a place written in that style.
    pub fn inline(self, style: Style, flow: bool) -> String {
        match self {
            Self::Value(data) => value(data, style, flow),
            Self::Scalar(scalar) => scalar.inline(style, flow),
            Self::Verbatim(text) => text.to_owned(),
        }
    }

    /// The text, where it can be lines in the place of a block scalar.
    pub fn lines(self, folded: bool) -> Option<&'a str> {
        match self {
            Self::Value(Value::String(text)) => Some(&**text).filter(|text| !folded && text.contains('\n')),
            Self::Value(_) | Self::Verbatim(_) => None,
            Self::Scalar(scalar) => Some(&scalar.text),
        }
    }
}

/// A text as a block scalar, literal or folded: what its header is, and its lines. None where that would not say the
/// same; a text that is folded has one line. `step` is how far the lines are indented under what holds them.
pub(super) fn block(
    text: &str,
    folded: bool,
    indent: &str,
    step: usize,
    newline: &str,
) -> Option<(String, String)> {
    let body = text.trim_end_matches('\n');
    let says_the_same = !body.is_empty()
        && text.chars().all(|c| c == '\n' || c == '\t' || !needs_escape(c))
        && !text.lines().any(|line| line.ends_with([' ', '\t']))
        && !(folded && (body.contains('\n') || body.starts_with([' ', '\t'])));
    if !says_the_same {
        return None;
    }
    let ends = text.len() - body.len();
    let sign = match ends {
        0 => "-",
        1 => "",
        _ => "+",
    };
    // A first line that begins with space does not show how far the lines are indented.
    let told = if body.starts_with([' ', '\n', '\t']) { step.to_string() } else { String::new() };
    let mut lines = String::new();
    for line in body.split('\n') {
        if !line.is_empty() {
            lines.push_str(indent);
        }
        lines.push_str(line);
        lines.push_str(newline);
    }
    lines.push_str(&newline.repeat(ends.saturating_sub(1)));
    let style = if folded { '>' } else { '|' };
    Some((format!("{style}{told}{sign}"), lines))
}

/// The text of a value on one line; inside `{}` or `[]` where `flow`.
pub(super) fn value(value: &Value, style: Style, flow: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(n),
        Value::String(s) => string(s, style, flow),
        // JSON is YAML, in flow style.
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(|v| self::value(v, Style::Plain, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let key = |k| string(k, Style::Plain, true);
            let pairs =
                map.iter().map(|(k, v)| format!("{}: {}", key(k), self::value(v, Style::Plain, true)));
            let items: Vec<_> = pairs.collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}

pub(super) fn string(text: &str, style: Style, flow: bool) -> String {
    let simple = !text.contains(|c: char| needs_escape(c));
    match style {
        Style::Single if simple => format!("'{}'", text.replace('\'', "''")),
        Style::Plain if simple && plain_is_safe(text, flow) && !reads_as_something_else(text) => {
            text.to_owned()
        }
        _ => double_quoted(text),
    }
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if needs_escape(c) => {
                let _ = match u32::from(c) {
                    n @ 0..=0xff => write!(quoted, "\\x{n:02x}"),
                    n @ 0..=0xffff => write!(quoted, "\\u{n:04x}"),
                    n => write!(quoted, "\\U{n:08x}"),
                };
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What a reader may refuse, fold or take for the end of a line.
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        || (0xe000..=0xf8ff).contains(&u32::from(c))
}

/// Whether a text may stand without quotes as far as signs go.
pub(super) fn plain_is_safe(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let starts_well = match first {
        '-' | '?' | ':' => second.is_some_and(|c| !(c.is_whitespace() || flow && ",[]{}".contains(c))),
        c => !",[]{}#&*!|>'\"%@`".contains(c),
    };
    starts_well
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !(flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
}

/// Whether a reader of YAML 1.1 or 1.2 would take an unquoted text for something else than a string.
fn reads_as_something_else(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "",
        "~",
        "null",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "t",
        "f",
        "=",
        "<<",
        ".inf",
        "-.inf",
        "+.inf",
        ".nan",
        "inf",
        "-inf",
        "+inf",
        "nan",
        "infinity",
        "-infinity",
        "+infinity",
    ];
    let lower = text.to_ascii_lowercase();
    WORDS.contains(&lower.as_str()) || looks_like_number(&lower) || looks_like_time(&lower)
}

/// Any notation of a number there is: signs, underscores, hexadecimal, octal, binary, base 60, floats.
fn looks_like_number(lower: &str) -> bool {
    let digits = lower.strip_prefix(['+', '-']).unwrap_or(lower);
    if let Some(rest) = digits.strip_prefix("0x") {
        return !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit() || "_.p+-".contains(c));
    }
    if let Some(rest) = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0b")) {
        return !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '_');
    }
    let (mantissa, exponent) = digits.split_once('e').map_or((digits, None), |(m, e)| (m, Some(e)));
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && e.chars().all(|c| c.is_ascii_digit() || c == '_')
    });
    // One dot at most: `1.2.3` is a version and a string to everybody. Colons are base 60.
    exponent_fits
        && mantissa.contains(|c: char| c.is_ascii_digit())
        && mantissa.chars().all(|c| c.is_ascii_digit() || "._:".contains(c))
        && mantissa.matches('.').count() <= 1
        && !mantissa.starts_with(':')
}

/// `2001-12-14`, with a time of day or without.
fn looks_like_time(lower: &str) -> bool {
    let mut parts = lower.splitn(3, '-');
    let year = parts.next().unwrap_or_default();
    let month = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    year.len() == 4
        && all_digits(year)
        && month.len() <= 2
        && all_digits(month)
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || "t :.z+-".contains(c))
}

/// A number as all readers understand it: whole ones in digits, others in the shortest form that gives them back.
pub fn number(n: &Number) -> String {
    let Some(float) = n.as_f64().filter(|_| !n.is_i64() && !n.is_u64()) else { return n.to_string() };
    let size = float.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{float:e}");
        // An exponent has a sign and two digits.
        return match text.split_once('e') {
            Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
                Some(exponent) => format!("{mantissa}e-{exponent:0>2}"),
                None => format!("{mantissa}e+{exponent:0>2}"),
            },
            None => text,
        };
    }
    float.to_string()
}

/// A string as commit messages show it: quoted where it would read as a number, a boolean or JSON. Others as they are.
pub fn quote_if_ambiguous(value: &Value) -> String {
    match value {
        Value::String(text) if is_ambiguous(text) => double_quoted(text),
        Value::String(text) => text.clone(),
        other => self::value(other, Style::Plain, false),
    }
}

fn is_ambiguous(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False")
        || is_go_float(text)
        || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether Go's `ParseFloat` takes the text.
fn is_go_float(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if matches!(digits, "inf" | "infinity" | "nan") {
        return true;
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return hex.contains('p') && looks_like_number(&lower);
    }
    !digits.starts_with("0o")
        && !digits.starts_with("0b")
        && !digits.contains(':')
        && looks_like_number(&lower)
}
