//! Webhook receivers: who may tell us of news, and what is done then.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::project_config::SecretReference;
use crate::{LabelSelector, schema};

/// A receiver: a name and one provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReceiver {
    /// Its name, unique among the receivers.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// Artifactory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifactory: Option<ArtifactoryReceiver>,
    /// Azure DevOps and Azure Container Registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<Receiver>,
    /// Bitbucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<Receiver>,
    /// Docker Hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerhub: Option<Receiver>,
    /// Anything, by expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generic: Option<GenericReceiver>,
    /// Gitea and Forgejo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitea: Option<Receiver>,
    /// GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<Receiver>,
    /// GitLab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<Receiver>,
    /// Harbor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harbor: Option<Receiver>,
    /// Quay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quay: Option<Receiver>,
}

/// A provider that needs nothing but a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receiver {
    /// The Secret that the sender shares with us.
    pub secret_ref: SecretReference,
}

/// Artifactory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactoryReceiver {
    /// The Secret that the sender shares with us.
    pub secret_ref: SecretReference,
    /// The virtual repository that subscriptions name, where it is not the one that has the news.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub virtual_repo_name: String,
}

/// Any sender: what is done is said by expressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenericReceiver {
    /// The Secret that the sender shares with us.
    pub secret_ref: SecretReference,
    /// What is done, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("minItems" = 1))]
    pub actions: Vec<ReceiverAction>,
}

/// What is done when a request comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverAction {
    /// What is done.
    pub action: ReceiverActionKind,
    /// Only where this expression over the request is true.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when_expression: String,
    /// Parameters of the action.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// To which objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("minItems" = 1))]
    pub target_selection_criteria: Vec<TargetSelectionCriteria>,
}

/// What a generic receiver can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReceiverActionKind {
    /// Ask for a pass.
    #[default]
    Refresh,
}

/// Which objects; what is given must all hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetSelectionCriteria {
    /// Of which kind.
    pub kind: TargetKind,
    /// By name, which may be a template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// By labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub label_selector: Option<LabelSelector>,
    /// By index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_selector: Option<IndexSelector>,
}

/// The kinds that a generic receiver can act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    /// Warehouses.
    #[default]
    Warehouse,
}

/// Objects by what they are indexed by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexSelector {
    /// Requirements; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("minItems" = 1))]
    pub match_indices: Vec<IndexRequirement>,
}

/// A requirement on an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexRequirement {
    /// The index.
    #[schemars(extend("enum" = ["subscribedURLs", "receiverPaths"]))]
    pub key: String,
    /// Equals or NotEquals.
    pub operator: String,
    /// The value, which may be a template.
    pub value: String,
}

/// Where a receiver listens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiverDetails {
    /// The receiver's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The whole URL.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}
