//! Project: a tenant. Cluster-scoped; its namespace bears its name.

use serde::{Deserialize, Serialize};

use crate::kind::{ApiVersion, Tag, resource};
use crate::{Condition, ObjectMeta};

/// A tenant. It has no spec: policies are in its ProjectConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// `kind`.
    #[serde(default)]
    pub kind: Tag<Project>,
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatus>,
}
resource!(Project, "projects", ClusterResourceScope);

/// How a Project is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ProjectStats>,
}

/// Counts of what a Project holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectStats {
    /// Warehouses.
    #[serde(default)]
    pub warehouses: Count,
    /// Stages that are not only control flow.
    #[serde(default)]
    pub stages: Count,
}

/// How many there are, and how many of them are healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// All.
    #[serde(default)]
    pub count: i64,
    /// By health.
    #[serde(default)]
    pub health: HealthCount,
}

/// How many are healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthCount {
    /// Healthy ones.
    #[serde(default)]
    pub healthy: i64,
}
