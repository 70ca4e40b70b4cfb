//! The command line: one verb per file.

mod age;
pub mod connection;
pub mod crds;
pub mod explain;
mod failure;
pub mod get;
mod print;
mod project;
pub mod promote;
pub mod steps;

pub use connection::Connection;
