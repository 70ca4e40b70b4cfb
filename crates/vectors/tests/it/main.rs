//! The replay itself: judging, comparing, and how it ends.

mod comparing;
mod judging;
