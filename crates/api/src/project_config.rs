//! ProjectConfig and ClusterConfig: policies of a Project, and settings of all of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{ApiVersion, Tag, resource};
use crate::receiver::{ReceiverDetails, WebhookReceiver};
use crate::window::PromotionWindow;
use crate::{Condition, LabelSelector, ObjectMeta, schema};

/// Policies of a Project; named after its namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectConfig {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<ProjectConfig>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// The policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<ProjectConfigSpec>,
    /// What was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ConfigStatus>,
}
resource!(ProjectConfig, "projectconfigs", NamespaceResourceScope);

/// The policies of a Project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectConfigSpec {
    /// The first that matches a Stage counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotion_policies: Vec<PromotionPolicy>,
    /// When Promotions may start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub promotion_windows: Vec<PromotionWindow>,
    /// Who may tell us of news.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook_receivers: Vec<WebhookReceiver>,
    /// Links shown beside Stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage_links: Vec<DeepLink>,
    /// Links shown beside Freight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freight_links: Vec<DeepLink>,
}

/// What holds for some Stages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::rule("has(self.stage) ? !has(self.stageSelector) : has(self.stageSelector)", "set either stage or stageSelector"))]
pub struct PromotionPolicy {
    /// The one Stage; the older form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::NAME))]
    pub stage: Option<String>,
    /// Which Stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_selector: Option<PromotionPolicySelector>,
    /// Whether they promote by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_promotion_enabled: Option<bool>,
    /// Kept, not obeyed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_rollback: Option<AutoRollback>,
}

/// When to go back by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRollback {
    /// After a Promotion that ended so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = schema::two_of("Failed", "Errored"))]
    pub on_promotion: Vec<String>,
    /// After a verification that ended so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = schema::two_of("Failed", "Error"))]
    pub on_verification: Vec<String>,
}

/// Which Stages: by name (exact, `glob:`, `regex:`) and by labels; both must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::atomic_map)]
pub struct PromotionPolicySelector {
    /// The name, or a pattern of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The labels.
    #[serde(flatten)]
    #[schemars(schema_with = "schema::label_selector")]
    pub labels: LabelSelector,
}

/// A link shown beside a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeepLink {
    /// What it says.
    #[schemars(transform = schema::non_empty)]
    pub title: String,
    /// Where it leads.
    #[schemars(transform = schema::non_empty)]
    pub url: String,
    /// More words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Shown only where this holds.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// What was made of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Which generation this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The refresh token that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_refresh: Option<String>,
    /// Where receivers listen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook_receivers: Vec<ReceiverDetails>,
}

/// Settings of all Projects; its name is `cluster`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfig {
    /// Group and version of the kind.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The kind.
    #[serde(default)]
    pub kind: Tag<ClusterConfig>,
    /// Standard metadata.
    #[schemars(schema_with = "schema::metadata")]
    #[serde(deserialize_with = "crate::metadata::Metadata::deserialize")]
    pub metadata: ObjectMeta,
    /// The settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<ClusterConfigSpec>,
    /// What was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ConfigStatus>,
}
resource!(ClusterConfig, "clusterconfigs", ClusterResourceScope);

/// Settings of all Projects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfigSpec {
    /// Who commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_client: Option<GitClientConfig>,
    /// When Promotions may start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub promotion_windows: Vec<PromotionWindow>,
    /// Who may tell us of news.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook_receivers: Vec<WebhookReceiver>,
    /// Links shown beside Stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage_links: Vec<DeepLink>,
    /// Links shown beside Freight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freight_links: Vec<DeepLink>,
}

/// Who commits where a step names nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitClientConfig {
    /// Name.
    #[schemars(transform = schema::non_empty)]
    pub name: String,
    /// Mail address.
    #[schemars(transform = schema::non_empty, extend("format" = "email"))]
    pub email: String,
    /// Secret with the key that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_secret: Option<SecretReference>,
}

/// A Secret by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::atomic_map)]
pub struct SecretReference {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("x-default" = ""))]
    pub name: String,
}
