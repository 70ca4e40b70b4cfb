//! What all controllers share: indexed caches that are fed by watches, queues, and one way to write.

mod index;
mod queue;
mod together;
mod watch;
mod write;

pub use index::{Change, Index, Key};
pub use queue::{Pass, Queue};
pub use together::Together;
pub use watch::watch;
pub use write::{patch, patch_status, replace_status};
