//! The API server through its router: a real store in a temporary directory, a real client.
#![expect(clippy::unwrap_used, reason = "tests")]

mod fuzz;
mod naming;
mod notes;
mod objects;
mod replay;
mod sockets;
mod strain;
mod watching;
mod world;
