//! What the keys of `json-update` that search find.

use super::path::{Find, element};
use super::scan::{Kind, Node};

/// What a key leads to.
#[derive(Debug)]
pub enum Found<'a> {
    /// There is no such value.
    Nothing,
    /// A value.
    One(&'a Node),
    /// The values of several elements, maybe none.
    Several(Vec<&'a Node>),
    /// How many elements a list has, which can be compared and not be set.
    Count(usize),
}

impl<'a> Found<'a> {
    /// What can be set.
    pub fn nodes(self) -> Vec<&'a Node> {
        match self {
            Self::Nothing | Self::Count(_) => Vec::new(),
            Self::One(node) => vec![node],
            Self::Several(nodes) => nodes,
        }
    }
}

/// Goes from a value along the parts of a key.
pub fn search<'a>(node: &'a Node, parts: &[Find], text: &str) -> Found<'a> {
    let Some((first, rest)) = parts.split_first() else { return Found::One(node) };
    match &node.kind {
        Kind::Scalar => Found::Nothing,
        Kind::Object(pairs) => {
            let named = pairs.iter().filter(|(name, _)| is_named(first, name));
            let mut found = named.map(|(_, child)| search(child, rest, text));
            found.find(|found| !matches!(found, Found::Nothing)).unwrap_or(Found::Nothing)
        }
        Kind::List(items) => match first {
            Find::Name(name, escaped) => {
                element(items, name, *escaped).map_or(Found::Nothing, |item| search(item, rest, text))
            }
            Find::All if rest.is_empty() => Found::Count(items.len()),
            Find::All => several(items.iter(), rest, text),
            Find::Where(condition, all) => {
                let mut holds = items.iter().filter(|item| condition.holds(item, text));
                match all {
                    true => several(holds, rest, text),
                    false => holds.next().map_or(Found::Nothing, |item| search(item, rest, text)),
                }
            }
            Find::Like(_) | Find::Nothing => Found::Nothing,
        },
    }
}

fn several<'a>(items: impl Iterator<Item = &'a Node>, rest: &[Find], text: &str) -> Found<'a> {
    Found::Several(items.flat_map(|item| search(item, rest, text).nodes()).collect())
}

fn is_named(part: &Find, name: &str) -> bool {
    match part {
        Find::Name(wanted, _) => wanted == name,
        Find::Like(pattern) => like(pattern, &name.chars().collect::<Vec<_>>()),
        // In an object it is a name as any other.
        Find::All => name == "#",
        Find::Where(..) | Find::Nothing => false,
    }
}

/// Whether a name is like a pattern; steps go with the product of their lengths at most.
pub fn like(pattern: &[(char, bool)], name: &[char]) -> bool {
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
