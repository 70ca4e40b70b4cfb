//! `yaml-update`: give keys of a YAML file new values.
//!
//! Only the addressed values change: comments, order, quotes, anchors, line ends and further documents stay as they
//! are. A key is a path with dots; a dot inside a name is written `\.`, an element of a list is named by its index.
//! A key that does not exist is an error, and so is one that leads to a map or a list. A text that would read as a
//! number or a boolean is quoted. The output is `commitMessage`, which tells what changed.
//! ```yaml
//! - uses: yaml-update
//!   as: update
//!   config:
//!     path: src/charts/app/values.yaml
//!     updates:
//!     - key: image.tag
//!       value: ${{ imageFrom("registry.example.com/app").Tag }}
//! ```

use std::fmt::Write as _;

use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::broke;
use crate::config::{AtLeastOne, Text};
use crate::yaml::{self, quote_if_ambiguous};

/// Gives keys of a YAML file new values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct YamlUpdate {
    /// The file.
    path: WorkPath,
    /// What to change in it.
    updates: AtLeastOne<Update>,
}

/// One key and its new value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Update {
    /// The key, a path with dots.
    key: Text,
    /// The new value.
    #[serde(deserialize_with = "any")]
    value: Value,
}

/// Any value, null too, as long as it is given.
fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}

impl Step for YamlUpdate {
    const KIND: &'static str = "yaml-update";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let message = self.commit_message();
        let changed = ctx.work.blocking(move |work| Ok(self.change(work))).await;
        changed.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::values([("commitMessage", message)])))
    }
}

impl YamlUpdate {
    fn change(&self, work: &WorkDir) -> Result<(), StepError> {
        let text = work.read_text(&self.path).map_err(broke)?;
        let updates = self.updates.iter().map(|update| (&*update.key, &update.value));
        let text = yaml::update(&text, updates)
            .map_err(|e| StepError::Retryable(format!("cannot update {:?}: {e}", self.path.as_written())))?;
        work.write(&self.path, text.as_bytes()).map_err(broke)
    }

    fn commit_message(&self) -> String {
        let mut message = format!("Updated {}\n", self.path.as_written());
        for update in self.updates.iter() {
            let _ = write!(message, "\n- {}: {}", &*update.key, quote_if_ambiguous(&update.value));
        }
        message
    }
}
