//! Project: a tenant. Cluster-scoped; its namespace bears its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{ApiVersion, Tag, resource};
use crate::{Condition, ObjectMeta, schema};

/// A tenant. It has no spec: policies are in its ProjectConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<Project>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatus>,
}
resource!(Project, "projects", ClusterResourceScope);

/// How a Project is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ProjectStats>,
}

/// Counts of what a Project holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectStats {
    /// Warehouses.
    #[serde(default)]
    pub warehouses: Count,
    /// Stages that are not only control flow.
    #[serde(default)]
    pub stages: Count,
}

/// How many there are, and how many of them are healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// All.
    #[serde(default)]
    pub count: i64,
    /// By health.
    #[serde(default)]
    pub health: HealthCount,
}

/// How many are healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthCount {
    /// Healthy ones.
    #[serde(default)]
    pub healthy: i64,
}
