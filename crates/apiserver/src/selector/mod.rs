//! Label and field selectors in the grammar of Kubernetes. Apart because lists, watches and deletions of collections
//! share them.

mod fields;
mod labels;
mod lexer;

pub use fields::{FieldRequirement, Fields};
pub use labels::{Labels, Operator, Requirement};

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not follow the grammar.
    #[error("unable to parse requirement: found '{found}', expected: {expected}")]
    Unexpected {
        /// The piece of text.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A key or value that no label can have.
    #[error("unable to parse requirement: {what} {text:?} is invalid: {why}")]
    Invalid {
        /// What it is: a key, a value.
        what: &'static str,
        /// The text.
        text: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A term of a field selector without an operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    Term {
        /// The whole selector.
        selector: String,
        /// The term.
        term: String,
    },
    /// A value of a field selector with a character that must be escaped, or a wrong escape.
    #[error(
        "invalid field selector: {why} in value {value:?}; write \\\\, \\, or \\= for a backslash, a comma or an equals sign"
    )]
    Escape {
        /// The value.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
}
