//! `yaml-parse`: take values out of a YAML file.

use ferry_engine::document::Document;
use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Extraction;
use crate::yaml;

/// Take values out of a YAML file.
///
/// The outputs are what the given expressions make of the document. They are bare, without `${{ }}`: the keys of the
/// document are variables, the document as a whole is `$env`, and a key that is not there is nil. Of several documents
/// the first is read, as YAML 1.1: `yes`, `on` and `n` are booleans, `012` is 10.
/// ```yaml
/// - uses: yaml-parse
///   as: chart
///   config:
///     path: src/charts/app/Chart.yaml
///     outputs:
///     - name: version
///       fromExpression: version
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct YamlParse(Extraction);

impl Step for YamlParse {
    const KIND: &'static str = "yaml-parse";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let read = |text: &str, now| {
            let json = yaml::read(text).map_err(|e| e.to_string())?;
            Ok(Document::of_json(&json, now))
        };
        self.0.run(ctx, "YAML", read).await
    }
}
