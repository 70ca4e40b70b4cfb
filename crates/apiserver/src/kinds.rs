//! The kinds every cluster has, as a table; what is special about one of them is in a file of its own.

mod check;
mod definition;
mod event;
mod namespace;
mod secret;

pub(crate) use event::newer as newer_event;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::openapi;
use crate::resource::{Nature, Resource};
use crate::schema::{self, Cause, Structural};
use crate::table::Columns;

/// A built-in kind that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Namespace,
    Secret,
    ConfigMap,
    ServiceAccount,
    Event,
    Lease,
    Definition,
    Rbac,
}

struct Row {
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    has_status: bool,
    storage: &'static str,
    nature: Option<Builtin>,
}

const CORE: Row = Row {
    group: "",
    version: "v1",
    plural: "",
    singular: "",
    kind: "",
    short: &[],
    namespaced: true,
    has_status: false,
    storage: "",
    nature: None,
};

const ROWS: &[Row] = &[
    Row {
        plural: "namespaces",
        singular: "namespace",
        kind: "Namespace",
        short: &["ns"],
        namespaced: false,
        has_status: true,
        storage: "/namespaces",
        nature: Some(Builtin::Namespace),
        ..CORE
    },
    Row {
        plural: "secrets",
        singular: "secret",
        kind: "Secret",
        storage: "/secrets",
        nature: Some(Builtin::Secret),
        ..CORE
    },
    Row {
        plural: "configmaps",
        singular: "configmap",
        kind: "ConfigMap",
        short: &["cm"],
        storage: "/configmaps",
        nature: Some(Builtin::ConfigMap),
        ..CORE
    },
    Row {
        plural: "serviceaccounts",
        singular: "serviceaccount",
        kind: "ServiceAccount",
        short: &["sa"],
        storage: "/serviceaccounts",
        nature: Some(Builtin::ServiceAccount),
        ..CORE
    },
    Row {
        plural: "events",
        singular: "event",
        kind: "Event",
        short: &["ev"],
        storage: "/events",
        nature: Some(Builtin::Event),
        ..CORE
    },
    Row {
        group: "events.k8s.io",
        plural: "events",
        singular: "event",
        kind: "Event",
        short: &["ev"],
        storage: "/events",
        nature: Some(Builtin::Event),
        ..CORE
    },
    Row {
        group: "coordination.k8s.io",
        plural: "leases",
        singular: "lease",
        kind: "Lease",
        storage: "coordination.k8s.io/leases",
        nature: Some(Builtin::Lease),
        ..CORE
    },
    Row {
        group: "apiextensions.k8s.io",
        plural: "customresourcedefinitions",
        singular: "customresourcedefinition",
        kind: "CustomResourceDefinition",
        short: &["crd", "crds"],
        namespaced: false,
        has_status: true,
        storage: DEFINITIONS,
        nature: Some(Builtin::Definition),
        ..CORE
    },
    rbac("roles", "role", "Role", true, "rbac.authorization.k8s.io/roles"),
    rbac("rolebindings", "rolebinding", "RoleBinding", true, "rbac.authorization.k8s.io/rolebindings"),
    rbac("clusterroles", "clusterrole", "ClusterRole", false, "rbac.authorization.k8s.io/clusterroles"),
    rbac(
        "clusterrolebindings",
        "clusterrolebinding",
        "ClusterRoleBinding",
        false,
        "rbac.authorization.k8s.io/clusterrolebindings",
    ),
    review(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
    ),
    review("authorization.k8s.io", "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview"),
    review(
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
    ),
    review("authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview"),
    review("authentication.k8s.io", "tokenreviews", "tokenreview", "TokenReview"),
    Row {
        namespaced: true,
        ..review(
            "authorization.k8s.io",
            "localsubjectaccessreviews",
            "localsubjectaccessreview",
            "LocalSubjectAccessReview",
        )
    },
];

/// Where definitions are stored.
pub(crate) const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";
/// Where namespaces are stored.
pub(crate) const NAMESPACES: &str = "/namespaces";

const fn rbac(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
    storage: &'static str,
) -> Row {
    Row {
        group: "rbac.authorization.k8s.io",
        plural,
        singular,
        kind,
        namespaced,
        storage,
        nature: Some(Builtin::Rbac),
        ..CORE
    }
}

const fn review(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
) -> Row {
    Row { group, plural, singular, kind, namespaced: false, ..CORE }
}

/// All built-in resources.
pub(crate) fn all() -> Vec<Arc<Resource>> {
    static ALL: LazyLock<Vec<Arc<Resource>>> =
        LazyLock::new(|| ROWS.iter().map(|row| Arc::new(row.resource())).collect());
    ALL.clone()
}

impl Row {
    fn types(&self) -> Option<Structural> {
        let schema = openapi::builtin_schema(self.group, self.kind)?;
        Structural::compile(&schema, false)
            .inspect_err(|causes| tracing::error!(kind = self.kind, ?causes, "schema does not compile"))
            .ok()
    }

