//! PromotionTask and ClusterPromotionTask: steps under a name, to be used in many Stages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{ApiVersion, Tag, resource};
use crate::promotion::{PromotionStep, Variable};
use crate::{ObjectMeta, schema};

/// Steps for the Stages of one Project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionTask {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<PromotionTask>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// The steps.
    pub spec: PromotionTaskSpec,
}
resource!(PromotionTask, "promotiontasks", NamespaceResourceScope);

/// Steps for the Stages of every Project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPromotionTask {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<ClusterPromotionTask>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// The steps.
    pub spec: PromotionTaskSpec,
}
resource!(ClusterPromotionTask, "clusterpromotiontasks", ClusterResourceScope);

/// Steps, and the variables they want; one without a value must be given where the task is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionTaskSpec {
    /// Variables with their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// The steps; tasks do not nest.
    #[schemars(schema_with = "schema::task_steps")]
    pub steps: Vec<PromotionStep>,
}
