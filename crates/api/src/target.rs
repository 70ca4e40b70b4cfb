//! Target: a place that a Stage may fan out to. Descriptive only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ObjectMeta;
use crate::kind::{ApiVersion, Tag, resource};

/// A place that a Stage may fan out to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `apiVersion`.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// `kind`.
    #[serde(default)]
    pub kind: Tag<Target>,
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<TargetSpec>,
    /// Empty so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TargetStatus>,
}
resource!(Target, "targets", NamespaceResourceScope);

/// What a Target is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Free parameters for expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
}

/// Nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetStatus {}
