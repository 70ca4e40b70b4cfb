//! `status.waiting`, ours: on what an object waits, since when and until when. Nothing is silently stuck.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// Why nothing happens right now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// On what, in words.
    pub reason: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// When it is looked at next, should nothing wake it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check: Option<Time>,
    /// When waiting ends in an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
}
