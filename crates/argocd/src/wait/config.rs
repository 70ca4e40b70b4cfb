//! The config of `argocd-wait`, after evaluation.

use ferry_artifact::schema::one_of;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::selector::Selector;
use crate::update::config::{at_least_one, check_target, present};

/// The config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Config {
    /// Which Applications, and what to wait for. At least one.
    #[schemars(length(min = 1))]
    pub apps: Vec<AppWait>,
}

/// One Application, or those that a selector finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("allOf" = one_of("name", "selector")))]
pub struct AppWait {
    /// Its name; else `selector`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub name: Option<String>,
    /// Which ones, by labels; else `name`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Selector")]
    pub selector: Option<Selector>,
    /// Where; Argo CD's namespace when absent.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", length(min = 1))]
    pub namespace: Option<String>,
    /// What to wait for; [`Condition::DEFAULT`] when absent.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "std::collections::BTreeSet<Condition>", length(min = 1))]
    pub wait_for: Option<Vec<Condition>>,
}

/// Something to wait for. The kinds of health are alternatives, the others must all hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It is healthy.
    Health,
    /// It is synced.
    Sync,
    /// No operation is under way.
    Operation,
    /// It is suspended.
    Suspended,
    /// It is degraded.
    Degraded,
}

impl Condition {
    /// What is waited for when nothing is said.
    pub const DEFAULT: &[Self] = &[Self::Health, Self::Sync, Self::Operation];

    /// The health that it is about.
    pub(super) fn health(self) -> Option<&'static str> {
        match self {
            Self::Health => Some("Healthy"),
            Self::Suspended => Some("Suspended"),
            Self::Degraded => Some("Degraded"),
            Self::Sync | Self::Operation => None,
        }
    }
}

impl Config {
    /// What the types cannot say; the text names the place.
    pub fn check(&self) -> Result<(), String> {
        at_least_one(&self.apps, "apps")?;
        for (i, app) in self.apps.iter().enumerate() {
            app.check().map_err(|problem| format!("apps.{i}{problem}"))?;
        }
        Ok(())
    }
}

impl AppWait {
    fn check(&self) -> Result<(), String> {
        check_target(self.name.as_deref(), self.selector.as_ref(), self.namespace.as_deref())?;
        let Some(wait_for) = &self.wait_for else { return Ok(()) };
        at_least_one(wait_for, ".waitFor")?;
        let twice = wait_for
            .iter()
            .enumerate()
            .any(|(i, condition)| wait_for.iter().skip(i + 1).any(|c| c == condition));
        if twice { Err(".waitFor: no condition may be given twice".to_owned()) } else { Ok(()) }
    }
}
