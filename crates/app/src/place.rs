//! Everything of one `ferry up`, for both ways to run: alone, and on a cluster.

mod alone;
mod cluster;

pub use alone::Alone;
pub(crate) use cluster::run as run_on_cluster;
