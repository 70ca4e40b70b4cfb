//! Freight: what travels. Also the references to it that Stages and Promotions keep.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::{ApiVersion, Tag, resource};
use crate::verification::VerificationInfo;
use crate::{ObjectMeta, Time, schema};

/// Exact versions of images, commits and charts that belong together. Immutable but for its alias and status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Freight {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<Freight>,
    /// Standard metadata; the name is the Freight's id.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// A name for people, unique in the Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Where it came from.
    pub origin: FreightOrigin,
    /// Commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<GitCommit>,
    /// Images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Charts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactReference>,
    /// When it was found, which orders Freight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovered_at: Option<Time>,
    /// Where it is and where it may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<FreightStatus>,
}
resource!(Freight, "freights", NamespaceResourceScope);

/// What kind of thing Freight comes from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum FreightOriginKind {
    /// A Warehouse.
    #[default]
    Warehouse,
}

/// Which Warehouse Freight comes from. Its text is `Warehouse/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct FreightOrigin {
    /// Always `Warehouse`.
    pub kind: FreightOriginKind,
    /// The Warehouse's name, in the same Project.
    pub name: String,
}

impl FreightOrigin {
    /// The origin that a Warehouse is.
    pub fn warehouse(name: impl Into<String>) -> Self {
        Self { kind: FreightOriginKind::Warehouse, name: name.into() }
    }
}

impl fmt::Display for FreightOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Warehouse/{}", self.name)
    }
}

/// A text that names no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no Freight origin; write Warehouse/<name>")]
pub struct InvalidOrigin(pub String);

impl FromStr for FreightOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        match text.split_once('/') {
            Some(("Warehouse", name)) if !name.contains('/') => Ok(Self::warehouse(name)),
            _ => Err(InvalidOrigin(text.to_owned())),
        }
    }
}

/// A commit of a Git repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitCommit {
    /// The repository, as the Warehouse's subscription writes it.
    #[serde(rename = "repoURL", default, skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
    /// The commit id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The branch it was found on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// The tag it was found by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// First line of its message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// `Name <email>`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// `Name <email>`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub committer: String,
    /// Which of several subscriptions found it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
}

/// A container image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The repository without a tag.
    #[serde(rename = "repoURL", default, skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
    /// The tag.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The digest, `sha256:…`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Annotations of the manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Which of several subscriptions found it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
}

/// A Helm chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// The chart repository.
    #[serde(rename = "repoURL", default, skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
    /// The chart's name; empty for OCI.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Which of several subscriptions found it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subscription_name: String,
}

/// A version of something else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactReference {
    /// What it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(transform = schema::non_empty)]
    pub artifact_type: String,
    /// The subscription that found it.
    #[schemars(transform = schema::non_empty)]
    pub subscription_name: String,
    /// Its version.
    #[schemars(transform = schema::non_empty)]
    pub version: String,
    /// Anything the subscription adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// Where Freight is and where it may go. Keys are Stage names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreightStatus {
    /// Stages that have it now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub currently_in: BTreeMap<String, CurrentStage>,
    /// Stages that have verified it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verified_in: BTreeMap<String, VerifiedStage>,
    /// Stages it was approved for by hand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approved_for: BTreeMap<String, ApprovedStage>,
    /// Free data, set by steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// Since when a Stage has the Freight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentStage {
    /// The moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// When a Stage verified the Freight, and how long it stayed at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedStage {
    /// The moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Time>,
    /// Longest stay that has ended, in Go's duration format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_soak: Option<String>,
}

/// When somebody approved the Freight for a Stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovedStage {
    /// The moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Time>,
}

/// A copy of what a piece of Freight holds, as Stages and Promotions keep it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreightReference {
    /// The Freight's name, which is its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<FreightOrigin>,
    /// Commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<GitCommit>,
    /// Images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Charts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactReference>,
}

impl Freight {
    /// The copy that Stages and Promotions keep.
    pub fn reference(&self) -> FreightReference {
        FreightReference {
            name: self.metadata.name.clone().unwrap_or_default(),
            origin: Some(self.origin.clone()),
            commits: self.commits.clone(),
            images: self.images.clone(),
            charts: self.charts.clone(),
            artifacts: self.artifacts.clone(),
        }
    }
}

/// One piece of Freight per origin, with what verification said of them together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreightCollection {
    /// SHA-1 over the sorted names.
    pub id: String,
    /// The references by origin (`Warehouse/<name>`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, FreightReference>,
    /// Newest first, ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verification_history: Vec<VerificationInfo>,
}
