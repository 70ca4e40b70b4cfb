//! What `json-update`, `toml-update` and `yaml-update` have in common: a file, keys and their new values.

use std::fmt::Write as _;

use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Outcome, Output, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::broke;
use crate::config::{AtLeastOne, Text};
use crate::field::Of as _;

/// Gives keys of a file new values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub struct Updates {
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

/// Changes a text; the error says why not.
pub type Change = fn(String, &[(&str, &Value)]) -> Result<String, String>;

impl Updates {
    /// One attempt. `written` is how a value looks in the file.
    pub async fn run(self, ctx: &StepContext, change: Change, written: fn(&Value) -> String) -> StepResult {
        let message = self.commit_message(written);
        let changed = ctx.work.blocking(move |work| Ok(self.change(work, change))).await;
        changed.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::values([("commitMessage", message)])))
    }

    fn change(&self, work: &WorkDir, change: Change) -> Result<(), StepError> {
        let text = work.read_text(&self.path).of("path")?;
        let updates: Vec<_> = self.updates.iter().map(|update| (&*update.key, &update.value)).collect();
        let text = change(text, &updates)
            .map_err(|e| StepError::Retryable(format!("cannot update {:?}: {e}", self.path.as_written())))?;
        work.write(&self.path, text.as_bytes()).of("path")
    }

    fn commit_message(&self, written: fn(&Value) -> String) -> String {
        let mut message = format!("Updated {}\n", self.path.as_written());
        for update in self.updates.iter() {
            let _ = write!(message, "\n- {}: {}", &*update.key, written(&update.value));
        }
        message
    }
}
