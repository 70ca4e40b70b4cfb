//! Regular expressions in RE2's syntax, as users of Go programs write them, run by the `regex` crate: classes like
//! `\d` and `\b` are ASCII, `[[a]` and `[a&&b]` are plain sets, what RE2 refuses is refused.

use regex::{Regex, RegexBuilder};

use super::Error;

const MAX_LENGTH: usize = 4096;
const MAX_SIZE: usize = 4 << 20;

/// Compiles an expression. It matches anywhere unless it is anchored.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    let wrong = |problem: String| Error::Regex { pattern: pattern.chars().take(256).collect(), problem };
    if pattern.len() > MAX_LENGTH {
        return Err(wrong("it is longer than 4096 bytes".to_owned()));
    }
    let translated = translate(pattern).map_err(|problem| wrong(problem.to_owned()))?;
    RegexBuilder::new(&translated).size_limit(MAX_SIZE).build().map_err(|error| {
        let text = error.to_string();
        wrong(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
    })
}

/// The same expression in the `regex` crate's syntax.
pub fn translate(pattern: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut repeated = Repeated::No;
    while let Some(c) = rest.chars().next() {
        let repetition =
            if c == '{' { repetition(rest)? } else { rest.get(..1).filter(|_| "*+?".contains(c)) };
        if let Some(operator) = repetition {
            repeated = match (repeated, c) {
                (Repeated::No, _) => Repeated::Once,
                (Repeated::Once, '?') => Repeated::Lazily,
                _ => return Err("a repetition of a repetition: put the inner one in parentheses"),
            };
            out.push_str(operator);
            rest = rest.get(operator.len()..).unwrap_or_default();
            continue;
        }
        repeated = Repeated::No;
        rest = match c {
            '\\' => escape(rest, &mut out, false)?,
            '[' => class(rest, &mut out)?,
            '(' => group(rest, &mut out)?,
            c => {
                // Without a partner these are plain characters.
                if matches!(c, '{' | '}' | ']') {
                    out.push('\\');
                }
                out.push(c);
                rest.get(c.len_utf8()..).unwrap_or_default()
            }
        };
    }
    Ok(out)
}

#[derive(Clone, Copy)]
enum Repeated {
    No,
    Once,
    Lazily,
}

/// `{n}`, `{n,}` or `{n,m}`, up to 1000; anything else in braces is text.
fn repetition(rest: &str) -> Result<Option<&str>, &'static str> {
    let Some(end) = rest.find('}') else { return Ok(None) };
    let Some(inside) = rest.get(1..end) else { return Ok(None) };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if low.is_empty() || !digits(low) || !digits(high) {
        return Ok(None);
    }
    let too_many = |text: &str| !text.is_empty() && text.parse::<u32>().map_or(true, |number| number > 1000);
    if too_many(low) || too_many(high) {
        return Err("a repetition of more than 1000 times");
    }
    Ok(rest.get(..=end))
}

/// Flags of RE2 are `i`, `m`, `s`, `U`; no look-around, no comments, no verbose mode.
fn group<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, &'static str> {
    let Some(after) = rest.strip_prefix("(?") else {
        out.push('(');
        return Ok(rest.get(1..).unwrap_or_default());
    };
    if after.starts_with("P<")
        || after.starts_with('<') && !after.starts_with("<=") && !after.starts_with("<!")
    {
        out.push_str("(?");
        return Ok(after);
    }
    let end = after.find([':', ')']).ok_or("`(?` is not closed")?;
    let (flags, following) = after.split_at(end);
    if !flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-')) {
        return Err("after `(?` only the flags i, m, s and U are known; look-around is not supported");
    }
    out.push_str("(?");
    out.push_str(flags);
    Ok(following)
}

