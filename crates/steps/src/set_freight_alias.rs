//! `set-freight-alias`: give a piece of Freight of the Project another alias.

use ferry_engine::resources::{Control, Kind};
use ferry_engine::world;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::again;
use crate::config::Text;

/// The label that repeats the alias.
const LABEL: &str = "kargo.akuity.io/alias";

/// Give a piece of Freight of the Project another alias.
///
/// The alias must be one that no other Freight of the Project has. There is no output.
/// ```yaml
/// - uses: set-freight-alias
///   config:
///     name: ${{ ctx.targetFreight.name }}
///     alias: release-${{ imageFrom("registry.example.com/app").Tag }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetFreightAlias {
    /// The name of the Freight.
    name: Text,
    /// Its new alias.
    alias: Text,
}

impl Step for SetFreightAlias {
    const KIND: &'static str = "set-freight-alias";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let (name, alias) = (&*self.name, &*self.alias);
        let resources = &ctx.service::<Control>()?.0;
        let before = match resources.get(Kind::Freight, &ctx.project, name).await {
            Ok(Some(found)) => found["alias"].as_str().unwrap_or_default().to_owned(),
            Ok(None) => {
                let why = format!("name: Freight {name:?} not found in Project {:?}", ctx.project);
                return Err(StepError::Failed(why));
            }
            Err(error) => return failed("name", name, &error),
        };
        let patch = json!({"alias": alias, "metadata": {"labels": {LABEL: alias}}});
        match resources.patch(Kind::Freight, &ctx.project, name, &patch).await {
            Ok(()) => {}
            // The patch names no version that somebody could have changed: it is the alias that is in conflict.
            Err(world::Error::Conflict(_)) => {
                let why = format!(
                    "alias: Freight {name:?}: other Freight of Project {:?} has the alias {alias:?}",
                    ctx.project
                );
                return Err(StepError::Failed(why));
            }
            Err(error) => return failed("alias", name, &error),
        }
        let message = format!("updated alias of Freight {name:?} from {before:?} to {alias:?}");
        Ok(Outcome::Succeeded(Output { message: Some(message), ..Output::none() }))
    }
}

fn failed(field: &str, name: &str, error: &world::Error) -> StepResult {
    let why = format!("{field}: Freight {name:?}: {error}");
    match error {
        world::Error::Unavailable(_) => Ok(again(why)),
        _ => Err(StepError::Failed(why)),
    }
}
