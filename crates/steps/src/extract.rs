//! What `json-parse`, `yaml-parse` and `toml-parse` have in common: a file is read, expressions over it are the outputs.

use ferry_engine::document::Document;
use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Outcome, Output, StepContext, StepError, StepResult};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::broke;
use crate::config::{AtLeastOne, Text};
use crate::field::Of as _;

/// Reads a file and takes values out of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub struct Extraction {
    /// The file.
    path: WorkPath,
    /// What to take out of it.
    outputs: AtLeastOne<Extract>,
}

/// One value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Extract {
    /// The output's name.
    name: Text,
    /// A bare expression, without `${{ }}`: keys of the document are its variables, the whole document is `$env`.
    from_expression: Text,
}

/// Reads the text of a file.
pub type Read = fn(&str, Timestamp) -> Result<Document, String>;

impl Extraction {
    /// One attempt. `language` is what the file is written in.
    pub async fn run(self, ctx: &StepContext, language: &'static str, read: Read) -> StepResult {
        let now = ctx.started_at;
        let outputs = ctx.work.blocking(move |work| Ok(self.outputs(work, language, read, now))).await;
        Ok(Outcome::Succeeded(Output::values(outputs.map_err(broke)??)))
    }

    fn outputs(
        &self,
        work: &WorkDir,
        language: &str,
        read: Read,
        now: Timestamp,
    ) -> Result<Map<String, Value>, StepError> {
        let path = self.path.as_written();
        let text = work.read_text(&self.path).of("path")?;
        if text.is_empty() {
            return Err(StepError::Retryable(format!("path: {path:?} is empty, not {language}")));
        }
        let document = read(&text, now)
            .map_err(|e| StepError::Retryable(format!("path: {path:?} cannot be read as {language}: {e}")))?;
        let mut outputs = Map::new();
        for (index, Extract { name, from_expression }) in self.outputs.iter().enumerate() {
            let value = document.evaluate(from_expression).map_err(|e| {
                StepError::Retryable(format!("outputs[{index}].fromExpression, for {:?}: {e}", &**name))
            })?;
            outputs.insert(name.to_string(), value);
        }
        Ok(outputs)
    }
}
