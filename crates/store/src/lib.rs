//! SQLite object store: revisions, compare-and-swap, watch log.
//!
//! Objects are JSON values under a [`Key`]. One writer thread commits requests in groups; readers see memory that
//! is changed only after COMMIT, so nothing is visible that a crash could undo. Knows no wire protocol.

mod backup;
mod database;
mod error;
mod files;
mod log;
mod object;
mod state;
mod store;
mod watch;
mod writer;

pub use backup::{backup, restore};
pub use error::{Error, Expired, WriteError};
pub use object::{Event, Key, Object};
pub use state::List;
pub use store::{Options, Store};
pub use watch::{Scope, Start, Subscription};
pub use writer::Guard;
