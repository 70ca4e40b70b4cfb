//! A thin shell per kind: observe, let the planner decide, act.
//!
//! Objects are watched into indexed caches; a change brings the keys that it concerns into the queues; a pass reads
//! one snapshot from the caches, asks the planner, does what it says and writes the status last, in one
//! compare-and-swap.

mod applications;
mod cache;
mod lease;
mod project;
mod project_config;
mod promotion;
mod run;
pub mod runtime;
mod stage;
mod warehouse;
mod watchdog;

pub use lease::{Lease, Settings as LeaseSettings};
pub use run::{Controllers, Settings, run};
