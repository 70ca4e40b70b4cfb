//! Git LFS: pointers, the objects they name, and the server that has them. What becomes a pointer, and what a pointer
//! becomes, is for the real `git-lfs`; this is its network, where every address is judged.

mod batch;
mod pointer;
mod server;
mod store;

pub use batch::Operation;
pub use pointer::Pointer;
pub use server::{Error, Login, Server};
pub use store::Store;
