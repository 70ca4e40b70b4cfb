//! Paths inside the work directory.

/// A path that cannot lead out of the work directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkPath(String);

/// A path that would lead out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} leads out of the work directory")]
pub struct InvalidPath(String);
