//! Runs Promotions: the step trait, the work directory, the context of a step, credentials, the ledger.
//!
//! What happens next is decided by `ferry_planner::progress`; this crate does it. Storage, look-ups, clock and
//! spawning are reached through [`World`] alone, so that a simulation can drive everything else exactly.

pub mod applications;
mod config;
pub mod context;
pub mod credentials;
pub mod document;
pub mod engine;
pub mod evaluate;
mod git_client;
pub mod ledger;
pub mod resources;
mod run;
pub mod services;
mod slots;
pub mod step;
pub mod work;
pub mod world;

pub use context::StepContext;
pub use engine::Engine;
pub use services::Services;
pub use step::{Effect, Outcome, Output, Step, StepDef, StepError, StepResult, Wake};
pub use world::World;
