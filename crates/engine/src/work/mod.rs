//! The work directory of a Promotion: paths that cannot leave it, and changes that become visible at a step's end,
//! all or none.
//!
//! On disk, below the root that the process was given:
//! ```text
//! <uid>/work             what steps see
//! <uid>/journal/         the open step: how to undo what it did so far
//! <uid>/ended.00000000/  a step that ended and whose end is not yet known to be stored; how to undo it
//! <uid>/state.json       the last step whose end is known to be stored
//! ```
//! Before a path is touched for the first time in a step, what was there moves into the journal (one rename, also
//! for a whole directory) behind a record of it. Undoing goes through the records in reverse. A record is a symbolic
//! link whose target is the text: made at once, never torn, and kept in order by a file system that journals its
//! metadata, without waiting for the disk.

mod digest;
mod directory;
mod error;
mod fault;
mod journal;
mod links;
mod materialize;
mod path;
mod root;
#[cfg(test)]
mod tests;
mod view;

pub use directory::{Recovery, WorkDirectory};
pub use error::{Error, Result};
pub use materialize::Materialized;
pub use path::{InvalidPath, WorkPath};
pub use root::WorkRoot;
pub use view::{Entry, Kind, WorkDir};
