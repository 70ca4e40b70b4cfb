//! The crate through its public face, against the real `git http-backend`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod deadlines;
mod hostile;
mod mirrors;
mod pushes;
mod ssh;
mod tags;
mod trees;
mod world;
