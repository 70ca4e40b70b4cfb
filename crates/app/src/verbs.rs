//! The verbs that start something live.

pub(crate) mod demo;
pub(crate) mod up;
