//! The keys that `yaml-update` and `toml-update` are given: parts with dots between them.
//!
//! A dot or colon in a part is written `\.` or `\:`. Colons before a part say that a number is a map's key; they are
//! taken away. Source: vectors `kargo/key-paths`.

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing is written.
    #[error("the key is empty")]
    Empty,
    /// Nothing is written between two dots.
    #[error("key {0:?} has an empty part; write a dot that belongs to a name as \\.")]
    EmptyPart(String),
    /// A backslash before something else than a dot or a colon.
    #[error("key {0:?} has a backslash before something else than a dot or a colon")]
    Escape(String),
    /// A colon inside a part.
    #[error("key {0:?} has a colon inside a part; write it as \\:")]
    Colon(String),
}

/// Takes a key apart.
pub fn split(key: &str) -> Result<Vec<String>, Error> {
    let key = key.trim();
    if key.is_empty() {
        return Err(Error::Empty);
    }
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut chars = key.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => parts.push(std::mem::take(&mut part)),
            ':' if part.is_empty() => {}
            ':' => return Err(Error::Colon(key.to_owned())),
            '\\' => match chars.next() {
                Some(escaped @ ('.' | ':')) => part.push(escaped),
                Some(_) => return Err(Error::Escape(key.to_owned())),
                None => {}
            },
            c => part.push(c),
        }
    }
    parts.push(part);
    if parts.iter().any(String::is_empty) {
        return Err(Error::EmptyPart(key.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart() {
        for (key, parts) in [
            ("image.tag", vec!["image", "tag"]),
            (" image.tag ", vec!["image", "tag"]),
            ("a\\.b/c.x", vec!["a.b/c", "x"]),
            ("a.:0", vec!["a", "0"]),
            ("::a", vec!["a"]),
            ("a.::b", vec!["a", "b"]),
            (":::x", vec!["x"]),
            ("a.\\:0", vec!["a", ":0"]),
            ("a b.c", vec!["a b", "c"]),
        ] {
            assert_eq!(split(key).unwrap(), parts, "{key}");
        }
    }

    #[test]
    fn what_is_no_key() {
        assert_eq!(split("  "), Err(Error::Empty));
        assert!(matches!(split("a..b"), Err(Error::EmptyPart(_))));
        assert!(matches!(split("a\\x"), Err(Error::Escape(_))));
        assert!(matches!(split("a:b"), Err(Error::Colon(_))));
        assert!(matches!(split("\\::b"), Err(Error::Colon(_))));
        assert!(matches!(split("a.::"), Err(Error::EmptyPart(_))));
    }
}
