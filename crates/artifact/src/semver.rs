//! Semantic versions and constraints on them, with the leniency and the operators that Kargo's users rely on.
//! Source: vectors `kargo/semver` (Masterminds semver v3.5).

mod constraint;
mod scan;
mod version;

pub use constraint::Constraint;
pub use version::{Increment, Version};

/// Why a text is no version or no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than any sensible version.
    #[error("version of {0} bytes is too long (at most {max})", max = version::MAX_LENGTH)]
    TooLong(usize),
    /// Not a version.
    #[error("{text:?} is not a {kind}semantic version: {problem}", kind = if *.strict { "strict " } else { "" })]
    Version {
        /// What was given.
        text: String,
        /// Whether all three numbers were required.
        strict: bool,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a constraint.
    #[error("{text:?} is not a version constraint: {problem}")]
    Constraint {
        /// The part that could not be read.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The number to increment is the largest one.
    #[error("the {0} number of the version cannot grow further")]
    Overflow(&'static str),
}
