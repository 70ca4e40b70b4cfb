//! Where everything is in a text of JSON. Comments and commas after the last element are taken as they are.

use std::ops::Range;

use serde_json::Value;

use crate::go_json;

/// How deep objects and lists may be nested.
const DEPTH: usize = 500;

/// A text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON: line {line}: {what}")]
pub struct Syntax {
    line: usize,
    what: &'static str,
}

/// A value and where it is written.
#[derive(Debug)]
pub struct Node {
    /// Its bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

impl Node {
    /// Whether it has no parts.
    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar)
    }
}

/// What a value is.
#[derive(Debug)]
pub enum Kind {
    /// An object: names and values, in order.
    Object(Vec<(String, Node)>),
    /// A list.
    List(Vec<Node>),
    /// Anything else.
    Scalar,
}

/// Reads the first value; none where nothing is written. What follows must be JSON too. A byte order mark is passed
/// over.
pub fn document(text: &str) -> Result<Option<Node>, Syntax> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut scanner = Scanner { text, at: mark };
    scanner.blank()?;
    if scanner.peek().is_none() {
        return Ok(None);
    }
    let first = scanner.value(0)?;
    loop {
        scanner.blank()?;
        if scanner.peek().is_none() {
            return Ok(Some(first));
        }
        scanner.value(0)?;
    }
}

/// What comes next, after spaces and comments.
pub fn after(text: &str, at: usize) -> Option<u8> {
    let mut scanner = Scanner { text, at };
    scanner.blank().ok()?;
    scanner.peek()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error<T>(&self, what: &'static str) -> Result<T, Syntax> {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        Err(Syntax { line: before.matches('\n').count() + 1, what })
    }

    /// Goes over spaces and comments.
    fn blank(&mut self) -> Result<(), Syntax> {
        loop {
            let rest = self.rest();
            let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.at += spaces;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.error("a comment without an end"),
                }
            } else if spaces == 0 {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Syntax> {
        if depth > DEPTH {
            return self.error("nested too deeply");
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => {
                self.string()?;
                Kind::Scalar
            }
            Some(_) => self.scalar()?,
            None => return self.error("a value is missing at the end"),
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Syntax> {
        let mut pairs = Vec::new();
        self.at += 1;
        loop {
            self.blank()?;
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Kind::Object(pairs));
                }
                Some(b'"') => {}
                Some(_) => return self.error("a name in quotes is missing"),
                None => return self.error("an object without its closing brace"),
            }
            let name = self.string()?;
            self.blank()?;
            if self.peek() != Some(b':') {
                return self.error("a colon is missing after a name");
            }
            self.at += 1;
            self.blank()?;
            pairs.push((name, self.value(depth + 1)?));
            self.comma(b'}')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Syntax> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.blank()?;
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Kind::List(items));
                }
                None => return self.error("a list without its closing bracket"),
                Some(_) => items.push(self.value(depth + 1)?),
            }
            self.comma(b']')?;
        }
    }

    fn comma(&mut self, closing: u8) -> Result<(), Syntax> {
        self.blank()?;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(())
            }
            Some(other) if other == closing => Ok(()),
            Some(_) => self.error("a comma is missing"),
            None => self.error("an object or a list without its end"),
        }
    }

    fn string(&mut self) -> Result<String, Syntax> {
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else { return self.error("a text without its closing quote") };
        let written = self.rest().get(..end + 2).unwrap_or_default();
        let Ok(Value::String(text)) = go_json::read(written.as_bytes()) else {
            return self.error("a text that cannot be read");
        };
        self.at += end + 2;
        Ok(text)
    }

    fn scalar(&mut self) -> Result<Kind, Syntax> {
        let end = |c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c));
        let rest = self.rest();
        let word = rest.get(..rest.find(end).unwrap_or(rest.len())).unwrap_or_default();
        if serde_json::from_str::<Value>(word).is_err() {
            return self.error("neither an object nor a list, text, number, true, false or null");
        }
        self.at += word.len();
        Ok(Kind::Scalar)
    }
}
