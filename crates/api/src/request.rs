//! PromotionRequest: a Promotion to the Targets of a Stage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{ApiVersion, Tag, resource};
use crate::{Condition, ObjectMeta, Time, schema};

/// Asks for a Promotion to several Targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRequest {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<PromotionRequest>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: PromotionRequestSpec,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PromotionRequestStatus>,
}
resource!(PromotionRequest, "promotionrequests", NamespaceResourceScope);

/// What a PromotionRequest asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["freight", "stage", "targets"]))]
pub struct PromotionRequestSpec {
    /// The Stage.
    #[schemars(transform = schema::name, transform = schema::constant)]
    pub stage: String,
    /// The Freight's name.
    #[schemars(transform = schema::name, transform = schema::constant)]
    pub freight: String,
    /// Where to.
    #[serde(default)]
    #[schemars(transform = schema::atomic_list)]
    pub targets: Vec<TargetReference>,
}

/// A Target by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReference {
    /// The Target's name.
    #[schemars(transform = schema::name)]
    pub name: String,
}

/// How far a PromotionRequest is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRequestStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Which generation this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Counts by phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<PromotionRequestSummary>,
    /// Target by Target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = schema::atomic_list)]
    pub targets: Vec<TargetStatusEntry>,
}

/// How many children are in which phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionRequestSummary {
    /// Pending.
    #[serde(default)]
    pub pending: i32,
    /// Running.
    #[serde(default)]
    pub running: i32,
    /// Succeeded.
    #[serde(default)]
    pub succeeded: i32,
    /// Failed.
    #[serde(default)]
    pub failed: i32,
    /// Errored.
    #[serde(default)]
    pub errored: i32,
    /// Aborted.
    #[serde(default)]
    pub aborted: i32,
}

/// How far one Target is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStatusEntry {
    /// The Target's name.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// The Promotion that serves it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub promotion: String,
    /// Its phase.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
}
