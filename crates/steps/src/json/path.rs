//! The keys of `json-update`: parts with dots between them.
//!
//! A backslash takes the character after it as it is. A colon before a part says that a number is a name. `-1` appends
//! to a list. With `*`, `?` (any characters, one character), `#` (all elements) or `#(name=="x")` (the first element of
//! which that holds, all of them with a `#` after it) a key only finds what is there and makes nothing.

use super::scan::{Kind, Node};

/// A key.
#[derive(Debug, PartialEq)]
pub enum Path {
    /// Names and indexes only: what is not there is made.
    Plain(Vec<Part>),
    /// What is to be found; nothing is made.
    Search(Vec<Find>),
}

/// A part of a plain key.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The name, or the index in digits.
    pub name: String,
    /// Whether it is a name although it is a number.
    pub forced: bool,
}

impl Part {
    /// The index, where the part is one. No digits at all are the index 0.
    pub fn index(&self) -> Option<usize> {
        if self.forced || !self.name.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        Some(self.name.parse().unwrap_or(if self.name.is_empty() { 0 } else { usize::MAX }))
    }

    /// Whether it appends.
    pub fn appends(&self) -> bool {
        !self.forced && self.name == "-1"
    }

    /// What it leads to.
    pub fn child<'a>(&self, node: &'a Node) -> Option<&'a Node> {
        named(node, &self.name)
    }
}

/// A part of a key that searches.
#[derive(Debug, PartialEq)]
pub enum Find {
    /// A name, or an index in digits.
    Name(String),
    /// Names like this, as characters with whether they are meant as they are.
    Like(Vec<(char, bool)>),
    /// All elements of a list.
    All,
    /// The elements of a list that a condition holds of.
    Where {
        /// The name that is compared; empty for the element itself.
        name: String,
        /// How.
        operator: String,
        /// With what.
        value: serde_json::Value,
        /// All of them, or the first.
        all: bool,
    },
    /// What this tool has no meaning for: it finds nothing.
    Nothing,
}

/// Reads a key. There is none that cannot be read.
pub fn read(key: &str) -> Path {
    let parts = split(key);
    let searches =
        |part: &Vec<(char, bool)>| part.iter().any(|(c, escaped)| !escaped && "|#@*?".contains(*c));
    if parts.iter().any(searches) {
        return Path::Search(parts.into_iter().map(find).collect());
    }
    Path::Plain(parts.into_iter().map(plain).collect())
}

/// Takes a key apart into characters, each with whether a backslash was before it. In a condition nothing is special.
fn split(key: &str) -> Vec<Vec<(char, bool)>> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0_usize;
    let mut chars = key.chars();
    while let Some(c) = chars.next() {
        let last = parts.last_mut();
        match c {
            '.' if depth == 0 => parts.push(Vec::new()),
            '\\' if depth == 0 => {
                if let (Some(part), Some(next)) = (last, chars.next()) {
                    part.push((next, true));
                }
            }
            c => {
                let Some(part) = last else { continue };
                match c {
                    '(' if depth > 0 || matches!(part[..], [('#', false)]) => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                part.push((c, false));
            }
        }
    }
    parts
}

fn text(part: &[(char, bool)]) -> String {
    part.iter().map(|(c, _)| c).collect()
}

fn plain(mut part: Vec<(char, bool)>) -> Part {
    let forced = part.first() == Some(&(':', false));
    if forced {
        part.remove(0);
    }
    Part { name: text(&part), forced }
}

fn find(part: Vec<(char, bool)>) -> Find {
    let has = |special: char| part.contains(&(special, false));
    if part.starts_with(&[('#', false), ('(', false)]) {
        return condition(&text(&part)).unwrap_or(Find::Nothing);
    }
    match &part[..] {
        [('#', false)] => Find::All,
        _ if has('|') => Find::Nothing,
        _ if has('*') || has('?') => Find::Like(part),
        _ => Find::Name(plain(part).name),
    }
}

