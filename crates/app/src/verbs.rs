//! The verbs that start something live.

pub(crate) mod backup;
pub(crate) mod demo;
pub(crate) mod exec_child;
pub(crate) mod up;
