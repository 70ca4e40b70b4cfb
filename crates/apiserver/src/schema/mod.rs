//! Structural schemas of custom resources: pruning, defaulting, validation with the real server's causes, and the
//! definitions that carry them. Apart because all of it is pure and is used by reads, writes and definitions alike.

#[cfg(test)]
pub(crate) mod arbitrary;
mod cause;
mod cel;
mod correlate;
mod defaults;
mod definition;
pub(crate) mod depth;
mod format;
mod lists;
mod node;
mod number;
mod path;
mod pattern;
mod prune;
mod rules;
mod structural;
mod validate;

pub(crate) use node::{Additional, List, MapKind, Node, Type};

pub use cause::{Cause, CauseReason};
pub use definition::{default_crd, prune_crd, validate_crd, validate_crd_update};
pub use number::whole_numbers;
pub use structural::Structural;
