//! `json-update`: give keys of a JSON file new values.

use ferry_engine::document::quote;
use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::json;
use crate::update::Updates;

/// Give keys of a JSON file new values.
///
/// Only the addressed values change: order, spaces, comments and line ends stay as they are. What is not there is
/// made. A key is a path with dots; a dot inside a name is written `\.`, an element of a list is named by its index, and
/// `-1` appends one. Values are texts, numbers and booleans. The output is `commitMessage`, which tells what changed.
/// ```yaml
/// - uses: json-update
///   as: update
///   config:
///     path: src/config.json
///     updates:
///     - key: image.tag
///       value: ${{ imageFrom("registry.example.com/app").Tag }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JsonUpdate(Updates);

impl Step for JsonUpdate {
    const KIND: &'static str = "json-update";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let written = |value: &Value| match value {
            Value::String(text) => quote(text),
            other => json::render(other).unwrap_or_default(),
        };
        let change = |text: String, updates: &[(&str, &_)]| {
            let mut updates = updates.iter();
            updates
                .try_fold(text, |text, (key, value)| json::set(&text, key, value))
                .map_err(|e| e.to_string())
        };
        self.0.run(ctx, change, written).await
    }
}
