//! Patterns for names (tags, branches, versions) and for paths: exact names and base directories, `glob:`,
//! `regex:`/`regexp:`. Source: vectors `kargo/patterns`.

mod base_dir;
mod glob;
pub mod re2;

pub use glob::Glob;

use regex::Regex;

/// One pattern for names: an exact name, `glob:…`, `regex:…` or `regexp:…`.
#[derive(Debug, Clone)]
pub struct NamePattern(Kind);

/// One pattern for paths (`/` separates): a base directory, `glob:…`, `regex:…` or `regexp:…`.
#[derive(Debug, Clone)]
pub struct PathPattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Exact(String),
    BaseDir(String),
    Glob(Glob),
    Regex(Regex),
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a glob.
    #[error("glob {pattern:?} is malformed: {problem}")]
    Glob {
        /// What was given, without `glob:`.
        pattern: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a regular expression.
    #[error("regular expression {pattern:?} is malformed: {problem}")]
    Regex {
        /// What was given, without its prefix.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl NamePattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, Error> {
        Ok(Self(prefixed(pattern)?.unwrap_or_else(|| Kind::Exact(pattern.to_owned()))))
    }

    /// Reads several; the first bad one is the error.
    pub fn parse_all<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Vec<Self>, Error> {
        patterns.into_iter().map(|pattern| Self::parse(pattern.as_ref())).collect()
    }

    /// Whether the name fits.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl PathPattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, Error> {
        Ok(Self(prefixed(pattern)?.unwrap_or_else(|| Kind::BaseDir(pattern.to_owned()))))
    }

    /// Reads several; the first bad one is the error.
    pub fn parse_all<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Vec<Self>, Error> {
        patterns.into_iter().map(|pattern| Self::parse(pattern.as_ref())).collect()
    }

    /// Whether the path fits.
    pub fn matches(&self, path: &str) -> bool {
        self.0.matches(path)
    }
}

impl Kind {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(name) => name == text,
            Self::BaseDir(dir) => base_dir::contains(dir, text),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn prefixed(pattern: &str) -> Result<Option<Kind>, Error> {
    if let Some(glob) = pattern.strip_prefix("glob:") {
        return Glob::parse(glob).map(|glob| Some(Kind::Glob(glob)));
    }
    match pattern.strip_prefix("regex:").or_else(|| pattern.strip_prefix("regexp:")) {
        Some(regex) => re2::compile(regex).map(|regex| Some(Kind::Regex(regex))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_says_what_a_pattern_is() {
        for (pattern, name, fits) in [
            ("v1.0", "v1.0", true),
            ("v1", "v1.0", false),
            ("glob:v1.*", "v1.0", true),
            ("regex:^v\\d", "v1.0", true),
            ("regexp:0$", "v1.0", true),
            ("GLOB:v*", "v1", false),
        ] {
            assert_eq!(NamePattern::parse(pattern).unwrap().matches(name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong() {
        let error = NamePattern::parse("glob:[a").unwrap_err().to_string();
        assert!(error.contains("\"[a\"") && error.contains("`]`"), "{error}");
        assert!(PathPattern::parse("regex:(").is_err());
    }
}
