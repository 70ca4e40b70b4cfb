//! `json-parse`: take values out of a JSON file.

use ferry_engine::document::Document;
use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Extraction;
use crate::go_json;

/// Take values out of a JSON file.
///
/// The outputs are what the given expressions make of the document. They are bare, without `${{ }}`: the keys of the
/// document are variables, the document as a whole is `$env`, and a key that is not there is nil.
/// ```yaml
/// - uses: json-parse
///   as: package
///   config:
///     path: src/package.json
///     outputs:
///     - name: version
///       fromExpression: version
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JsonParse(Extraction);

impl Step for JsonParse {
    const KIND: &'static str = "json-parse";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let read = |text: &str, now| {
            let json = go_json::read(text.as_bytes()).map_err(|e| e.to_string())?;
            Ok(Document::of_json(&json, now))
        };
        self.0.run(ctx, "JSON", read).await
    }
}
