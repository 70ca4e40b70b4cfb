//! Every product rule: a decision per kind, and the machine that moves a Promotion through its steps.
//!
//! Nothing here reads or writes anything: a snapshot goes in, a decision comes out.

pub mod progress;
