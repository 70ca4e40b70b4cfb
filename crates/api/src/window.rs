//! Promotion windows: when Promotions may start. They are kept and not obeyed yet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::project_config::PromotionPolicySelector;
use crate::schema;

/// A time in which Promotions may, or may not, start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionWindow {
    /// Its name.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// Whether it opens or closes.
    pub kind: PromotionWindowKind,
    /// The first start, as iCalendar writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtstart: Option<String>,
    /// The end of the first time, as iCalendar writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtend: Option<String>,
    /// How it repeats, as iCalendar writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rrule: Option<String>,
    /// Which Projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_selector: Option<PromotionPolicySelector>,
    /// Which Stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_selector: Option<PromotionPolicySelector>,
}

/// Whether a window opens or closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PromotionWindowKind {
    /// Promotions may start only then.
    #[default]
    Allow,
    /// Promotions may not start then.
    Deny,
}
