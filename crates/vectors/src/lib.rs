//! Replay of recorded answers of the real programs: reads the folder, runs each case through the code that
//! production uses, compares, and reports one line a file.
//!
//! A test that replays has `vectors` in its name, so that `FERRY_VECTORS=DIR cargo test --workspace vectors --
//! --nocapture` runs every replay on any folder of the same shape.

mod case;
mod compare;
pub mod live;
mod replay;

pub use case::{Case, document, folder, read};
pub use compare::{difference, equal, float};
pub use replay::{Answer, Rule, Tally, Verdict, judge, replay, replay_with, report_with, tally};
