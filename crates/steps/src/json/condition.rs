//! Conditions in the keys of `json-update`: `#(name=="x")`, `#(list.#(<3))`, `#[name]`.
//!
//! Values are compared as the library does it: what is written is a text to a text, a number to a number (no number is
//! 0), and `null` is equal to nothing. A tilde asks how a value may be taken: `~true`, `~false`, `~null`, `~*` (is there).

use std::cmp::Ordering;

use serde_json::Value;

use super::path::Find;
use super::scan::Node;
use super::search::{Found, like, search};
use crate::go_json;

/// What is to hold of an element.
#[derive(Debug, PartialEq)]
pub struct Condition {
    /// What is compared, from the element on.
    path: Vec<Find>,
    /// Whether that is the element itself, where it is neither an object nor a list.
    is_self: bool,
    /// How; empty where it only must be there.
    operator: &'static str,
    /// With what.
    value: String,
}

/// Takes what is before the closing bracket from what follows an opening one. Without a closing one there is nothing.
pub fn enclosed(text: &str) -> (&str, &str) {
    let end = outside(text).find(|(_, c, depth)| *depth == 0 && matches!(c, ')' | ']'));
    end.and_then(|(at, ..)| Some((text.get(..at)?, text.get(at + 1..)?))).unwrap_or_default()
}

/// The characters that are neither in quotes nor after a backslash: where they are, and in how many brackets.
fn outside(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.char_indices().filter_map(move |(at, c)| {
        let is_escaped = std::mem::take(&mut escaped);
        match c {
            _ if is_escaped => return None,
            '\\' => {
                escaped = true;
                return None;
            }
            '"' => quoted = !quoted,
            _ if quoted => return None,
            '(' | '[' => depth += 1,
            ')' | ']' => {
                let before = depth;
                depth = depth.saturating_sub(1);
                return Some((at, c, before));
            }
            _ => {}
        }
        Some((at, c, depth))
    })
}

impl Condition {
    /// Reads what is in the brackets.
    pub fn read(inner: &str, path: impl Fn(&str) -> Vec<Find>) -> Self {
        let compares = |c: char| matches!(c, '!' | '=' | '<' | '>' | '%');
        let at = outside(inner).find(|(_, c, depth)| *depth == 0 && compares(*c)).map(|(at, ..)| at);
        let (name, rest) = inner.split_at(at.unwrap_or(inner.len()));
        let (name, rest) = (trim(name), trim(rest));
        let operators = ["==", "!=", "!%", "<=", ">=", "=", "<", ">", "%"];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or_default();
        let value = trim(rest.get(operator.len()..).unwrap_or_default());
        Self { path: path(name), is_self: name.is_empty(), operator, value: unquoted(value) }
    }

    /// Whether it holds of an element.
    pub fn holds(&self, item: &Node, text: &str) -> bool {
        let found = match (item.is_scalar(), self.is_self) {
            (true, true) => Found::One(item),
            (true, false) => return false,
            (false, _) => search(item, &self.path, text),
        };
        self.compare(&Seen::of(&found, text))
    }

    fn compare(&self, seen: &Seen) -> bool {
        if let Some(asked) = self.value.strip_prefix('~') {
            let Some(is) = seen.may_be(asked) else { return false };
            return self.operator.is_empty() || compare(&Seen::Bool(is), self.operator, "true");
        }
        match seen {
            Seen::Missing => false,
            _ => self.operator.is_empty() || compare(seen, self.operator, &self.value),
        }
    }
}

/// A value that is compared.
enum Seen {
    Missing,
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// An object or a list.
    Other,
}

impl Seen {
    fn of(found: &Found, text: &str) -> Self {
        let node = match found {
            Found::Nothing => return Self::Missing,
            #[expect(clippy::cast_precision_loss, reason = "lists are not that long")]
            Found::Count(count) => return Self::Number(*count as f64),
            Found::Several(_) => return Self::Other,
            Found::One(node) => node,
        };
        let written = text.get(node.span.clone()).unwrap_or_default();
        match written.as_bytes().first() {
            Some(b'"') => match go_json::read(written.as_bytes()) {
                Ok(Value::String(text)) => Self::Text(text),
                _ => Self::Other,
            },
            Some(b't' | b'f') => Self::Bool(written == "true"),
            Some(b'n') => Self::Null,
            Some(b'{' | b'[') => Self::Other,
            _ => Self::Number(written.parse().unwrap_or_default()),
        }
    }

    /// Whether it may be taken for what is asked; none where that is no question.
    fn may_be(&self, asked: &str) -> Option<bool> {
        let is_said = |words: [&str; 3]| match self {
            Self::Text(text) => words.contains(&text.to_lowercase().as_str()),
            _ => false,
        };
        Some(match asked {
            "*" => !matches!(self, Self::Missing),
            "null" => matches!(self, Self::Missing | Self::Null),
            "true" => match self {
                Self::Number(number) => *number != 0.0,
                _ => matches!(self, Self::Bool(true)) || is_said(["1", "t", "true"]),
            },
            "false" => match self {
                Self::Number(number) => *number == 0.0,
                Self::Missing | Self::Null => true,
                _ => matches!(self, Self::Bool(false)) || is_said(["0", "f", "false"]),
            },
            _ => return None,
        })
    }
}

fn compare(seen: &Seen, operator: &str, value: &str) -> bool {
    let order = match seen {
        Seen::Text(text) => {
            let is_like = || like(&pattern(value), &text.chars().collect::<Vec<_>>());
            match operator {
                "%" => return is_like(),
                "!%" => return !is_like(),
                _ => Some(text.as_str().cmp(value)),
            }
        }
        Seen::Number(number) => number.partial_cmp(&value.parse().unwrap_or(0.0)),
        Seen::Bool(is) => return compare_bool(*is, operator, value),
        Seen::Missing | Seen::Null | Seen::Other => return false,
    };
    match operator {
        "=" | "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order == Some(Ordering::Less),
        "<=" => order.is_some_and(Ordering::is_le),
        ">" => order == Some(Ordering::Greater),
        ">=" => order.is_some_and(Ordering::is_ge),
        _ => false,
    }
}

fn compare_bool(is: bool, operator: &str, value: &str) -> bool {
    match operator {
        "=" | "==" => value == is.to_string(),
        "!=" => value != is.to_string(),
        ">" => is && value == "false",
        ">=" => is,
        "<" => !is && value == "true",
        "<=" => !is,
        _ => false,
    }
}

/// A pattern, as characters with whether they are meant as they are.
fn pattern(text: &str) -> Vec<(char, bool)> {
    let mut chars = text.chars();
    let next = || {
        let c = chars.next()?;
        Some(if c == '\\' { (chars.next()?, true) } else { (c, false) })
    };
    std::iter::from_fn(next).collect()
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if inner.contains('\\') => {
            serde_json::from_str(value).unwrap_or_else(|_| inner.to_owned())
        }
        Some(inner) => inner.to_owned(),
        None => value.to_owned(),
    }
}
