//! The engine in a simulated world: no API server, no Git, a clock that does not wait. Every place where a process
//! can die is a numbered point; the schedules kill at each of them, and at pairs of them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod added;
mod kills;
mod orders;
mod outside;
mod seeds;
mod story;
mod world;
