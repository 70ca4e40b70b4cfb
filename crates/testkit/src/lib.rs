//! What whole-system tests share: waiting for what must come, a database full of objects, peers that misbehave, the real `kubectl`.

mod crowd;
mod kubectl;
mod patience;
mod peers;

pub use crowd::Crowd;
pub use kubectl::{Kubectl, kubectl};
pub use patience::{PATIENCE, until, until_gone};
pub use peers::Silent;
