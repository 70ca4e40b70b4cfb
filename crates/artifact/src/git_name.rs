//! Names inside a Git repository, checked once at the edge by the rules of `git check-ref-format`, and commit ids.
//! A checked name can be an argument of `git`: none starts with `-`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name of the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is refused: {problem}")]
pub struct Error {
    /// What it should have been.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            pub fn parse(text: &str) -> Result<Self, Error> {
                match $check(text) {
                    Ok(text) => Ok(Self(text)),
                    Err(problem) => Err(Error { kind: $kind, text: text.chars().take(256).collect(), problem }),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

checked_name!(
    /// Any reference: a branch, a tag, `refs/…` or `HEAD`.
    GitRef, "Git reference", reference
);
checked_name!(
    /// A branch, without `refs/heads/`.
    BranchName, "branch", short_name
);
checked_name!(
    /// A tag, without `refs/tags/`.
    TagName, "tag", short_name
);
checked_name!(
    /// A full commit id: 40 or 64 hexadecimal digits, kept in lower case.
    CommitId, "commit id", commit_id
);
checked_name!(
    /// A commit id or at least its first four digits, kept in lower case.
    CommitPrefix, "commit id", commit_prefix
);

impl BranchName {
    /// `refs/heads/…`.
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl TagName {
    /// `refs/tags/…`.
    pub fn full(&self) -> String {
        format!("refs/tags/{}", self.0)
    }
}

impl CommitId {
    /// The first seven digits, as messages show it.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl From<CommitId> for CommitPrefix {
    fn from(id: CommitId) -> Self {
        Self(id.0)
    }
}

fn reference(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 1024 {
        return Err("it is longer than 1024 bytes");
    }
    if text.starts_with('-') {
        return Err("it starts with `-`");
    }
    if text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
        return Err("it contains a control character, a space or one of ~^:?*[\\");
    }
    if text.contains("..") || text.contains("@{") || text == "@" {
        return Err("it contains `..` or `@{`, or is `@`");
    }
    if text.ends_with('.') || text.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Err("it ends with `.`, or a part of it is empty or starts with `.`");
    }
    if text.split('/').any(|part| part.strip_suffix(".lock").is_some()) {
        return Err("a part of it ends with `.lock`");
    }
    Ok(text.to_owned())
}

fn short_name(text: &str) -> Result<String, &'static str> {
    if text == "HEAD" {
        return Err("`HEAD` is no name of its own");
    }
    reference(text)
}

fn commit_id(text: &str) -> Result<String, &'static str> {
    if !matches!(text.len(), 40 | 64) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("a full id of 40 or 64 hexadecimal digits is required");
    }
    Ok(text.to_ascii_lowercase())
}

fn commit_prefix(text: &str) -> Result<String, &'static str> {
    if !(4..=64).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("4 to 64 hexadecimal digits are required");
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_names_are_taken() {
        for text in ["main", "feature/x-1", "release/1.2.x", "v1.0.0+b", "żółw", "a@b", "stage/uat@1"] {
            assert_eq!(BranchName::parse(text).unwrap().as_str(), text);
            assert_eq!(TagName::parse(text).unwrap().full(), format!("refs/tags/{text}"));
        }
        assert!(GitRef::parse("HEAD").is_ok() && GitRef::parse("refs/pull/7/head").is_ok());
    }

    #[test]
    fn s13_hostile_names_are_refused() {
        for text in [
            "",
            "-x",
            "--upload-pack=id",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "[a",
            "a\\b",
            "a\nb",
            "a.lock",
            "a.lock/b",
            ".a",
            "a/.b",
            "a//b",
            "/a",
            "a/",
            "a.",
            "@",
            "a@{1}",
            "HEAD",
        ] {
            assert!(BranchName::parse(text).is_err(), "{text:?}");
        }
        let error = BranchName::parse("a b").unwrap_err().to_string();
        assert!(error.starts_with("branch \"a b\" is refused"), "{error}");
    }

    #[test]
    fn commit_ids_are_whole() {
        let id = CommitId::parse(&"A".repeat(40)).unwrap();
        assert_eq!((id.short(), id.as_str().len()), ("aaaaaaa", 40));
        for text in ["", "abc", "g123456", &"a".repeat(41), "main"] {
            assert!(CommitId::parse(text).is_err(), "{text}");
        }
        assert!(CommitPrefix::parse("1a2b3c4").is_ok() && CommitPrefix::parse("1a2").is_err());
    }

    proptest! {
        #[test]
        fn no_taken_name_is_an_option_or_leaves_its_place(text in "[-a.@{/~ \\\\]{0,8}") {
            if let Ok(name) = GitRef::parse(&text) {
                prop_assert!(!name.as_str().starts_with('-') && !name.as_str().contains(".."));
            }
        }
    }
}
