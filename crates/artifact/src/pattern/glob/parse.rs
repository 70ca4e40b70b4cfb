//! Reading a glob, with bounds on what alternatives may multiply to.

use super::Token;

const MAX_ALTERNATIVES: usize = 1024;
const MAX_DEPTH: usize = 16;
const MAX_LENGTH: usize = 4096;

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

pub(super) fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    if pattern.len() > MAX_LENGTH {
        return Err("it is longer than 4096 bytes");
    }
    let mut chars = pattern.chars().peekable();
    let tokens = sequence(&mut chars, 0)?;
    if chars.next().is_some() {
        return Err("`}` without `{`");
    }
    if count(&tokens) > MAX_ALTERNATIVES {
        return Err("its `{…}` alternatives multiply to more than 1024");
    }
    Ok(tokens)
}

/// Reads up to the end, and inside alternatives up to `,` or `}`.
fn sequence(chars: &mut Chars<'_>, depth: usize) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    while let Some(&next) = chars.peek() {
        if next == '}' || next == ',' && depth > 0 {
            break;
        }
        chars.next();
        tokens.push(match next {
            '\\' => Token::Char(chars.next().ok_or("nothing follows `\\`")?),
            '?' => Token::AnyChar,
            '*' => Token::Star,
            '[' => class(chars)?,
            '{' => alternatives(chars, depth + 1)?,
            c => Token::Char(c),
        });
    }
    Ok(tokens)
}

fn alternatives(chars: &mut Chars<'_>, depth: usize) -> Result<Token, &'static str> {
    if depth > MAX_DEPTH {
        return Err("its `{…}` are nested more than 16 deep");
    }
    let mut list = Vec::new();
    loop {
        list.push(sequence(chars, depth)?);
        match chars.next() {
            Some(',') => {}
            Some('}') => return Ok(Token::Alternatives(list)),
            _ => return Err("`{` without `}`"),
        }
    }
}

fn class(chars: &mut Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "`[` without `]`";
    let negated = chars.next_if(|c| matches!(c, '^' | '!')).is_some();
    if chars.peek() == Some(&']') {
        return Err("`[]` is empty (write `\\]` for the bracket itself)");
    }
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next().ok_or(OPEN)? {
            ']' => return Ok(Token::Class { negated, ranges }),
            '\\' => chars.next().ok_or(OPEN)?,
            c => c,
        };
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
            chars.next();
            let high = match chars.next().ok_or(OPEN)? {
                '\\' => chars.next().ok_or(OPEN)?,
                c => c,
            };
            ranges.push((low, high));
        }
        // The beginning of a range counts by itself too, even of an empty range, as recorded.
        ranges.push((low, low));
    }
}

/// How many globs without alternatives it stands for.
fn count(tokens: &[Token]) -> usize {
    tokens.iter().fold(1_usize, |product, token| match token {
        Token::Alternatives(list) => {
            let sum = list.iter().fold(0_usize, |sum, inside| sum.saturating_add(count(inside)));
            product.saturating_mul(sum)
        }
        _ => product,
    })
}
