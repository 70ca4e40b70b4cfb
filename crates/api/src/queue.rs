//! The policy of a Stage's queue, ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of several waiting Promotions of a Stage runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueuePolicy {
    /// One after the other, the oldest first.
    #[default]
    Fifo,
    /// Of each origin the newest; the older ones that wait are discarded.
    LatestOnly,
}
