//! Patches as a Kubernetes API server applies them, on plain JSON values: merge patch (RFC 7386), JSON patch
//! (RFC 6902 with the server's particulars) and strategic merge patch for the built-in kinds. Apart because they are
//! pure functions with bounds of their own, whatever the request around them looks like.

mod error;
mod json;
mod merge;
mod strategic;

pub use error::Error;
pub use json::{json, unknown_members};
pub use merge::merge;
pub use strategic::strategic;
