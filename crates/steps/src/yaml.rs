//! Changing values in YAML without touching anything else: comments, order, quotes, anchors, line ends, other
//! documents and other keys stay byte for byte.
//!
//! [`update`] finds the spans of the addressed scalars with an event parser and splices the new values in; nothing is
//! ever written anew from a parsed tree.

mod find;
mod read;
mod render;
mod splice;
#[cfg(test)]
mod tests;

pub use find::{Error, Place};
pub use read::read;
pub use render::{number, quote_if_ambiguous};

use serde_json::Value;

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
    let nodes = find::document(text)?;
    let mut edits = Vec::new();
    for (path, key, value) in places {
        let place = nodes.find(&path, key)?;
        let replaced = splice::edits(text, &place, value);
        edits.push((place.start, key, replaced.ok_or_else(|| Error::NoPlace(key.to_owned()))?));
    }
    let text = splice::apply(text, edits);
    Ok(text)
}

/// Where the scalar is that a key of the first document leads to.
pub fn locate(text: &str, key: &str) -> Result<Place, Error> {
    find::document(text)?.find(&crate::key_path::split(key)?, key)
}
