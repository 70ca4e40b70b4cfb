//! `yaml-update`: give keys of a YAML file new values.

use ferry_engine::{Effect, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::update::Updates;
use crate::yaml;

/// Give keys of a YAML file new values.
///
/// Only the addressed values change: comments, order, quotes, anchors, line ends and further documents stay as they
/// are. A key is a path with dots; a dot inside a name is written `\.`, an element of a list is named by its index.
/// A key that does not exist is an error, and so is one that leads to a map or a list. A text that would read as a
/// number or a boolean is quoted. The output is `commitMessage`, which tells what changed.
/// ```yaml
/// - uses: yaml-update
///   as: update
///   config:
///     path: src/charts/app/values.yaml
///     updates:
///     - key: image.tag
///       value: ${{ imageFrom("registry.example.com/app").Tag }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct YamlUpdate(Updates);

impl Step for YamlUpdate {
    const KIND: &'static str = "yaml-update";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let change = |text: String, updates: &[(&str, &_)]| {
            yaml::update(&text, updates.iter().copied()).map_err(|e| e.to_string())
        };
        self.0.run(ctx, change, yaml::quote_if_ambiguous).await
    }
}
