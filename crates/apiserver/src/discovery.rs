//! Discovery: which groups, versions and resources there are, plain and aggregated.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::accept::{Encoding, Form, Shape};
use crate::catalog::Catalog;
use crate::handler::page_not_found;
use crate::kinds::Builtin;
use crate::path::Place;
use crate::resource::{Nature, Resource, api_version};
use crate::{Server, Status, respond, verbs};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(crate) fn answer(server: &Server, place: &Place, headers: &HeaderMap) -> Result<Response, Status> {
    let form = Form::choose(headers)?;
    let catalog = server.catalog();
    let value = match place {
        Place::Root { core } if form.shape == Shape::Discovery && form.encoding == Encoding::Json => {
            return aggregated(&catalog, *core);
        }
        Place::Root { core: true } => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address(headers)}],
        }),
        Place::Root { core: false } => json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": catalog.groups().map(|name| group(&catalog, name)).collect::<Vec<_>>(),
        }),
        Place::Group(name) if !catalog.versions(name).is_empty() && !name.is_empty() => {
            let mut value = group(&catalog, name);
            if let Some(map) = value.as_object_mut() {
                map.insert("kind".into(), "APIGroup".into());
                map.insert("apiVersion".into(), "v1".into());
            }
            value
        }
        Place::Version(group, version) if catalog.versions(group).contains(&version.as_str()) => {
            resources(&catalog, group, version)
        }
        _ => return Ok(page_not_found()),
    };
    respond::encoded(StatusCode::OK, &value, form.encoding)
}

fn server_address(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("localhost")
}

fn group(catalog: &Catalog, name: &str) -> Value {
    let versions: Vec<Value> = catalog
        .versions(name)
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "preferredVersion": versions.first(), "versions": versions})
}

fn resources(catalog: &Catalog, group: &str, version: &str) -> Value {
    let mut list = Vec::new();
    for resource in catalog.resources(group, version) {
        let mut entry = Map::new();
        entry.insert("name".into(), resource.plural.as_str().into());
        entry.insert("singularName".into(), resource.singular.as_str().into());
        entry.insert("namespaced".into(), resource.namespaced.into());
        entry.insert("kind".into(), resource.kind.as_str().into());
        entry.insert("verbs".into(), json!(resource.verbs()));
        names(&mut entry, resource);
        if !matches!(resource.nature, Nature::Review) {
            entry.insert("storageVersionHash".into(), storage_version_hash(resource).into());
        }
        list.push(Value::Object(entry));
        for (name, verbs) in subresources(resource) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "",
                "namespaced": resource.namespaced, "kind": resource.kind, "verbs": verbs,
            });
            if let Some((group, version, kind)) = of_another_kind(name)
                && let Some(entry) = entry.as_object_mut()
            {
                entry.insert("group".into(), group.into());
                entry.insert("version".into(), version.into());
                entry.insert("kind".into(), kind.into());
            }
            list.push(entry);
        }
    }
    let mut value =
        json!({"kind": "APIResourceList", "groupVersion": api_version(group, version), "resources": list});
    if !group.is_empty()
        && let Some(map) = value.as_object_mut()
    {
        map.insert("apiVersion".into(), "v1".into());
    }
    value
}

/// Tells clients when the stored form changes.
fn storage_version_hash(resource: &Resource) -> String {
    use base64::Engine;
    use sha2::Digest;
    let stored = match &resource.nature {
        Nature::Custom(custom) => custom.stored_as.clone(),
        // Both forms of an Event are stored as the core form.
        _ if resource.is(Builtin::Event) => "/v1".to_owned(),
        // The real server announces the form in which it first stored them.
        _ if resource.is(Builtin::Definition) => "apiextensions.k8s.io/v1beta1".to_owned(),
        _ => format!("{}/{}", resource.group, resource.version),
    };
    let digest = sha2::Sha256::digest(format!("{stored}/{}", resource.kind));
    base64::engine::general_purpose::STANDARD.encode(digest.get(..8).unwrap_or_default())
}

fn names(entry: &mut Map<String, Value>, resource: &Resource) {
    for (field, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            entry.insert(field.into(), json!(list));
        }
    }
}

fn subresources(resource: &Resource) -> Vec<(&'static str, &'static [&'static str])> {
    let mut list: Vec<(&'static str, &'static [&'static str])> = Vec::new();
    if resource.is(Builtin::Namespace) {
        list.push(("finalize", &["update"]));
    }
    if resource.is(Builtin::ServiceAccount) {
        list.push(("token", &["create"]));
    }
    if resource.has_status {
        list.push(("status", &["get", "patch", "update"]));
    }
    if resource.has_scale() {
        list.push((verbs::SCALE, &["get", "patch", "update"]));
    }
    list
}

/// What a subresource answers with, where that is not the resource's own kind.
fn of_another_kind(subresource: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match subresource {
        "token" => Some(("authentication.k8s.io", "v1", "TokenRequest")),
        verbs::SCALE => Some(("autoscaling", "v1", "Scale")),
        _ => None,
    }
}

fn aggregated(catalog: &Catalog, core: bool) -> Result<Response, Status> {
    let groups: Vec<&str> = if core { vec![""] } else { catalog.groups().collect() };
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> = catalog
                .versions(group)
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = catalog.resources(group, version).map(|r| entry(r)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let value = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let body = value.to_string();
    let mut response = respond::bytes(StatusCode::OK, body.clone().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    let tag = HeaderValue::from_str(&format!("\"{}\"", digest(body.as_bytes())))
        .map_err(|error| Status::internal(error.to_string()))?;
    headers.insert(header::ETAG, tag);
    Ok(response)
}

fn entry(resource: &Resource) -> Value {
    let kind = match resource.nature {
        Nature::Custom(_) => {
            json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
        }
        _ => json!({"group": "", "version": "", "kind": resource.kind}),
    };
    let mut entry = Map::new();
    entry.insert("resource".into(), resource.plural.as_str().into());
    entry.insert("responseKind".into(), kind.clone());
    entry.insert("scope".into(), if resource.namespaced { "Namespaced" } else { "Cluster" }.into());
    entry.insert("singularResource".into(), resource.singular.as_str().into());
    entry.insert("verbs".into(), json!(resource.verbs()));
    names(&mut entry, resource);
    let subs: Vec<Value> = subresources(resource)
        .iter()
        .map(|(name, verbs)| {
            let kind = match of_another_kind(name) {
                Some((group, version, kind)) => json!({"group": group, "version": version, "kind": kind}),
                None => kind.clone(),
            };
            json!({"subresource": name, "responseKind": kind, "verbs": verbs})
        })
        .collect();
    if !subs.is_empty() {
        entry.insert("subresources".into(), subs.into());
    }
    Value::Object(entry)
}

/// A short digest, upper case.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}
