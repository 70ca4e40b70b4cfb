//! `compose-output`: make an output from other outputs, variables and Freight.

use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Make an output from other outputs, variables and Freight.
///
/// The config is the output: any keys, with expressions in their values. Inside a task the keys are also found under
/// the task's own alias, which is how a task hands something to the steps after it.
/// ```yaml
/// - uses: compose-output
///   as: release
///   config:
///     url: https://example.com/releases/${{ outputs.push.commit }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("minProperties" = 1))]
pub struct ComposeOutput(Map<String, Value>);

impl Step for ComposeOutput {
    const KIND: &'static str = "compose-output";
    const PROPAGATES_OUTPUT: bool = true;

    fn check(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return Err("give at least one key: the config is the output".to_owned());
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, _: &StepContext) -> StepResult {
        Ok(Outcome::Succeeded(Output::values(self.0)))
    }
}
