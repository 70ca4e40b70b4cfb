//! Warehouse: what to watch, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::freight::{ArtifactReference, FreightOrigin};
use crate::kind::{ApiVersion, Tag, resource};
use crate::{Condition, ObjectMeta, Time, Waiting, schema};

/// Watches repositories and makes Freight of what it finds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warehouse {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<Warehouse>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// What to watch.
    pub spec: WarehouseSpec,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<WarehouseStatus>,
}
resource!(Warehouse, "warehouses", NamespaceResourceScope);

impl Warehouse {
    /// The origin of Freight made by it.
    pub fn origin(&self) -> FreightOrigin {
        FreightOrigin::warehouse(self.metadata.name.clone().unwrap_or_default())
    }
}

/// What to watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["interval", "subscriptions"]))]
pub struct WarehouseSpec {
    /// Which controller is responsible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// How often to look, in Go's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::DURATION, "x-default" = "5m0s"))]
    pub interval: Option<String>,
    /// Whether Freight is made without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "Automatic"))]
    pub freight_creation_policy: Option<FreightCreationPolicy>,
    /// A gate on Freight creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freight_creation_criteria: Option<FreightCreationCriteria>,
    /// One entry a repository: an object with one type key (`git`, `image`, `chart`, …) and perhaps `name`.
    #[serde(default)]
    #[schemars(extend("minItems" = 1))]
    pub subscriptions: Vec<Value>,
}

/// Whether Freight is made without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FreightCreationPolicy {
    /// As soon as something new is found.
    #[default]
    Automatic,
    /// Only by hand.
    Manual,
}

/// A gate on Freight creation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FreightCreationCriteria {
    /// A bare expression over what was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expression: String,
}

/// What a Warehouse found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The refresh token that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_refresh: Option<String>,
    /// Which generation this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Freight that the last pass made or would have made.
    #[serde(rename = "lastFreightID", default, skip_serializing_if = "Option::is_none")]
    pub last_freight_id: Option<String>,
    /// What is there, newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovered_artifacts: Option<DiscoveredArtifacts>,
    /// Ours: why nothing happens right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// What is there, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredArtifacts {
    /// When it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovered_at: Option<Time>,
    /// Commits by Git subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub git: Vec<GitDiscoveryResult>,
    /// Images by subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageDiscoveryResult>,
    /// Charts by subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<ChartDiscoveryResult>,
    /// Anything else by subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<DiscoveryResult>,
}

/// What a Git subscription found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitDiscoveryResult {
    /// The repository.
    #[serde(rename = "repoURL")]
    #[schemars(transform = schema::non_empty)]
    #[schemars(extend("pattern" = schema::GIT_URL))]
    pub repo_url: String,
    /// The subscription's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
    /// Commits, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<DiscoveredCommit>,
    /// The refs that were there, so that an unchanged repository need not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_refs: Option<ObservedRefs>,
}

/// The refs that were there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedRefs {
    /// The branch's commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub branch_head: String,
    /// Tags by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<ObservedTag>,
}

/// A tag that was there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedTag {
    /// Its name.
    #[schemars(transform = schema::non_empty)]
    pub name: String,
    /// What it points to.
    #[schemars(transform = schema::non_empty)]
    pub id: String,
}

/// A commit that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredCommit {
    /// The commit id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(transform = schema::non_empty)]
    pub id: String,
    /// The subscription's branch.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// The tag it was found by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// First line of the message, 80 characters at most.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// `Name <email>`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// `Name <email>`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub committer: String,
    /// Commit or tagger date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_date: Option<Time>,
}

/// What an image subscription found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageDiscoveryResult {
    /// The repository.
    #[serde(rename = "repoURL")]
    #[schemars(transform = schema::non_empty)]
    pub repo_url: String,
    /// The subscription's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
    /// The platform that was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Images, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<DiscoveredImageReference>,
}

/// An image that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredImageReference {
    /// The tag.
    #[schemars(transform = schema::non_empty, extend("pattern" = schema::IMAGE_TAG, "maxLength" = 128))]
    pub tag: String,
    /// The digest.
    #[schemars(transform = schema::non_empty, extend("pattern" = schema::DIGEST))]
    pub digest: String,
    /// Annotations of the manifest.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
    /// When it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// What a chart subscription found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartDiscoveryResult {
    /// The chart repository.
    #[serde(rename = "repoURL")]
    #[schemars(transform = schema::non_empty)]
    pub repo_url: String,
    /// The chart's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The constraint that was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub semver_constraint: String,
    /// The subscription's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
    /// Versions, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// What another subscription found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryResult {
    /// The subscription's name.
    #[schemars(transform = schema::non_empty)]
    pub name: String,
    /// Versions, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifact_references: Vec<ArtifactReference>,
}
