//! How a string is written in YAML: plain, in single or double quotes, or as a literal block.

use std::fmt::Write;

use crate::number;
use crate::value::Text;

/// A key on one line, and whether it is too long to stand before a colon without a `?`.
pub(super) fn key(text: &Text) -> (String, bool) {
    let text = text.to_str();
    (flow(&text), text.contains('\n') || text.len() > 128)
}

/// The header of the literal block that holds a text of several lines. None where it can not be one.
pub(super) fn literal(text: &str) -> Option<String> {
    let analysis = Analysis::of(text);
    if !text.contains('\n') || analysis.special || analysis.space_before_break || text.ends_with(' ') {
        return None;
    }
    let indent = if text.starts_with([' ', '\n']) { "4" } else { "" };
    let chomp = match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
        Some(_) => "",
    };
    Some(format!("|{indent}{chomp}"))
}

/// A text on one line.
pub(super) fn flow(text: &str) -> String {
    let analysis = Analysis::of(text);
    let resolves = !is_plain_string(text);
    if text.is_empty()
        || resolves
        || analysis.special
        || analysis.tabs
        || analysis.breaks
        || analysis.space_around_break
    {
        return double(text);
    }
    if analysis.not_plain { format!("'{}'", text.replace('\'', "''")) } else { text.to_owned() }
}

/// What a text is made of.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent findings about one text")]
struct Analysis {
    /// Characters that only double quotes can show.
    special: bool,
    tabs: bool,
    breaks: bool,
    space_before_break: bool,
    space_around_break: bool,
    /// Begins, ends or contains something that plain texts must not.
    not_plain: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        let mut found =
            Self { not_plain: text.starts_with("---") || text.starts_with("..."), ..Self::default() };
        let chars: Vec<char> = text.chars().collect();
        let is_blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        for (index, c) in chars.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| chars.get(before));
            let after = chars.get(index + 1);
            found.not_plain |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`'
                    if index == 0 =>
                {
                    true
                }
                '?' | ':' | '-' if index == 0 => is_blank(after),
                ':' => is_blank(after),
                '#' => is_blank(before),
                _ => false,
            };
            let is_break = matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
            found.breaks |= is_break;
            found.special |= !is_printable(*c);
            found.tabs |= *c == '\t';
            found.space_before_break |= *c == ' ' && after == Some(&'\n');
            found.space_around_break |= is_break && (before == Some(&' ') || after == Some(&' '));
        }
        found.not_plain |= text.starts_with(' ') || text.ends_with(' ');
        found
    }
}

/// Shown as it is; what lies beyond the basic plane is not.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\x1b' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => code('x', 2, c, &mut out),
            c if u32::from(c) <= 0xffff => code('u', 4, c, &mut out),
            c => code('U', 8, c, &mut out),
        }
    }
    out.push('"');
    out
}

/// `\x1B`
fn code(letter: char, width: usize, c: char, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\{letter}{:0width$X}", u32::from(c));
}

/// Is a plain text read back as the string it is, also by older readers?
fn is_plain_string(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "", "~", "null", "Null", "NULL", "<<", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y",
        "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF", ".nan",
        ".NaN", ".NAN",
    ];
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_infinity = matches!(unsigned, ".inf" | ".Inf" | ".INF");
    !WORDS.contains(&text) && !is_infinity && !is_number(text) && !is_base60(text) && !is_date(text)
}

fn is_number(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let based =
        [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)].iter().any(|(prefix, radix)| {
            unsigned.strip_prefix(prefix).is_some_and(|digits| u64::from_str_radix(digits, *radix).is_ok())
        });
    // `1.5`, `.5`, `5.`, `1e3`: digits, one point, an exponent.
    let decimal = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'))
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && number::parse_float(unsigned).is_some();
    based || decimal
}

/// `1:30:00`, which older readers take for a number.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_first = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let last = rest.len().saturating_sub(1);
    let is_rest = |(index, part): (usize, &&str)| {
        let whole = if index == last { part.split('.').next().unwrap_or_default() } else { part };
        let fraction = part.get(whole.len()..).unwrap_or_default();
        matches!(whole.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
            && fraction.strip_prefix('.').unwrap_or_default().bytes().all(|b| b.is_ascii_digit() || b == b'_')
    };
    is_first && !rest.is_empty() && rest.iter().enumerate().all(is_rest)
}

/// The forms of dates that readers of YAML know.
const LAYOUTS: [&str; 4] = [
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
];

/// `2006-1-2`, with or without a time of day.
fn is_date(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    if year != 4 || text.as_bytes().get(4) != Some(&b'-') {
        return false;
    }
    LAYOUTS.iter().any(|layout| crate::time::parse_layout(layout, text, None).is_ok())
}
