//! The document of a group version, and the index of all of them.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    builtin::{Generator, SCHEMAS, documentation},
    operations,
};

/// A resource as a document describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// The name in paths, like `stages`.
    pub plural: String,
    /// The kind, like `Stage`.
    pub kind: String,
    /// The kind of its lists, like `StageList`.
    pub list_kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The schema of its definition; none for built-in kinds, whose schemas are known here.
    pub schema: Option<Value>,
    /// Its subresources, like `status` and `scale`.
    pub subresources: Vec<String>,
}

/// The index (`/openapi/v3`) of documents, each with its key (`api/v1`, `apis/apps/v1`) and hash.
pub fn v3_index<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let paths: Map<String, Value> = documents
        .into_iter()
        .map(|(key, hash)| {
            (key.to_owned(), json!({"serverRelativeURL": format!("/openapi/v3/{key}?hash={hash}")}))
        })
        .collect();
    json!({ "paths": paths })
}

/// The hash of a document, as the index names it.
pub fn hash(document: &Value) -> String {
    format!("{:X}", Sha256::digest(document.to_string()))
}

/// The document of one group version.
pub fn v3_document(group: &str, version: &str, resources: &[Resource]) -> Value {
    let mut generator = Generator::new();
    generator.ask_for_common();
    let named: Vec<(&Resource, String)> = resources
        .iter()
        .map(|resource| {
            let builtin =
                if resource.schema.is_none() { generator.ask_for(group, &resource.kind) } else { None };
            (resource, builtin.unwrap_or_else(|| name(group, version, &resource.kind)))
        })
        .collect();
    let mut schemas = generator.schemas();
    let mut paths = Map::new();
    for (resource, name) in named {
        let mut schema = schemas.remove(&name).unwrap_or_else(|| custom(resource.schema.as_ref()));
        mark(&mut schema, group, version, &resource.kind);
        schemas.insert(name.clone(), schema);
        let list = format!("{name}List");
        schemas.insert(list.clone(), list_of(&name, group, version, resource));
        let place = operations::Place { group, version, resource, schema: &name, list: &list };
        paths.extend(place.paths());
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The name of a custom resource's schema: its group backwards, version and kind.
fn name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').rev().collect();
    parts.extend([version, kind]);
    parts.join(".")
}

fn mark(schema: &mut Value, group: &str, version: &str, kind: &str) {
    if let Value::Object(members) = schema {
        members.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            json!([{"group": group, "version": version, "kind": kind}]),
        );
    }
}

/// What the API's own kinds say of the members that every object has.
fn words(member: &str) -> String {
    documentation::<ConfigMap>(member)
}

fn type_meta() -> Map<String, Value> {
    let text = |member: &str| (member.to_owned(), json!({"type": "string", "description": words(member)}));
    Map::from_iter([text("apiVersion"), text("kind")])
}

fn metadata(name: &str) -> Value {
    json!({
        "description": words("metadata"),
        "allOf": [{"$ref": format!("{SCHEMAS}io.k8s.apimachinery.pkg.apis.meta.v1.{name}")}],
    })
}

/// The schema of a definition with the members every object has.
fn custom(schema: Option<&Value>) -> Value {
    let anything = || {
        Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true)),
        ])
    };
    let mut members = schema.and_then(Value::as_object).cloned().unwrap_or_else(anything);
    let properties = members.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.extend(type_meta());
        properties.insert("metadata".to_owned(), metadata("ObjectMeta"));
    }
    Value::Object(members)
}

fn list_of(name: &str, group: &str, version: &str, resource: &Resource) -> Value {
    let mut properties = type_meta();
    properties.insert("metadata".to_owned(), metadata("ListMeta"));
    properties
        .insert("items".to_owned(), json!({"type": "array", "items": {"$ref": format!("{SCHEMAS}{name}")}}));
    let mut schema = json!({
        "description": format!("{} is a list of {}", resource.list_kind, resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": properties,
    });
    mark(&mut schema, group, version, &resource.list_kind);
    schema
}

#[cfg(test)]
mod tests;
