//! Real programs (`helm`, `kustomize`), confined: they have limits, see one folder and a stripped environment, have no
//! network where the system lets us take it away, and end with their deadline or with us.
//!
//! [`Programs::run`] starts `ferry exec-child`, which confines itself ([`child`]) and then becomes the program. So
//! nothing of ours runs between fork and exec, and what a program may do is decided in one place.

pub mod child;
mod order;
mod programs;

pub use order::{Limits, Order};
pub use programs::{Error, Programs, Run};
