//! Finding a scalar by its key.

use super::error::Error;
use super::tree::{Node, Place, What};

impl Node {
    /// The scalar that a key leads to.
    pub fn find(&self, path: &[String], key: &str) -> Result<Place, Error> {
        let mut node = self;
        for (depth, part) in path.iter().enumerate() {
            node = node.child(part, key, path.get(..depth).unwrap_or_default())?;
        }
        let what = match &node.what {
            What::Scalar { place, .. } => return Ok(place.clone()),
            What::Alias(_) => "an alias (name the anchor's own place instead)",
            What::Map { .. } => "a map",
            What::List { .. } => "a list",
            What::Nothing => "nothing",
        };
        Err(Error::NotScalar { key: key.to_owned(), what })
    }

    fn child(&self, part: &str, key: &str, above: &[String]) -> Result<&Self, Error> {
        let not_found = || Error::NotFound {
            key: key.to_owned(),
            part: part.to_owned(),
            among: if above.is_empty() { String::new() } else { format!(" in {:?}", above.join(".")) },
        };
        match &self.what {
            What::Map { pairs, .. } => {
                let found = pairs.iter().find(|(key, _)| key.text() == Some(part));
                found.map(|(_, value)| value).ok_or_else(not_found)
            }
            What::List { items, .. } => part
                .parse::<usize>()
                .ok()
                .and_then(|i| items.get(i))
                .ok_or_else(|| Error::Index { key: key.to_owned(), part: part.to_owned(), len: items.len() }),
            _ => Err(not_found()),
        }
    }
}
