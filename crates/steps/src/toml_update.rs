//! `toml-update`: give keys of a TOML file new values.

use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::toml;
use crate::update::Updates;

/// Give keys of a TOML file new values.
///
/// Only the addressed values change: comments, order, spaces and line ends stay as they are. A key is a path with dots; a
/// dot inside a name is written `\.`, an element of an array, or a table of `[[…]]`, is named by its index. A key that
/// does not exist is an error, and so is one that leads to a table or an array. Values are texts, numbers and booleans.
/// The output is `commitMessage`, which tells what changed.
/// ```yaml
/// - uses: toml-update
///   as: update
///   config:
///     path: src/app.toml
///     updates:
///     - key: image.tag
///       value: ${{ imageFrom("registry.example.com/app").Tag }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TomlUpdate(Updates);

impl Step for TomlUpdate {
    const KIND: &'static str = "toml-update";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let written = |value: &_| toml::render(value).unwrap_or_default();
        let change =
            |text: String, updates: &[(&str, &_)]| toml::update(&text, updates).map_err(|e| e.to_string());
        self.0.run(ctx, change, written).await
    }
}
