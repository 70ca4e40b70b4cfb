//! Changing values in YAML without touching anything else: comments, order, quotes, anchors, line ends, other
//! documents and other keys stay byte for byte.
//!
//! [`update`] finds the spans of the addressed scalars with an event parser and splices the new values in; nothing is
//! ever written anew from a parsed tree.

mod block;
mod edits;
mod error;
mod find;
mod merge;
pub(crate) mod piece;
mod read;
mod render;
mod resolve;
mod splice;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use error::Error;
pub use merge::merge;
pub use read::read;
pub use render::{number, quote_if_ambiguous};
pub use tree::Place;

use std::collections::BTreeMap;

use serde_json::Value;

use piece::Piece;
use render::New;

/// How deep maps and lists may be nested.
const DEPTH: usize = 200;
/// How large a document may be in memory, about and in bytes, each alias counted as what it stands for.
const WEIGHT: usize = 128 << 20;
/// What a value weighs beside its text.
const VALUE: usize = 64;

/// Gives the first document of `text` new values at the given keys (see [`crate::key_path`]). Where a key is given
/// twice, the last value counts.
pub fn update<'a>(
    text: &str,
    updates: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<String, Error> {
    let mut places = Vec::new();
    for (key, value) in updates {
        let path = crate::key_path::split(key)?;
        places.push((path, key, value));
    }
    let document = tree::document(text)?;
    let mut by_place = BTreeMap::new();
    for (path, key, value) in places {
        let place = document.root.find(&path, key)?;
        let edits = splice::edits(text, &place, New::Value(value));
        by_place.insert(place.start, edits.ok_or_else(|| Error::NoPlace(key.to_owned()))?);
    }
    Ok(splice::apply(text, by_place.into_values().flatten().collect()))
}

/// The value of a key of the first document's map, with its comments.
pub(crate) fn piece(text: &str, key: &str) -> Result<Option<Piece>, Error> {
    let tree = tree::document(text)?;
    let (_, root) = piece::Pieces::of(text, &tree)?;
    Ok(root.get(key).cloned())
}

/// Puts a value in the place of a key of the first document's map; everything else stays.
pub(crate) fn put(text: &str, key: &str, piece: Piece) -> Result<String, Error> {
    merge::put(text, key, piece)
}

/// A document that says this.
pub(crate) fn write(piece: &Piece) -> String {
    let mut writer = write::Writer::new(&write::Layout::USUAL);
    writer.document(piece);
    format!("{}\n", writer.out)
}

/// Where the scalar is that a key of the first document leads to.
pub fn locate(text: &str, key: &str) -> Result<Place, Error> {
    tree::document(text)?.root.find(&crate::key_path::split(key)?, key)
}
