//! Recorded answers, replayed through the public face of the crate.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cluster;
mod compare;
mod vectors_admission;
mod vectors_task_inflation;
