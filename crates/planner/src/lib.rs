//! Every product rule: a decision per kind, and the machine that moves a Promotion through its steps.
//!
//! Nothing here reads or writes anything: a snapshot goes in, a decision comes out.

pub mod auto_promotion;
pub mod availability;
pub mod decision;
pub mod explain;
pub mod expressions;
pub mod inflate;
pub mod labels;
pub mod progress;
pub mod project;
pub mod promotion;
pub mod selection;
pub mod stage;
pub mod warehouse;
