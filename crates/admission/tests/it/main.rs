//! The crate through its public face: stories, odd input, recorded answers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod anything;
mod cluster;
mod stories;
mod vectors_task_inflation;
