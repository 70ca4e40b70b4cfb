//! The roles and bindings that every server has: made at the start where they are missing, and brought up to date
//! unless somebody has taken the annotation that says so away.

use std::sync::Arc;

use ferry_store::{Key, Object, WriteError};
use serde_json::{Value, json};

use super::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, GROUP, Rule};
use crate::ownership::{Book, Managed, Scope, Shape, create};
use crate::resource::Resource;
use crate::{Server, meta};

const UPDATES: &str = "rbac.authorization.kubernetes.io/autoupdate";
const DISCOVERY: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];
const PUBLIC: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

/// Makes what is missing.
pub(crate) async fn install(server: &Server) {
    for (name, labels, content) in roles() {
        ensure(server, CLUSTER_ROLES, "ClusterRole", name, &labels, content).await;
    }
    for (name, role, groups) in bindings() {
        let subjects: Vec<Value> =
            groups.iter().map(|g| json!({"kind": "Group", "apiGroup": GROUP, "name": g})).collect();
        let reference = json!({"apiGroup": GROUP, "kind": "ClusterRole", "name": role});
        let content = json!({"roleRef": reference, "subjects": subjects});
        ensure(server, CLUSTER_ROLE_BINDINGS, "ClusterRoleBinding", name, &json!({}), content).await;
    }
}

fn bindings() -> [(&'static str, &'static str, &'static [&'static str]); 4] {
    [
        ("cluster-admin", "cluster-admin", &["system:masters"]),
        ("system:discovery", "system:discovery", &["system:authenticated"]),
        ("system:basic-user", "system:basic-user", &["system:authenticated"]),
        (
            "system:public-info-viewer",
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
    ]
}

fn roles() -> Vec<(&'static str, Value, Value)> {
    let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    let paths = |paths: &[&str], verbs: &[&str]| json!({"nonResourceURLs": paths, "verbs": verbs});
    let aggregated = |to: &str| {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
        json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}, "rules": null})
    };
    let part_of = |whole: &str| {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{whole}");
        json!({label: "true"})
    };
    let seen = &["configmaps", "events", "serviceaccounts", "namespaces"];
    let edited = &["configmaps", "events", "secrets", "serviceaccounts"];
    vec![
        ("cluster-admin", json!({}), json!({"rules": [rule(&["*"], &["*"], &["*"]), paths(&["*"], &["*"])]})),
        ("system:discovery", json!({}), json!({"rules": [paths(DISCOVERY, &["get"])]})),
        (
            "system:basic-user",
            json!({}),
            json!({"rules": [
                rule(&["authorization.k8s.io"], &["selfsubjectaccessreviews", "selfsubjectrulesreviews"], &["create"]),
                rule(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
            ]}),
        ),
        ("system:public-info-viewer", json!({}), json!({"rules": [paths(PUBLIC, &["get"])]})),
        ("admin", json!({}), aggregated("admin")),
        ("edit", part_of("admin"), aggregated("edit")),
        ("view", part_of("edit"), aggregated("view")),
        (
            "system:aggregate-to-admin",
            part_of("admin"),
            json!({"rules": [
                rule(&["authorization.k8s.io"], &["localsubjectaccessreviews"], &["create"]),
                rule(&[GROUP], &["rolebindings", "roles"], &[READ, WRITE].concat()),
            ]}),
        ),
        (
            "system:aggregate-to-edit",
            part_of("edit"),
            json!({"rules": [
                rule(&[""], &["secrets"], READ),
                rule(&[""], &["serviceaccounts"], &["impersonate"]),
                rule(&[""], edited, WRITE),
                rule(&[""], &["serviceaccounts/token"], &["create"]),
                rule(&["events.k8s.io"], &["events"], WRITE),
                rule(&["coordination.k8s.io"], &["leases"], &[READ, WRITE].concat()),
            ]}),
        ),
        (
            "system:aggregate-to-view",
            part_of("view"),
            json!({"rules": [rule(&[""], seen, READ), rule(&["events.k8s.io"], &["events"], READ)]}),
        ),
    ]
}

async fn ensure(server: &Server, storage: &str, kind: &str, name: &str, labels: &Value, content: Value) {
    let Some(resource) = server.catalog().at(storage).cloned() else { return };
    let key = Key::new(storage, "", name);
    let mut wanted = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {
        "name": name, "annotations": {UPDATES: "true"}, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
    }});
    let parts = [("/metadata/labels", labels.clone()), ("", content)];
    for (place, members) in parts {
        if let (Some(Value::Object(map)), Value::Object(members)) = (wanted.pointer_mut(place), members) {
            map.extend(members);
        }
    }
    let done = match server.store().get(&key) {
        None => {
            meta::begin(&mut wanted, &resource, None);
            let entries = books(&resource, &wanted).written();
            meta::set_managed_fields(&mut wanted, entries);
            server.store().create(key, wanted, Vec::new()).await.map(|_| ())
        }
        Some(now) => bring_up_to_date(server, &now, &wanted).await,
    };
    if let Err(error) = done {
        tracing::warn!(%error, kind, name, "cannot install");
    }
}

fn books(resource: &Resource, object: &Value) -> Managed {
    let book = Book {
        shape: Shape::of(resource),
        api_version: resource.api_version(),
        manager: "kube-apiserver".to_owned(),
        subresource: String::new(),
        now: meta::now(),
        scope: Scope::Without(&[]),
        is_served: &|_| true,
    };
    create(&book, Managed::default(), &json!({"rules": null}), object)
}

/// Adds rules that a newer release has, to a role that is kept up to date. What was added by others stays.
async fn bring_up_to_date(server: &Server, now: &Arc<Object>, wanted: &Value) -> Result<(), WriteError> {
    let value = now.value();
    let kept = value.pointer("/metadata/annotations").and_then(|a| a.get(UPDATES));
    if kept.is_none_or(|text| text != "true") {
        return Ok(());
    }
    let has = Rule::all(&value);
    let missing: Vec<Value> = wanted
        .get("rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|rule| !Rule::read(rule).parts().iter().all(|part| has.iter().any(|own| own.covers(part))))
        .cloned()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut object = Value::clone(&now.value());
    if let Some(Value::Array(rules)) = object.get_mut("rules") {
        rules.extend(missing);
    }
    server.store().replace(now.key.clone(), now.version, object, Vec::new()).await.map(|_| ())
}
