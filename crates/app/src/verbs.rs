//! The verbs that start something live.

pub(crate) mod up;
