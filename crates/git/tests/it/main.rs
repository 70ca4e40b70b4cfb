//! The crate through its public face, against the real `git http-backend`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod deadlines;
mod hostile;
mod lfs;
mod mirrors;
mod partial;
mod pushes;
mod queue;
mod reach;
mod ssh;
mod tags;
mod templates;
mod trees;
mod world;
