//! What `$patch` asks for, and what a value is that is put where nothing was.

use super::super::error::Error;
use super::super::piece::{Map, Piece, What};
use super::Merger;

/// The key that asks.
const PATCH: &str = "$patch";

/// What `$patch` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

/// What a map asks for; an error where that does not exist.
fn of_map(map: &Map) -> Result<Directive, ()> {
    let Some((_, value)) = map.pairs.iter().rfind(|(key, _)| key.text == PATCH) else {
        return Ok(Directive::Merge);
    };
    match value.as_text() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => Err(()),
    }
}

/// Whether a key of a map is what the map asks for.
pub(super) fn asks(key: &str) -> bool {
    key == PATCH
}

/// Whether an element is nothing but what is asked of its list.
pub(super) fn of_list_only(item: &Piece) -> bool {
    matches!(&item.what, What::Map(map) if map.pairs.len() == 1 && map.pairs.iter().all(|(key, _)| asks(&key.text)))
}

impl Merger<'_> {
    /// What a value asks for. A list asks with an element that says nothing else, where it is one that Kubernetes merges.
    pub(super) fn directive(&self, piece: &Piece) -> Result<Directive, Error> {
        let asked = match &piece.what {
            What::Map(map) => of_map(map),
            What::List { items, .. } if self.keyed().is_some() => {
                match items.iter().find(|item| of_list_only(item)).map(|item| &item.what) {
                    Some(What::Map(map)) => of_map(map),
                    _ => Ok(Directive::Merge),
                }
            }
            What::Scalar(_) | What::List { .. } => Ok(Directive::Merge),
        };
        asked.map_err(|()| Error::Directive(self.place()))
    }

    /// Whether it asks for what is there to go.
    pub(super) fn deletes(&self, piece: &Piece) -> Result<bool, Error> {
        Ok(piece.is_null() || self.directive(piece)? == Directive::Delete)
    }

    /// A value as it is where nothing was: without what it asks for and what it asks to remove. None where that is all
    /// of it. The elements of lists are as they are written, but for those that Kubernetes merges.
    pub(super) fn settled(&mut self, mut piece: Piece) -> Result<Option<Piece>, Error> {
        if self.deletes(&piece)? {
            return Ok(None);
        }
        match &mut piece.what {
            What::Map(map) => {
                for (key, value) in std::mem::take(&mut map.pairs) {
                    if asks(&key.text) {
                        continue;
                    }
                    self.path.push(key.text.clone());
                    let value = self.settled(value)?;
                    self.path.pop();
                    map.pairs.extend(value.map(|value| (key, value)));
                }
            }
            What::List { items, .. } if self.keyed().is_some() => {
                for item in std::mem::take(items) {
                    if !of_list_only(&item) {
                        items.extend(self.settled(item)?);
                    }
                }
            }
            What::Scalar(_) | What::List { .. } => {}
        }
        Ok(Some(piece))
    }
}
