//! PromotionTask and ClusterPromotionTask: steps under a name, to be used in many Stages.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::kind::{ApiVersion, Tag, resource};
use crate::promotion::{PromotionStep, Variable};

/// Steps for the Stages of one Project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionTask {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// `kind`.
    #[serde(default)]
    pub kind: Tag<PromotionTask>,
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// The steps.
    pub spec: PromotionTaskSpec,
}
resource!(PromotionTask, "promotiontasks", NamespaceResourceScope);

/// Steps for the Stages of every Project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPromotionTask {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// `kind`.
    #[serde(default)]
    pub kind: Tag<ClusterPromotionTask>,
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// The steps.
    pub spec: PromotionTaskSpec,
}
resource!(ClusterPromotionTask, "clusterpromotiontasks", ClusterResourceScope);

/// Steps, and the variables they want; one without a value must be given where the task is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PromotionTaskSpec {
    /// Variables with their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<Variable>,
    /// The steps; tasks do not nest.
    pub steps: Vec<PromotionStep>,
}
