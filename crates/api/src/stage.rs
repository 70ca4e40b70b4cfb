//! Stage: a place that Freight passes through, what it asks for and how it promotes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::freight::{FreightCollection, FreightOrigin, FreightReference};
use crate::kind::{ApiVersion, Tag, resource};
use crate::promotion::{PromotionStatus, PromotionStep, Variable};
use crate::queue::QueuePolicy;
use crate::word::{self, Word};
use crate::{Condition, LabelSelector, ObjectMeta, Time, Waiting, schema};

/// A place that Freight passes through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<Stage>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// What it asks for and how it promotes.
    pub spec: StageSpec,
    /// What it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StageStatus>,
}
resource!(Stage, "stages", NamespaceResourceScope);

impl Stage {
    /// Whether it only passes Freight on: it has no steps.
    pub fn is_control_flow(&self) -> bool {
        self.spec.promotion_template.as_ref().is_none_or(|t| t.spec.steps.is_empty())
    }
}

/// What a Stage asks for and how it promotes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["requestedFreight"]))]
pub struct StageSpec {
    /// Which controller is responsible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Variables for its Promotions and verifications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// What it asks for.
    #[serde(default)]
    #[schemars(extend("minItems" = 1))]
    pub requested_freight: Vec<FreightRequest>,
    /// How it promotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_template: Option<PromotionTemplate>,
    /// Ours: which of several waiting Promotions runs; `fifo` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_policy: Option<QueuePolicy>,
    /// How Freight is verified in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Fan-out; not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<StageTargets>,
}

/// Freight of one origin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FreightRequest {
    /// Which origin.
    pub origin: FreightOrigin,
    /// From where it may come.
    pub sources: FreightSources,
}

/// From where Freight may come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreightSources {
    /// Straight from the Warehouse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// From Stages that have verified it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// How long it must have stayed there, in Go's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::DURATION))]
    pub required_soak_time: Option<String>,
    /// Whether one of the Stages is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_strategy: Option<AvailabilityStrategy>,
    /// Which Freight auto-promotion takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_promotion_options: Option<AutoPromotionOptions>,
}

/// Whether one of the upstream Stages is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AvailabilityStrategy {
    /// Every one.
    All,
    /// One.
    OneOf,
    /// Not said, which is `OneOf`.
    #[default]
    #[serde(rename = "")]
    Unset,
}

/// Which Freight auto-promotion takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoPromotionOptions {
    /// The policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_policy: Option<SelectionPolicy>,
}

/// Which Freight auto-promotion takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectionPolicy {
    /// The newest available.
    #[default]
    NewestFreight,
    /// What the one upstream Stage has now.
    MatchUpstream,
}

/// How a Stage promotes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionTemplate {
    /// Its content.
    pub spec: PromotionTemplateSpec,
}

/// Variables and steps of the Promotions to a Stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionTemplateSpec {
    /// Variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// Steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::template_steps")]
    pub steps: Vec<PromotionStep>,
}

/// How Freight is verified in a Stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Templates of the AnalysisRun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analysis_templates: Vec<AnalysisTemplateReference>,
    /// What the AnalysisRun carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis_run_metadata: Option<AnalysisRunMetadata>,
    /// Arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<AnalysisRunArgument>,
}

/// Which template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisTemplateReference {
    /// Its name.
    pub name: String,
    /// `AnalysisTemplate` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["AnalysisTemplate", "ClusterAnalysisTemplate"]))]
    pub kind: Option<String>,
}

/// What the AnalysisRun carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisRunMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An argument of the AnalysisRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisRunArgument {
    /// Its name.
    pub name: String,
    /// Its value; may be a template.
    pub value: String,
}

/// Fan-out; not supported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["selectors"]))]
pub struct StageTargets {
    /// Which Targets; one match is enough.
    #[serde(default)]
    #[schemars(schema_with = "schema::label_selectors")]
    pub selectors: Vec<LabelSelector>,
}

/// What a Stage has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The refresh token that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_refresh: Option<String>,
    /// Newest first, ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freight_history: Vec<FreightCollection>,
    /// For the table: the Freight's name, or how many requests are fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight_summary: Option<String>,
    /// How it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Which generation this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Promotion that may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_promotion: Option<PromotionReference>,
    /// The Promotion that ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promotion: Option<PromotionReference>,
    /// The same for PromotionRequests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_promotion_request: Option<PromotionRequestReference>,
    /// The same for PromotionRequests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promotion_request: Option<PromotionRequestReference>,
    /// Whether a policy lets it promote by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_promotion_enabled: Option<bool>,
    /// Origins whose auto-promotion is held, by origin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub auto_promotion_holds: BTreeMap<String, AutoPromotionHold>,
    /// The same, with Promotions that have not ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effective_auto_promotion_holds: BTreeMap<String, AutoPromotionHold>,
    /// Free data, set by steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// Whether promotion windows are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_window_status: Option<PromotionWindowStatus>,
    /// Ours: why nothing happens right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// How a Stage is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The state.
    #[serde(default, deserialize_with = "word::lenient", skip_serializing_if = "Option::is_none")]
    pub status: Option<HealthState>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<String>,
    /// What was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// What the checks said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// How well something is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::open_word)]
pub enum HealthState {
    /// Well.
    Healthy,
    /// There is nothing to say.
    NotApplicable,
    /// On the way.
    Progressing,
    /// Not known.
    Unknown,
    /// Unwell.
    Unhealthy,
}

impl Word for HealthState {
    const UNKNOWN: Option<Self> = Some(Self::Unknown);
}

impl HealthState {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::NotApplicable => "NotApplicable",
            Self::Progressing => "Progressing",
            Self::Unknown => "Unknown",
            Self::Unhealthy => "Unhealthy",
        }
    }
}

/// A Promotion, as its Stage remembers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionReference {
    /// Its name.
    pub name: String,
    /// What it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight: Option<FreightReference>,
    /// Its status when it ended, without what is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::remembered_status")]
    pub status: Option<PromotionStatus>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// A PromotionRequest, as its Stage remembers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRequestReference {
    /// Its name.
    pub name: String,
    /// What it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight: Option<NamedFreight>,
    /// Its phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// Freight by name alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedFreight {
    /// Its name.
    pub name: String,
}

/// Why auto-promotion of an origin is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoPromotionHold {
    /// What is to stay.
    pub freight_name: String,
    /// Of which origin.
    pub origin: FreightOrigin,
    /// The Promotion that brought it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub promotion_name: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// Whether promotion windows are open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionWindowStatus {
    /// They are not.
    pub closed: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When the next one opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_open: Option<Time>,
    /// When it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_close: Option<Time>,
    /// Why it closes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next_close_reason: String,
}
