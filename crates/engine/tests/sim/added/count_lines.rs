//! `count-lines`: count the lines of a file.

use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

/// Count the lines of a file.
///
/// The output is `lines`, their number.
/// ```yaml
/// - uses: count-lines
///   as: count
///   config:
///     path: out/app.yaml
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CountLines {
    /// The file.
    path: WorkPath,
}

impl Step for CountLines {
    const KIND: &'static str = "count-lines";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let read = ctx.work.blocking(move |work| work.read_text(&self.path)).await;
        let text = read.map_err(|e| StepError::Retryable(e.to_string()))?;
        Ok(Outcome::Succeeded(Output::values([("lines", text.lines().count())])))
    }
}
