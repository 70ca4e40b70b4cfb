//! Escape sequences of string and byte literals.

/// What kind of literal the sequence stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
}

/// Reads what follows a backslash, appends what it means, and returns how many bytes were read.
pub(crate) fn unescape(rest: &str, quote: char, kind: Kind, out: &mut Vec<u8>) -> Result<usize, String> {
    let Some(first) = rest.chars().next() else {
        return Err("this string is not closed".to_owned());
    };
    let simple = match first {
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        '\\' => Some('\\'),
        c if c == quote => Some(c),
        _ => None,
    };
    if let Some(c) = simple {
        push(c, out);
        return Ok(first.len_utf8());
    }
    let (skip, count, radix) = match first {
        'x' => (1, 2, 16),
        'u' if rest.starts_with("u{") => return braced(rest, out),
        'u' if kind == Kind::Text => (1, 4, 16),
        'U' if kind == Kind::Text => (1, 8, 16),
        '0'..='3' => (0, 3, 8),
        _ => return Err(format!("unknown escape sequence `\\{first}`: write `\\\\` for a backslash")),
    };
    let digits = rest.get(skip..skip + count).unwrap_or_default();
    let code = digits
        .chars()
        .all(|c| c.is_digit(radix))
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
        .ok_or_else(|| format!("escape sequence `\\{first}` needs {count} digits"))?;
    match (kind, u8::try_from(code)) {
        (Kind::Bytes, Ok(byte)) => out.push(byte),
        _ => push_code(code, out)?,
    }
    Ok(skip + count)
}

/// `u{1F422}`
fn braced(rest: &str, out: &mut Vec<u8>) -> Result<usize, String> {
    let end = rest.find('}').ok_or("escape sequence `\\u{` is not closed")?;
    let digits = rest.get(2..end).unwrap_or_default();
    let code = (1..=6)
        .contains(&digits.len())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
        .ok_or_else(|| format!("`\\u{{{digits}}}` is not a character"))?;
    push_code(code, out)?;
    Ok(end + 1)
}

fn push_code(code: u32, out: &mut Vec<u8>) -> Result<(), String> {
    if code > 0x10_FFFF {
        return Err(format!("there is no character with code {code:X}"));
    }
    push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), out);
    Ok(())
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
