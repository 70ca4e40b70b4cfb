//! May this user do that: the question, and the trait that answers it.

use async_trait::async_trait;
use serde_json::Value;

use crate::Status;
use crate::identity::{AUTHENTICATED, Identity, MASTERS};

/// What a user wants to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or any other word.
    pub verb: String,
    /// API group; empty for the core group and for paths.
    pub group: String,
    /// API version.
    pub version: String,
    /// The plural; empty for paths.
    pub resource: String,
    /// Subresource, such as `status`.
    pub subresource: String,
    /// Namespace; empty for the whole cluster.
    pub namespace: String,
    /// Name; empty for all.
    pub name: String,
    /// The path of a request that is not about a resource.
    pub path: Option<String>,
}

/// The answer: whether, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether the user may.
    pub allowed: bool,
    /// Why, for a person.
    pub reason: String,
}

/// Decides what users may do.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// May the user do this?
    async fn authorize(&self, user: &Identity, attributes: &Attributes) -> Decision;

    /// Every rule the user has in a namespace, in the form of a rules review; none where they are not known.
    async fn rules(&self, user: &Identity, namespace: &str) -> Vec<Value> {
        let _ = (user, namespace);
        Vec::new()
    }
}

/// Members of `system:masters` may do everything, everyone with a credential may read the discovery documents,
/// nobody else may do anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct MastersOnly;

#[async_trait]
impl Authorizer for MastersOnly {
    async fn authorize(&self, user: &Identity, attributes: &Attributes) -> Decision {
        let allowed = user.is_in(MASTERS) || is_open(attributes) || is_common(user, attributes);
        Decision { allowed, reason: String::new() }
    }
}

/// What needs no role: whether the server is well.
pub(crate) fn is_open(attributes: &Attributes) -> bool {
    attributes.path.as_ref().is_some_and(|path| {
        matches!(path.split('/').nth(1).unwrap_or_default(), "healthz" | "livez" | "readyz")
    })
}

/// What everybody may do where there are no roles: the version for all; discovery, and asking about oneself, with
/// any credential.
fn is_common(user: &Identity, attributes: &Attributes) -> bool {
    let known = user.is_in(AUTHENTICATED);
    match &attributes.path {
        Some(path) => match path.split('/').nth(1).unwrap_or_default() {
            "version" => true,
            "api" | "apis" | "openapi" => known,
            _ => false,
        },
        None => {
            known
                && attributes.verb == "create"
                && matches!(
                    (attributes.group.as_str(), attributes.resource.as_str()),
                    ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
                        | ("authentication.k8s.io", "selfsubjectreviews")
                )
        }
    }
}

/// The refusal the real server words for these attributes.
pub(crate) fn refusal(user: &Identity, a: &Attributes, decision: &Decision) -> Status {
    let why = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
    if let Some(path) = &a.path {
        let text = format!("User \"{}\" cannot {} path \"{path}\"{why}", user.name, a.verb);
        return Status::new(403, "Forbidden", format!("forbidden: {text}"));
    }
    let resource = if a.subresource.is_empty() {
        a.resource.clone()
    } else {
        format!("{}/{}", a.resource, a.subresource)
    };
    let place = if a.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", a.namespace)
    };
    let text = format!(
        "User \"{}\" cannot {} resource \"{resource}\" in API group \"{}\" {place}{why}",
        user.name, a.verb, a.group
    );
    Status::forbidden(&a.group, &a.resource, &a.name, &text)
}
