//! What is to be replaced in a text for a key to have a value.

use std::ops::Range;

use super::Error;
use super::path::{Part, Path};
use super::quote;
use super::scan::{self, Kind, Node};
use super::search::search;

/// How many parts a key may have: as many objects and lists may be made.
pub const MAX_PARTS: usize = 200;
/// How long a list may be made.
pub const MAX_LENGTH: usize = 10_000;

/// One place and what it is to hold.
#[derive(Debug)]
pub struct Edit {
    /// Where.
    pub range: Range<usize>,
    /// What.
    pub text: String,
}

/// The edits, in the order of the text. `raw` is the value as it is written.
pub fn edits(
    text: &str,
    document: Option<&Node>,
    path: &Path,
    key: &str,
    raw: &str,
) -> Result<Vec<Edit>, Error> {
    let setting = Setting { text, key, raw };
    let parts = match path {
        Path::Plain(parts) => parts.len(),
        Path::Search(parts) => parts.len(),
    };
    if parts > MAX_PARTS {
        return Err(Error::Deep);
    }
    match (path, document) {
        (Path::Plain(parts), Some(node)) => setting.at(node, parts).map(|edit| vec![edit]),
        (Path::Plain(parts), None) => Ok(vec![Edit { range: 0..text.len(), text: setting.instead(parts)? }]),
        (Path::Search(_), None) => Ok(Vec::new()),
        (Path::Search(parts), Some(node)) => {
            let nodes = search(node, parts, text).nodes();
            let mut found: Vec<_> = nodes.into_iter().map(|node| node.span.clone()).collect();
            found.sort_by_key(|span| span.start);
            found.dedup();
            Ok(found.into_iter().map(|range| Edit { range, text: raw.to_owned() }).collect())
        }
    }
}

struct Setting<'a> {
    text: &'a str,
    key: &'a str,
    raw: &'a str,
}

impl Setting<'_> {
    fn at(&self, node: &Node, parts: &[Part]) -> Result<Edit, Error> {
        let Some((first, rest)) = parts.split_first() else {
            return Ok(Edit { range: node.span.clone(), text: self.raw.to_owned() });
        };
        if let Some(child) = first.child(node) {
            return self.at(child, rest);
        }
        match &node.kind {
            // What cannot have a part gives way to what can.
            Kind::Scalar => Ok(Edit { range: node.span.clone(), text: self.instead(parts)? }),
            Kind::Object(pairs) => {
                let pair = self.pair(first, rest)?;
                Ok(self.insert(node, pairs.last().map(|(_, last)| last), &pair))
            }
            Kind::List(items) => {
                let missing = match first.index() {
                    Some(index) => self.missing(index, items.len(), first)?,
                    None if first.appends() => 0,
                    None => {
                        let (key, part) = (self.key.to_owned(), first.name.clone());
                        return Err(Error::Index { key, part });
                    }
                };
                let new = format!("{}{}", "null,".repeat(missing), self.built(rest)?);
                Ok(self.insert(node, items.last(), &new))
            }
        }
    }

    /// How many elements are missing before an index.
    fn missing(&self, index: usize, len: usize, part: &Part) -> Result<usize, Error> {
        if index >= MAX_LENGTH {
            return Err(Error::Long { key: self.key.to_owned(), part: part.name.clone() });
        }
        Ok(index.saturating_sub(len))
    }

    /// Puts something at the end of an object or a list.
    fn insert(&self, node: &Node, last: Option<&Node>, new: &str) -> Edit {
        let closing = node.span.end - 1;
        let comma = last.is_some_and(|last| scan::after(self.text, last.span.end) != Some(b','));
        Edit { range: closing..closing, text: format!("{}{new}", if comma { "," } else { "" }) }
    }

    /// What takes the place of a value that has no parts. That is no list, so `-1` is a name there.
    fn instead(&self, parts: &[Part]) -> Result<String, Error> {
        match parts.split_first() {
            Some((first, rest)) if first.appends() => Ok(format!("{{{}}}", self.pair(first, rest)?)),
            _ => self.built(parts),
        }
    }

    /// The value with an object or a list around it for each part.
    fn built(&self, parts: &[Part]) -> Result<String, Error> {
        let Some((first, rest)) = parts.split_first() else { return Ok(self.raw.to_owned()) };
        match first.index() {
            Some(index) => {
                let missing = self.missing(index, 0, first)?;
                Ok(format!("[{}{}]", "null,".repeat(missing), self.built(rest)?))
            }
            None if first.appends() => Ok(format!("[{}]", self.built(rest)?)),
            None => Ok(format!("{{{}}}", self.pair(first, rest)?)),
        }
    }

    fn pair(&self, first: &Part, rest: &[Part]) -> Result<String, Error> {
        Ok(format!("{}:{}", quote(&first.name), self.built(rest)?))
    }
}