fn class<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, &'static str> {
    const OPEN: &str = "`[` without `]`";
    out.push('[');
    let mut rest = rest.get(1..).unwrap_or_default();
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        let c = rest.chars().next().ok_or(OPEN)?;
        match c {
            ']' if !first => {
                out.push(']');
                return Ok(rest.get(1..).unwrap_or_default());
            }
            '[' if rest.starts_with("[:") && rest.contains(":]") => {
                let end = rest.find(":]").ok_or(OPEN)? + 2;
                let (name, after) = rest.split_at(end);
                out.push_str(name);
                rest = after;
            }
            '\\' => rest = escape(rest, out, true)?,
            c => {
                if matches!(c, '[' | ']' | '&' | '~') || c == '-' && rest.starts_with("--") {
                    out.push('\\');
                }
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        first = false;
    }
}

fn escape<'a>(rest: &'a str, out: &mut String, in_class: bool) -> Result<&'a str, &'static str> {
    let mut chars = rest.chars();
    chars.next();
    let c = chars.next().ok_or("nothing follows `\\`")?;
    let after = chars.as_str();
    match c {
        'd' | 'D' | 'w' | 'W' | 's' | 'S' => out.push_str(ascii_class(c, in_class)),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'B' if !in_class => out.push_str("\\B"),
        'A' | 'z' if !in_class => out.extend(['\\', c]),
        'x' | 'p' | 'P' => {
            let braced = after.starts_with('{').then(|| after.find('}')).flatten().map_or(0, |end| end + 1);
            let (inside, after) = after.split_at(braced);
            out.extend(['\\', c]);
            out.push_str(inside);
            return Ok(after);
        }
        'a' | 'f' | 't' | 'n' | 'r' | 'v' => out.extend(['\\', c]),
        'Q' if !in_class => {
            let (text, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(text));
            return Ok(after);
        }
        '0'..='7' => return octal(c, after, out),
        c if c.is_ascii_punctuation() => out.extend(['\\', c]),
        _ => return Err("an unknown escape follows `\\`"),
    }
    Ok(after)
}

fn ascii_class(c: char, in_class: bool) -> &'static str {
    match (c, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => r"[\t\n\x0c\r ]",
        ('s', true) => r"\t\n\x0c\r ",
        _ => r"[^\t\n\x0c\r ]",
    }
}

/// `\0`, `\12`, `\123`; a single digit from 1 would be a back-reference.
fn octal<'a>(first: char, after: &'a str, out: &mut String) -> Result<&'a str, &'static str> {
    let more = after.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if more == 0 && first != '0' {
        return Err("back-references are not supported");
    }
    let (digits, after) = after.split_at(more);
    let code = u32::from_str_radix(&format!("{first}{digits}"), 8).map_err(|_| "a bad octal escape")?;
    out.extend(["\\x{", &format!("{code:x}"), "}"]);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_mean_what_they_mean_in_re2() {
        for (pattern, text, fits) in [
            (r"^\d+$", "١٢", false),
            (r"^\d+$", "12", true),
            (r"\bword\b", "a word", true),
            (r"[[:alpha:]]+", "a", true),
            (r"^[[a]$", "[", true),
            (r"^[a&&b]$", "&", true),
            (r"^[]a]+$", "]a", true),
            (r"a{,2}", "a{,2}", true),
            (r"^a{2}$", "aa", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"^\141$", "a", true),
            (r"(?i)ABC", "abc", true),
            (r"a}", "a}", true),
            (r"^[\d-]+$", "1-2", true),
            (r"^[^\s]+$", "a b", false),
            (r"^\p{Lu}", "Ż", true),
            (r"(?P<n>x)", "x", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            r"a(?!b)",
            r"(?<=a)b",
            r"(x)\1",
            r"(",
            r"[a",
            r"(?x)a",
            r"\u0041",
            r"a**",
            r"\",
            r"x{2000}{2000}",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(pattern in "\\PC{0,24}", odd in r"[\\\[\](){}?*+^$|:&~a0,-]{0,16}") {
            let _ = compile(&pattern);
            let _ = compile(&odd);
        }
    }
}
