//! `set-metadata`: note values on Stages and Freight of the Project.

use std::sync::Arc;

use ferry_engine::resources::{Control, Kind, Resources};
use ferry_engine::world;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::again;
use crate::config::{AtLeastOne, Text};

/// How often a resource is read again that others change at the same time.
const ATTEMPTS: usize = 20;

/// Note values on Stages and Freight of the Project.
///
/// Each value takes the place of what was noted under its name, as a whole; null takes the name away; other names stay.
/// Expressions read them with `stageMetadata` and `freightMetadata`. There is no output.
/// ```yaml
/// - uses: set-metadata
///   config:
///     updates:
///     - kind: Freight
///       name: ${{ ctx.targetFreight.name }}
///       values:
///         tested-by: ${{ ctx.meta.promotion.actor }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetMetadata {
    /// What to note on what.
    updates: AtLeastOne<Update>,
}

/// What to note on one resource.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Update {
    /// Its kind.
    kind: Kind,
    /// Its name.
    name: Text,
    /// The values, by name. At least one.
    #[schemars(extend("minProperties" = 1))]
    values: Map<String, Value>,
}

impl Step for SetMetadata {
    const KIND: &'static str = "set-metadata";

    fn check(&self) -> Result<(), String> {
        let empty = self.updates.iter().position(|update| update.values.is_empty());
        empty.map_or(Ok(()), |index| Err(format!("updates[{index}].values: must have at least one value")))
    }

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let resources = Arc::clone(&ctx.service::<Control>()?.0);
        // Nothing is noted where one of them is missing.
        for (i, update) in self.updates.iter().enumerate() {
            if let Err(error) = update.find(&*resources, &ctx.project).await {
                return update.failed(i, &error);
            }
        }
        for (i, update) in self.updates.iter().enumerate() {
            if let Err(error) = update.write(&*resources, &ctx.project).await {
                return update.failed(i, &error);
            }
        }
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl Update {
    async fn find(&self, resources: &dyn Resources, project: &str) -> Result<Value, world::Error> {
        let found = resources.get(self.kind, project, &self.name).await?;
        found.ok_or_else(|| world::Error::Invalid(format!("it does not exist in Project {project:?}")))
    }

    async fn write(&self, resources: &dyn Resources, project: &str) -> Result<(), world::Error> {
        for _ in 0..ATTEMPTS {
            let mut object = self.find(resources, project).await?;
            if !self.note(&mut object) {
                return Ok(());
            }
            match resources.replace_status(self.kind, project, &self.name, object).await {
                Err(world::Error::Conflict(_)) => {}
                other => return other,
            }
        }
        Err(world::Error::Unavailable(format!("it was changed by others {ATTEMPTS} times in a row")))
    }

    fn failed(&self, i: usize, error: &world::Error) -> StepResult {
        let why = format!("updates[{i}]: {} {:?}: {error}", self.kind, &*self.name);
        match error {
            world::Error::Unavailable(_) => Ok(again(why)),
            _ => Err(StepError::Retryable(why)),
        }
    }

    /// Notes the values; whether that changes anything.
    fn note(&self, object: &mut Value) -> bool {
        let before =
            object.pointer("/status/metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut noted = before.clone();
        for (name, value) in &self.values {
            if value.is_null() {
                noted.remove(name);
            } else {
                noted.insert(name.clone(), value.clone());
            }
        }
        let changed = noted != before;
        if !object["status"].is_object() {
            object["status"] = Value::Object(Map::new());
        }
        object["status"]["metadata"] = Value::Object(noted);
        changed
    }
}
