//! What whole-system tests share: waiting for what must come, peers that misbehave, the real `kubectl`.

mod kubectl;
mod patience;
mod peers;

pub use kubectl::{Kubectl, kubectl};
pub use patience::{PATIENCE, until, until_gone};
pub use peers::Silent;
