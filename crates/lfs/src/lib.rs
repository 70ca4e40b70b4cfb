//! Git LFS: pointers, the objects they name, and the server that has them. What becomes a pointer, and what a pointer
//! becomes, is for the real `git-lfs`; this is its network, where every address is judged.

mod batch;
mod error;
mod pointer;
mod proxies;
mod server;
mod store;
mod transfer;

pub use batch::Operation;
pub use error::Error;
pub use pointer::Pointer;
pub use proxies::Proxies;
pub use server::{Login, Server};
pub use store::Store;