/// `#(name=="x")`, with a `#` at the end for all.
fn condition(text: &str) -> Option<Find> {
    let (inner, all) = match text.strip_suffix(")#") {
        Some(inner) => (inner, true),
        None => (text.strip_suffix(')')?, false),
    };
    let inner = inner.strip_prefix("#(")?;
    let operators = ["==", "!=", "<=", ">=", "!%", "=", "<", ">", "%"];
    let at = inner.find(['=', '!', '<', '>', '%'])?;
    let (name, rest) = inner.split_at(at);
    let operator = operators.iter().find(|operator| rest.starts_with(**operator))?;
    let value = rest.get(operator.len()..)?.trim();
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Some(Find::Where { name: name.trim().to_owned(), operator: (*operator).to_owned(), value, all })
}

/// The values in `node` that a search finds.
pub fn search<'a>(node: &'a Node, parts: &[Find], text: &str) -> Vec<&'a Node> {
    let Some((first, rest)) = parts.split_first() else { return vec![node] };
    match (first, &node.kind) {
        (Find::Name(name), _) => named(node, name).map_or_else(Vec::new, |child| search(child, rest, text)),
        (Find::Like(pattern), Kind::Object(pairs)) => {
            let like = pairs.iter().filter(|(name, _)| like(pattern, &name.chars().collect::<Vec<_>>()));
            let found = like.map(|(_, child)| search(child, rest, text));
            found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
        }
        // Alone it is the number of elements, which cannot be set.
        (Find::All, Kind::List(items)) if !rest.is_empty() => {
            items.iter().flat_map(|item| search(item, rest, text)).collect()
        }
        (Find::Where { name, operator, value, all }, Kind::List(items)) => {
            let holds = |item: &&Node| {
                let compared = if name.is_empty() { Some(*item) } else { named(item, name) };
                compared.is_some_and(|node| holds(node, operator, value, text))
            };
            let found = items.iter().filter(holds).take(if *all { usize::MAX } else { 1 });
            found.flat_map(|item| search(item, rest, text)).collect()
        }
        _ => Vec::new(),
    }
}

fn named<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Object(pairs) => pairs.iter().find(|(key, _)| key == name).map(|(_, child)| child),
        Kind::List(items) if name.bytes().all(|digit| digit.is_ascii_digit()) => {
            items.get(name.parse::<usize>().ok()?)
        }
        _ => None,
    }
}

fn holds(node: &Node, operator: &str, value: &serde_json::Value, text: &str) -> bool {
    use serde_json::Value;
    let Ok(here) = serde_json::from_str::<Value>(text.get(node.span.clone()).unwrap_or_default()) else {
        return false;
    };
    let order = match (&here, value) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Null, Value::Null) => Some(std::cmp::Ordering::Equal),
        _ => None,
    };
    let is_like = || match (&here, value) {
        (Value::String(a), Value::String(b)) => {
            let pattern: Vec<_> = b.chars().map(|c| (c, false)).collect();
            like(&pattern, &a.chars().collect::<Vec<_>>())
        }
        _ => false,
    };
    match operator {
        "%" => is_like(),
        "!%" => here.is_string() && !is_like(),
        "!=" => order.is_none_or(std::cmp::Ordering::is_ne),
        "<" => order.is_some_and(std::cmp::Ordering::is_lt),
        "<=" => order.is_some_and(std::cmp::Ordering::is_le),
        ">" => order.is_some_and(std::cmp::Ordering::is_gt),
        ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
        _ => order.is_some_and(std::cmp::Ordering::is_eq),
    }
}

/// Whether a name is like a pattern; steps go with the product of their lengths at most.
fn like(pattern: &[(char, bool)], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(('*', false)) => {
                star = Some((p, n));
                p += 1;
            }
            Some((c, escaped)) if Some(c) == name.get(n) || *c == '?' && !escaped => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|part| *part == ('*', false))
}
