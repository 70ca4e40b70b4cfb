//! The work directory of a Promotion.

mod path;

pub use path::{InvalidPath, WorkPath};

/// A step's view of the work directory.
#[derive(Clone, Debug)]
pub struct WorkDir {}
