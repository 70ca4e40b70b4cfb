//! Why a text was not changed.

use crate::key_path;

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// A character that readers of YAML 1.1 take for the end of a line.
    #[error(
        "line {0}: an unquoted value holds U+2028, U+2029 or U+0085, which many readers take for a new line"
    )]
    LineSeparator(usize),
    /// It is nested too deeply.
    #[error("nested deeper than {0} levels")]
    Deep(usize),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] key_path::Error),
    /// The key leads nowhere.
    #[error("key {key:?} not found: {part:?} does not exist{among}")]
    NotFound {
        /// The key as given.
        key: String,
        /// The part that is not there.
        part: String,
        /// Where it was looked for.
        among: String,
    },
    /// A part of the key is no index of its list.
    #[error("key {key:?}: {part:?} is no index of a list of {len}; the first is 0")]
    Index {
        /// The key as given.
        key: String,
        /// The part.
        part: String,
        /// The list's length.
        len: usize,
    },
    /// The key leads to a map, a list or an alias.
    #[error("key {key:?} addresses {what}, not a single value")]
    NotScalar {
        /// The key as given.
        key: String,
        /// What is there.
        what: &'static str,
    },
    /// The value is written in a way that leaves no room for another.
    #[error("key {0:?} has no value and no place for one; write one by hand first")]
    NoPlace(String),
    /// A map's key that is no scalar, or too long for one.
    #[error("line {0}: a key must be a text of less than 1000 bytes")]
    NoKey(usize),
    /// Aliases make too much of it.
    #[error("more than {} MiB, aliases counted as what they stand for", super::WEIGHT >> 20)]
    Large,
    /// What `<<` has is no map.
    #[error("line {0}: << takes a map or a list of maps")]
    MergeKey(usize),
    /// An alias whose anchor goes.
    #[error("the merged file could not be read ({0}): change what uses an anchor together with what has it")]
    Orphan(String),
    /// A directive that does not exist, in that place.
    #[error("{0}: $patch is one of delete, merge and replace")]
    Directive(String),
    /// The two texts have different kinds of values in a place.
    #[error("{place} is {old} and cannot become {new}; remove it with null first, or give it the same shape")]
    Kinds {
        /// Where.
        place: String,
        /// What is there.
        old: &'static str,
        /// What is to be there.
        new: &'static str,
    },
    /// What is to be deleted comes from somewhere else.
    #[error("{0} comes from a merge key (<<) and cannot be removed here")]
    Inherited(String),
    /// Lists that are merged by a key need it in each element.
    #[error("{place}: an element has no {key:?}, by which this list is merged")]
    Unnamed {
        /// The list.
        place: String,
        /// The name of the key.
        key: &'static str,
    },
    /// There is no map to put something into.
    #[error("the document says nothing; write a map first")]
    Nothing,
    /// A value is written in a way that cannot be changed in place.
    #[error("{0} is written in a way that cannot be changed in place; write it in the usual way first")]
    Unusual(String),
}
