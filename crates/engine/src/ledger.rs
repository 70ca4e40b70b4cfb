//! The ledger as a step sees it: what it notes before an effect, and what earlier attempts noted.

use async_trait::async_trait;
use serde_json::Value;

use crate::StepError;

/// Writes an intent durably before the effect that it announces.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Adds `intent` under `kind` to the current attempt's entry; returns once it is stored. An error means that
    /// the effect must not happen.
    async fn record(&self, kind: &str, intent: Value) -> Result<(), StepError>;

    /// All intents of this kind that this step noted, in this attempt and earlier ones, oldest first.
    fn recorded(&self, kind: &str) -> Vec<Value>;
}
