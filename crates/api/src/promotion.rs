//! Promotion: one journey of one piece of Freight to one Stage, step by step.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::freight::{FreightCollection, FreightOrigin, FreightReference};
use crate::kind::{ApiVersion, Tag, resource};
use crate::word::{self, Word};
use crate::{ObjectMeta, Time, Waiting, schema};

/// Carries Freight to a Stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<Promotion>,
    /// Standard metadata; names sort by creation.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// What to do; immutable.
    pub spec: PromotionSpec,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PromotionStatus>,
}
resource!(Promotion, "promotions", NamespaceResourceScope);

/// What a Promotion does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::rule("has(self.freight) != has(self.origin)", "set either freight or origin"))]
#[schemars(extend("required" = ["stage", "steps"]))]
pub struct PromotionSpec {
    /// The Stage.
    #[schemars(transform = schema::name)]
    pub stage: String,
    /// The Freight's name; or `origin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::name)]
    pub freight: Option<String>,
    /// Take the auto-promotion candidate of this origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<FreightOrigin>,
    /// The Target, for children of a PromotionRequest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::NAME, "maxLength" = 253))]
    pub target: Option<String>,
    /// Variables, evaluated in order; later ones win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// The steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::task_steps")]
    pub steps: Vec<PromotionStep>,
}

/// A variable; its value may be a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// The name.
    #[schemars(transform = schema::non_empty, extend("pattern" = schema::VARIABLE))]
    pub name: String,
    /// The value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// One step of a Promotion, or (in templates) a reference to a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionStep {
    /// The kind of step; or `task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::non_empty)]
    pub uses: Option<String>,
    /// A task whose steps stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskReference>,
    /// Name under which its output is found.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Run only where this is true.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Go on where it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_on_error: Option<bool>,
    /// How often and how long to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<StepRetry>,
    /// Variables of this step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// What the step is told; strings in it may be templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

/// Which task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskReference {
    /// Its name.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// `PromotionTask` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["PromotionTask", "ClusterPromotionTask"]))]
    pub kind: Option<String>,
}

/// How often and how long to try.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRetry {
    /// How long in all, in Go's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How many errors end the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "int32"))]
    pub error_threshold: Option<i64>,
}

/// How far a Promotion is. A new one has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::open_word)]
pub enum PromotionPhase {
    /// In the queue.
    Pending,
    /// At work.
    Running,
    /// Done.
    Succeeded,
    /// A step said no.
    Failed,
    /// Something broke.
    Errored,
    /// Stopped by somebody.
    Aborted,
    /// A word that somebody else wrote and that means nothing here: hands off.
    Unknown,
}

impl PromotionPhase {
    /// Whether nothing more will happen.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Unknown)
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Errored => "Errored",
            Self::Aborted => "Aborted",
            Self::Unknown => "Unknown",
        }
    }
}

impl Word for PromotionPhase {
    const UNKNOWN: Option<Self> = Some(Self::Unknown);
}

/// How a step ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::open_word)]
pub enum StepStatus {
    /// At work or waiting.
    Running,
    /// Done.
    Succeeded,
    /// Not run, or nothing to do.
    Skipped,
    /// Said no.
    Failed,
    /// Broke.
    Errored,
    /// Stopped.
    Aborted,
}

impl Word for StepStatus {
    const UNKNOWN: Option<Self> = None;
}

/// How far a Promotion is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionStatus {
    /// The phase; absent for a brand-new one.
    #[serde(default, deserialize_with = "word::lenient", skip_serializing_if = "Option::is_none")]
    pub phase: Option<PromotionPhase>,
    /// Words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The refresh token that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_refresh: Option<String>,
    /// When it began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// The Freight as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight: Option<FreightReference>,
    /// It, and what the Stage has of other origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight_collection: Option<FreightCollection>,
    /// Index of the step at work.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub current_step: i64,
    /// Step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step_execution_metadata: Vec<StepExecutionMetadata>,
    /// Outputs by step alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::anything")]
    pub state: Option<Map<String, Value>>,
    /// What the Stage's health is made of afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<HealthCheck>,
    /// Ours: what was about to happen outside, and what did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// Ours: the newer Promotion for which this one was discarded before it began (queue policy `latestOnly`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Ours: why nothing happens right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// How one step went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepExecutionMetadata {
    /// The step's alias.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Errors so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(extend("format" = "int32"))]
    pub error_count: i64,
    /// How it is.
    #[serde(default, deserialize_with = "word::lenient", skip_serializing_if = "Option::is_none")]
    pub status: Option<StepStatus>,
    /// Words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether its failure is overlooked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_on_error: bool,
}

/// What a Stage's health is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthCheck {
    /// The kind of check.
    #[schemars(transform = schema::non_empty)]
    pub uses: String,
    /// What it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

/// `status.ledger`: what makes effects happen once. Never an evaluated config, which may hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Digest of the work directory after the last finished step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_digest: Option<String>,
    /// How many steps the work directory has behind it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub work_step: i64,
    /// Per step that writes or waits: the latest attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<LedgerEntry>,
}

/// One attempt of one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The step's index.
    pub step: i64,
    /// Its alias.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// Which attempt, from 1.
    pub attempt: i64,
    /// How often it was taken up again after an interruption.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: i64,
    /// Where the attempt is.
    pub state: LedgerState,
    /// When it began, which is its `now()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// What was about to happen, kind by kind (e.g. `push`): values the step finds its effect by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<String, Value>,
}

/// Where an attempt is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LedgerState {
    /// It may or may not have had its effect.
    #[default]
    Begun,
    /// Its result is in the status.
    Done,
}
