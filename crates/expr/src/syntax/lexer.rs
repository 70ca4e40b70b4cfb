//! From text to tokens.

use std::iter::Peekable;
use std::str::CharIndices;

use super::escape::{self, Kind};
use super::token::{Token, TokenKind};
use crate::error::Fault;

/// Words that are operators, not names.
const WORDS: &[&str] =
    &["in", "or", "and", "not", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"];

pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { source, chars: source.char_indices().peekable(), tokens: Vec::new() };
    while let Some((at, c)) = lexer.chars.next() {
        lexer.token(at, c)?;
    }
    lexer.push(source.len(), TokenKind::End);
    Ok(lexer.tokens)
}

/// Can this character be part of a name?
fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphabetic() || c.is_numeric()
}

struct Lexer<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn push(&mut self, at: usize, kind: TokenKind) {
        self.tokens.push(Token { kind, at: offset(at) });
    }

    fn operator(&mut self, at: usize) {
        let text = self.source.get(at..self.position()).unwrap_or_default().to_owned();
        self.push(at, TokenKind::Operator(text));
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.source.len(), |(at, _)| *at)
    }

    fn accept(&mut self, set: &str) -> bool {
        self.chars.next_if(|(_, c)| set.contains(*c)).is_some()
    }

    fn token(&mut self, at: usize, c: char) -> Result<(), Fault> {
        match c {
            c if c.is_whitespace() => {}
            '\'' | '"' => self.string(at, c, Kind::Text)?,
            '`' => self.raw(at)?,
            '0'..='9' => self.number(at, c)?,
            'b' if matches!(self.chars.peek(), Some((_, '\'' | '"'))) => {
                if let Some((at, quote)) = self.chars.next() {
                    self.string(at, quote, Kind::Bytes)?;
                }
            }
            '/' => self.slash(at)?,
            '#' => self.pointer(at),
            '(' | ')' | '[' | ']' | '{' | '}' => self.push(at, TokenKind::Bracket(c)),
            '?' => self.double(at, ".?"),
            '|' => self.double(at, "|"),
            ':' => self.double(at, ":"),
            '&' | '!' | '=' | '*' | '<' | '>' => self.double(at, "&=*"),
            ',' | ';' | '%' | '+' | '-' | '^' => self.operator(at),
            '.' => self.dot(at)?,
            c if is_word(c) => self.word(at),
            c => return Err(fault(at, format!("character {c:?} has no meaning here"))),
        }
        Ok(())
    }

    fn double(&mut self, at: usize, second: &str) {
        self.accept(second);
        self.operator(at);
    }

    fn dot(&mut self, at: usize) -> Result<(), Fault> {
        if matches!(self.chars.peek(), Some((_, '0'..='9'))) {
            return self.number(at, '.');
        }
        self.double(at, ".");
        Ok(())
    }

    fn word(&mut self, at: usize) {
        while self.chars.next_if(|(_, c)| is_word(*c)).is_some() {}
        let end = self.position();
        let word = self.source.get(at..end).unwrap_or_default().to_owned();
        let kind =
            if WORDS.contains(&word.as_str()) { TokenKind::Operator(word) } else { TokenKind::Name(word) };
        self.push(at, kind);
    }

    /// `#`, and the name right after it.
    fn pointer(&mut self, at: usize) {
        self.accept("#");
        self.operator(at);
        let start = self.position();
        while self.chars.next_if(|(_, c)| is_word(*c)).is_some() {}
        let end = self.position();
        if end > start {
            let name = self.source.get(start..end).unwrap_or_default().to_owned();
            self.push(start, TokenKind::Name(name));
        }
    }

    fn slash(&mut self, at: usize) -> Result<(), Fault> {
        if self.accept("/") {
            while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
        } else if self.accept("*") {
            let rest = self.source.get(at + 2..).unwrap_or_default();
            let Some(length) = rest.find("*/") else {
                return Err(fault(at, "this comment is not closed, `*/` is missing"));
            };
            let end = at + 2 + length + 2;
            while self.chars.next_if(|(at, _)| *at < end).is_some() {}
        } else {
            self.operator(at);
        }
        Ok(())
    }

    fn raw(&mut self, at: usize) -> Result<(), Fault> {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                None => return Err(fault(at, "this string is not closed")),
                Some((_, '`')) if self.accept("`") => text.push('`'),
                Some((_, '`')) => break,
                Some((_, c)) => text.push(c),
            }
        }
        self.push(at, TokenKind::String(text.into()));
        Ok(())
    }

    fn string(&mut self, at: usize, quote: char, kind: Kind) -> Result<(), Fault> {
        let mut out = Vec::new();
        loop {
            match self.chars.next() {
                None | Some((_, '\n')) => return Err(fault(at, "this string is not closed")),
                Some((_, c)) if c == quote => break,
                Some((at, '\\')) => {
                    let rest = self.source.get(at + 1..).unwrap_or_default();
                    let length = escape::unescape(rest, quote, kind, &mut out)
                        .map_err(|message| fault(at, message))?;
                    let end = at + 1 + length;
                    while self.chars.next_if(|(at, _)| *at < end).is_some() {}
                }
                Some((_, c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let token = match kind {
            Kind::Text => TokenKind::String(out.into()),
            Kind::Bytes => TokenKind::Bytes(out.into()),
        };
        self.push(at, token);
        Ok(())
    }

    fn number(&mut self, at: usize, first: char) -> Result<(), Fault> {
        let mut digits = "0123456789_";
        if first == '0' {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if first != '.' {
            let mut ahead = self.chars.clone();
            // Two dots are a range: `1..3`.
            let is_point =
                ahead.next().is_some_and(|(_, c)| c == '.') && ahead.next().is_none_or(|(_, c)| c != '.');
            if is_point {
                self.chars.next();
                while self.accept(digits) {}
            }
        }
        if self.accept("eE") {
            self.accept("+-");
            while self.accept(digits) {}
        }
        let end = self.position();
        let text = self.source.get(at..end).unwrap_or_default().to_owned();
        if let Some((_, c)) = self.chars.peek().filter(|(_, c)| is_word(*c)) {
            return Err(fault(end, format!("`{text}{c}` is neither a number nor a name")));
        }
        self.push(at, TokenKind::Number(text));
        Ok(())
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn fault(at: usize, message: impl Into<String>) -> Fault {
    Fault::new(offset(at), message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ferry_fuzz::Corpus;

    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn splits_operators_and_names() {
        let end = "end of the expression";
        assert_eq!(texts("a?.b"), ["name `a`", "`?.`", "name `b`", end]);
        assert_eq!(texts("1..2"), ["number `1`", "`..`", "number `2`", end]);
        assert_eq!(texts("1.5.."), ["number `1.5`", "`..`", end]);
        assert_eq!(texts("#acc + #"), ["`#`", "name `acc`", "`+`", "`#`", end]);
        assert_eq!(texts("x not in y // z"), ["name `x`", "`not`", "`in`", "name `y`", end]);
        assert_eq!(texts("===<>"), ["`==`", "`=`", "`<`", "`>`", end]);
    }

    #[test]
    fn refuses_what_is_not_closed() {
        for source in ["'a", "\"a\nb\"", "`a", "/* a", "'\\q'", "1a", "0xG", "~"] {
            assert!(tokens(source).is_err(), "{source}");
        }
    }

    /// Anything at all: tokens in their order, within the text, or an error.
    #[test]
    fn fuzz_lexer() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/lexer.txt");
        let words =
            &["'", "\"", "`", "\\", "\\u", "0x", "1e", ".", "..", "?.", "/*", "*/", "//", "é", "\u{0}", "_"];
        for input in Corpus::read(&corpus, words).inputs() {
            let text = String::from_utf8_lossy(&input);
            let Ok(tokens) = tokens(&text) else { continue };
            let places: Vec<usize> = tokens.iter().map(|token| token.at as usize).collect();
            assert!(places.is_sorted() && places.iter().all(|at| *at <= text.len()), "{text:?}: {places:?}");
        }
    }
}
