//! Which lists of the built-in kinds merge, and by what key; which members must be objects or lists.

use super::list::Merge;
use serde_json::Value;

/// The JSON type a member must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    List,
}

impl Shape {
    pub(super) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::List => "a list",
        }
    }
}

/// How the list at `path` of a `kind` is merged.
pub(super) fn merge(kind: &str, path: &[String]) -> Merge {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (kind, path.as_slice()) {
        (_, ["metadata", "finalizers"]) => Merge::Set,
        (_, ["metadata", "ownerReferences"]) => Merge::By("uid"),
        ("ServiceAccount", ["secrets"]) => Merge::By("name"),
        ("Namespace" | "CustomResourceDefinition", ["status", "conditions"]) => Merge::By("type"),
        _ => Merge::Atomic,
    }
}

/// The type that the member at `path` of a `kind` must have, where it is an object or a list.
pub(super) fn shape(kind: &str, path: &[String]) -> Option<Shape> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(match (kind, path.as_slice()) {
        (_, ["metadata"] | ["metadata", "labels" | "annotations"])
        | ("ConfigMap", ["data" | "binaryData"])
        | ("Secret", ["data" | "stringData"])
        | ("Namespace", ["spec" | "status"])
        | ("Lease", ["spec"])
        | ("Event", ["involvedObject" | "source" | "series" | "related"])
        | ("RoleBinding" | "ClusterRoleBinding", ["roleRef"])
        | ("ClusterRole", ["aggregationRule"]) => Shape::Object,
        (_, ["metadata", "finalizers" | "ownerReferences" | "managedFields"])
        | ("ServiceAccount", ["secrets" | "imagePullSecrets"])
        | ("Role" | "ClusterRole", ["rules"])
        | ("RoleBinding" | "ClusterRoleBinding", ["subjects"]) => Shape::List,
        _ => return None,
    })
}
