//! Why a patch was refused, with the HTTP status that tells the client.

/// Why a patch was refused. The target may have been changed in part: apply patches to a copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The patch document is not of the shape its content type asks for.
    #[error("the patch cannot be read: {0}")]
    Malformed(String),
    /// A strategic merge directive that does not exist or does not fit where it stands.
    #[error("the patch contains a directive that cannot be followed: {0}")]
    Directive(String),
    /// An operation of a JSON patch does not apply to this object.
    #[error("operation {index} of the patch does not apply: {why}")]
    DoesNotApply {
        /// Place of the operation in the patch, counted from 0.
        index: usize,
        /// What stands in the way.
        why: String,
    },
    /// The patch puts something where the kind has another type.
    #[error("the patch does not fit the object: {0}")]
    Unfit(String),
    /// More operations than are allowed in one patch.
    #[error("a JSON patch may have at most {limit} operations, this one has {count}")]
    TooManyOperations {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The copies a patch asks for are larger than allowed together.
    #[error("the copy operations of the patch add up to more than {limit} bytes")]
    TooLarge {
        /// Allowed bytes.
        limit: usize,
    },
    /// Patch or result is nested too deeply.
    #[error("patch or patched object is nested deeper than {limit} levels")]
    TooDeep {
        /// Allowed levels.
        limit: usize,
    },
}

impl Error {
    /// The HTTP status a server answers with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Directive(_) => 400,
            Self::TooManyOperations { .. } | Self::TooLarge { .. } => 413,
            Self::DoesNotApply { .. } | Self::Unfit(_) | Self::TooDeep { .. } => 422,
        }
    }
}
