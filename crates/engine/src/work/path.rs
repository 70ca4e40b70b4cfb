//! Paths inside the work directory.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A path that does not lead out of the work directory by its own words. (Symbolic links are judged when the path is
/// used.) A leading `/` means the work directory itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkPath {
    clean: String,
    written: String,
}

/// A text that is no path inside the work directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing was written.
    #[error("a path must not be empty")]
    Empty,
    /// It climbs above the work directory.
    #[error("{0:?} leads out of the work directory; use a path inside it")]
    Escapes(String),
    /// It has a NUL byte.
    #[error("{0:?} holds a NUL byte, which no path can")]
    Nul(String),
    /// It is longer than any path may be.
    #[error("a path of {0} bytes is too long; the limit is {MOST} bytes")]
    Long(usize),
}

/// The longest path, in bytes: a journal's record of it must fit a symbolic link.
const MOST: usize = 4000;

impl WorkPath {
    /// Reads a path as a user writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.is_empty() {
            return Err(InvalidPath::Empty);
        }
        if text.contains('\0') {
            return Err(InvalidPath::Nul(text.to_owned()));
        }
        if text.len() > MOST {
            return Err(InvalidPath::Long(text.len()));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(|| InvalidPath::Escapes(text.to_owned()))?;
                }
                name => parts.push(name),
            }
        }
        Ok(Self { clean: parts.join("/"), written: text.to_owned() })
    }

    /// The work directory itself.
    pub fn root() -> Self {
        Self { clean: String::new(), written: ".".to_owned() }
    }

    /// The path below this one.
    pub fn join(&self, below: &str) -> Result<Self, InvalidPath> {
        Self::parse(&format!("{}/{below}", self.clean))
            .map(|path| Self { written: path.as_str().to_owned(), ..path })
    }

    /// The cleaned path; `.` for the work directory itself.
    pub fn as_str(&self) -> &str {
        if self.clean.is_empty() { "." } else { &self.clean }
    }

    /// The path as the user wrote it.
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// Whether this is the work directory itself.
    pub fn is_root(&self) -> bool {
        self.clean.is_empty()
    }

    /// The last part; none for the work directory itself.
    pub fn file_name(&self) -> Option<&str> {
        self.clean.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The directory that holds it; none for the work directory itself.
    pub fn parent(&self) -> Option<Self> {
        let clean = match self.clean.rsplit_once('/') {
            Some((parent, _)) => parent.to_owned(),
            None if self.clean.is_empty() => return None,
            None => return Some(Self::root()),
        };
        Some(Self { written: clean.clone(), clean })
    }

    /// What is left of this path below `base`; empty for `base` itself, none where it is not below it.
    pub fn relative_to(&self, base: &Self) -> Option<&str> {
        if base.clean.is_empty() {
            return Some(&self.clean);
        }
        let rest = self.clean.strip_prefix(&base.clean)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// The cleaned path, empty for the work directory itself.
    pub(super) fn clean(&self) -> &str {
        &self.clean
    }

    /// A path that is clean already.
    pub(super) fn of_clean(clean: String) -> Self {
        let written = if clean.is_empty() { ".".to_owned() } else { clean.clone() };
        Self { clean, written }
    }
}

impl fmt::Display for WorkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for WorkPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for WorkPath {
    fn schema_name() -> Cow<'static, str> {
        "WorkPath".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_keep_what_was_written() {
        for (written, clean) in [
            ("a", "a"),
            ("./a//b/", "a/b"),
            ("a/../b", "b"),
            ("/a/b", "a/b"),
            ("/", "."),
            (".", "."),
            ("a/..", "."),
            ("a..b/..c", "a..b/..c"),
            ("späß/日本", "späß/日本"),
        ] {
            let path = WorkPath::parse(written).unwrap();
            assert_eq!((path.as_str(), path.as_written()), (clean, written));
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for text in ["..", "../a", "a/../../b", "/..", "a/b/../../../c"] {
            assert_eq!(WorkPath::parse(text), Err(InvalidPath::Escapes(text.to_owned())));
        }
        assert_eq!(WorkPath::parse(""), Err(InvalidPath::Empty));
        assert!(matches!(WorkPath::parse("a\0b"), Err(InvalidPath::Nul(_))));
        assert!(matches!(WorkPath::parse(&"x".repeat(5000)), Err(InvalidPath::Long(5000))));
    }

    #[test]
    fn parts_of_a_path() {
        let path = WorkPath::parse("a/b/c").unwrap();
        assert_eq!(path.file_name(), Some("c"));
        assert_eq!(path.parent().unwrap().as_str(), "a/b");
        assert_eq!(path.relative_to(&WorkPath::parse("a").unwrap()), Some("b/c"));
        assert_eq!(path.relative_to(&WorkPath::root()), Some("a/b/c"));
        assert_eq!(path.relative_to(&WorkPath::parse("a/b/c").unwrap()), Some(""));
        assert_eq!(path.relative_to(&WorkPath::parse("a/bb").unwrap()), None);
        assert_eq!(WorkPath::parse("a").unwrap().parent(), Some(WorkPath::root()));
        assert_eq!(WorkPath::root().parent(), None);
        assert_eq!(path.join("../d").unwrap().as_str(), "a/b/d");
    }
}