    fn resource(&self) -> Resource {
        let categories = if self.nature == Some(Builtin::Definition) {
            vec!["api-extensions".to_owned()]
        } else {
            Vec::new()
        };
        Resource {
            group: self.group.into(),
            version: self.version.into(),
            plural: self.plural.into(),
            singular: self.singular.into(),
            kind: self.kind.into(),
            list_kind: format!("{}List", self.kind),
            short_names: self.short.iter().map(|&s| s.to_owned()).collect(),
            categories,
            namespaced: self.namespaced,
            has_status: self.has_status,
            storage: self.storage.into(),
            columns: Columns::for_builtin(self.kind),
            // Definitions have rules of their own.
            types: self.nature.filter(|n| *n != Builtin::Definition).and_then(|_| self.types()),
            nature: self.nature.map_or(Nature::Review, Nature::Builtin),
        }
    }
}

/// A role without rules says so.
fn rules(object: &mut Value) {
    let role = object.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("Role"));
    let Some(map) = object.as_object_mut().filter(|_| role) else { return };
    if map.get("rules").is_none_or(|r| r.as_array().is_some_and(Vec::is_empty)) {
        map.insert("rules".into(), Value::Null);
    }
}

fn has_microseconds(text: &str) -> bool {
    let digits = text.split_once('.').map(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits == Some(6) && text.parse::<jiff::Timestamp>().is_ok()
}

impl Builtin {
    /// Fills in what the server sets, and moves what is only a way of writing.
    pub(crate) fn complete(self, object: &mut Value, old: Option<&Value>) {
        match self {
            Self::Namespace => namespace::complete(object, old),
            Self::Secret => secret::complete(object),
            Self::Definition => definition::complete(object, old),
            Self::Event => event::complete(object),
            _ => {}
        }
    }

    /// Writes as the real server stores it what was said in another way, once it is known who said what.
    pub(crate) fn settle(self, object: &mut Value) {
        if self == Self::Rbac {
            rules(object);
        }
    }

    /// The first time in a field that takes microseconds and is not written with them.
    pub(crate) fn odd_time(self, object: &Value) -> Option<&'static str> {
        let fields: &[&str] = match self {
            Self::Event => &["/eventTime", "/series/lastObservedTime"],
            Self::Lease => &["/spec/acquireTime", "/spec/renewTime"],
            _ => &[],
        };
        fields.iter().copied().find(|field| {
            object.pointer(field).and_then(Value::as_str).is_some_and(|text| !has_microseconds(text))
        })
    }

    /// What an object has before anybody says anything: members that the real server's types always write.
    pub(crate) fn blank(self) -> Value {
        match self {
            Self::Namespace => json!({"spec": {}, "status": {}}),
            Self::Lease => json!({"spec": {}}),
            Self::Definition => json!({"spec": {"names": {}}, "status": {"acceptedNames": {}}}),
            Self::Event => event::blank(),
            Self::Rbac => json!({"rules": null}),
            Self::Secret | Self::ConfigMap | Self::ServiceAccount => json!({}),
        }
    }

    /// What is wrong with the content, apart from metadata; `group` is that of the call.
    pub(crate) fn check(self, new: &Value, old: Option<&Value>, group: &str) -> Vec<Cause> {
        match self {
            Self::Secret => secret::check(new, old),
            Self::ConfigMap => check::config_map(new, old),
            Self::Definition => definition::check(new, old),
            Self::Event => event::check(new, old, group),
            Self::Lease => check::lease(new),
            Self::Rbac => crate::roles::check(new, old),
            _ => Vec::new(),
        }
    }

    /// Takes out top-level fields the kind does not have; gives their names.
    pub(crate) fn prune(self, object: &mut Value) -> Vec<String> {
        let known: &[&str] = match self {
            Self::Namespace | Self::Definition => &["spec", "status"],
            Self::Lease => &["spec"],
            Self::Secret => &["data", "stringData", "type", "immutable"],
            Self::ConfigMap => &["data", "binaryData", "immutable"],
            Self::ServiceAccount => &["secrets", "imagePullSecrets", "automountServiceAccountToken"],
            Self::Rbac => &["rules", "aggregationRule", "subjects", "roleRef"],
            Self::Event => event::FIELDS,
        };
        if self == Self::Definition {
            return schema::prune_crd(object);
        }
        let Some(map) = object.as_object_mut() else { return Vec::new() };
        let always = ["apiVersion", "kind", "metadata"];
        let unknown: Vec<String> = map
            .keys()
            .filter(|k| !always.contains(&k.as_str()) && !known.contains(&k.as_str()))
            .cloned()
            .collect();
        for field in &unknown {
            map.remove(field);
        }
        unknown
    }

    /// Values a field selector may ask for beside name and namespace.
    pub(crate) fn field(self, object: &Value, path: &str) -> Option<String> {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        match (self, path) {
            (Self::Event, path) => event::field(object, path),
            (Self::Namespace, "status.phase") => Some(text("/status/phase")),
            (Self::Secret, "type") => Some(text("/type")),
            _ => None,
        }
    }
}
