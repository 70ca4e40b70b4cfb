//! Regular expressions as RE2 understands them, on the `regex` crate: `\d`, `\w`, `\s` and `\b` are ASCII, brackets
//! and `&&` inside a class are plain characters, `\Q…\E` is literal.

use std::iter::Peekable;
use std::str::Chars;

use regex::bytes::{Regex, RegexBuilder};

use crate::limits::MAX_REGEX;
use crate::value::Text;

/// Compiles a pattern.
pub(crate) fn compile(pattern: &Text) -> Result<Regex, String> {
    let text = pattern.as_str().ok_or("the pattern is not valid UTF-8")?;
    let translated =
        translate(text).map_err(|reason| format!("`{text}` is not a regular expression: {reason}"))?;
    RegexBuilder::new(&translated).size_limit(MAX_REGEX).dfa_size_limit(MAX_REGEX).build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            other => {
                other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        };
        format!("`{text}` is not a regular expression: {reason}")
    })
}

/// Most repetitions that may be asked for.
const MAX_REPETITIONS: u32 = 1000;

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let repetition = if c == '{' { repetition(&chars) } else { None };
        let repeats = matches!(c, '*' | '+' | '?') && !out.ends_with('(') || repetition.is_some();
        if repeats && repeated {
            return Err("one repetition follows another".to_owned());
        }
        match (c, repetition) {
            ('\\', _) => escape(&mut chars, false, &mut out)?,
            ('[', _) => class(&mut chars, &mut out)?,
            ('{', None) => out.push_str("\\{"),
            ('{', Some(inside)) => {
                if inside.split(',').any(|number| number.parse::<u32>().is_ok_and(|n| n > MAX_REPETITIONS)) {
                    return Err(format!("more than {MAX_REPETITIONS} repetitions"));
                }
                out.push('{');
                out.extend(chars.by_ref().take(inside.len() + 1));
            }
            (c, _) => out.push(c),
        }
        repeated = repeats;
        if repeats && chars.next_if_eq(&'?').is_some() {
            out.push('?');
        }
    }
    Ok(out)
}

fn escape(chars: &mut Peekable<Chars<'_>>, in_class: bool, out: &mut String) -> Result<(), String> {
    let c = chars.next().ok_or("a backslash at the end")?;
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\t\\n\\f\\r ]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'B' if !in_class => out.push_str("(?-u:\\B)"),
        'Q' if !in_class => quoted(chars, out),
        'u' | 'U' => return Err(format!("unknown escape sequence `\\{c}`")),
        '0'..='7' => octal(c, chars, out)?,
        // The braces of `\p{L}` and `\x{10FFFF}` belong to the escape.
        'p' | 'P' | 'x' if chars.peek() == Some(&'{') => {
            out.extend(['\\', c]);
            for c in chars.by_ref() {
                out.push(c);
                if c == '}' {
                    break;
                }
            }
        }
        // Punctuation means itself: also `\<`, which is a word boundary elsewhere.
        '<' | '>' => out.push(c),
        c => out.extend(['\\', c]),
    }
    Ok(())
}

/// `\012`; a single digit would be a reference back, which there is not.
fn octal(first: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    let mut digits = String::from(first);
    while digits.len() < 3
        && let Some(digit) = chars.next_if(|c| matches!(c, '0'..='7'))
    {
        digits.push(digit);
    }
    if first != '0' && digits.len() == 1 {
        return Err(format!("there is no reference back like `\\{first}`"));
    }
    let code = u32::from_str_radix(&digits, 8).unwrap_or(0);
    out.push_str(&regex::escape(char::from_u32(code).unwrap_or_default().encode_utf8(&mut [0; 4])));
    Ok(())
}

/// Text up to `\E` means itself.
fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    // A bracket right at the start is a plain one.
    if chars.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    while let Some(c) = chars.next() {
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '\\' => escape(chars, true, out)?,
            '[' if chars.peek() == Some(&':') && posix(chars, out) => {}
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    Ok(())
}

/// `[:alpha:]`
fn posix(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> bool {
    let name: String = chars.clone().skip(1).take_while(|c| c.is_ascii_alphabetic() || *c == '^').collect();
    let closing: String = chars.clone().skip(1 + name.len()).take(2).collect();
    if closing != ":]" {
        return false;
    }
    out.push_str("[:");
    out.push_str(&name);
    out.push_str(":]");
    chars.nth(name.len() + 2);
    true
}

/// The inside of `{2}` or `{2,5}`, where that is what follows; other braces are plain ones.
fn repetition(chars: &Peekable<Chars<'_>>) -> Option<String> {
    let inside: String = chars.clone().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    let closed = chars.clone().nth(inside.len()) == Some('}');
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    (closed && !least.is_empty() && !most.contains(',')).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_what_re2_means() {
        for (pattern, text, wanted) in [
            (r"^v\d+\.", "v2.4.1", true),
            (r"^\d$", "٣", false),
            (r"^\p{L}+$", "żółw", true),
            (r"^[[]$", "[", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[:digit:]x]+$", "1x2", true),
            (r"^[^\d]+$", "ab", true),
            (r"\Qa.b\E", "axb", false),
            (r"^a{2}$", "aa", true),
            (r"^a{x}$", "a{x}", true),
            (r"\bfoo\b", "a foo b", true),
            (r"^[]a]+$", "]a", true),
            (r"^a\<b$", "a<b", true),
            (r"^\101+?$", "AA", true),
            (r"^(?i:A{2,3}?)$", "aa", true),
        ] {
            let regex = compile(&pattern.into()).unwrap();
            assert_eq!(regex.is_match(text.as_bytes()), wanted, "{pattern}");
        }
        for pattern in [
            "[",
            "(",
            "a**",
            "a+{2}",
            "a{1001}",
            r"\1",
            r"\u0041",
            "\\",
            "(?=a)",
            "((((a{1000}){1000}){1000}){1000})",
        ] {
            assert!(compile(&pattern.into()).is_err(), "{pattern}");
        }
    }
}
