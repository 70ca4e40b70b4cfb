//! Custom resource definitions themselves: what they default to, what of them is unknown, and whether they hold.

mod completeness;
mod cost;
mod defaulting;
mod defaults;
mod expressions;
mod features;
mod names;
mod report;
mod schemas;
mod structure;
#[cfg(test)]
mod tests;
mod types;
mod unknown;
mod validation;

pub use defaults::default_crd;
pub use unknown::prune_crd;
pub use validation::{validate_crd, validate_crd_update};
