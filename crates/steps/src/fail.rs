//! `fail`: fail the Promotion, at once and with a message.

use ferry_engine::{Effect, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Text, given};

/// Fail the Promotion, at once and with a message.
///
/// Together with `if` it stops a Promotion for a reason of your own:
/// ```yaml
/// - uses: fail
///   if: ${{ outputs.check.body.frozen == true }}
///   config:
///     message: releases are frozen
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fail {
    /// Why.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    message: Option<Text>,
}

impl Step for Fail {
    const KIND: &'static str = "fail";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, _: &StepContext) -> StepResult {
        Err(StepError::Failed(match self.message {
            Some(message) => format!("failed: {}", &*message),
            None => "failed".to_owned(),
        }))
    }
}
