//! The OpenAPI v2 document, for clients that still ask for it: the same schemas, without what version 2 cannot say.

use serde_json::{Map, Value, json};

use super::{Resource, builtin::SCHEMAS, document::v3_document};

/// One document of all group versions: group, version, resources.
pub fn v2_document<'a>(groups: impl IntoIterator<Item = (&'a str, &'a str, &'a [Resource])>) -> Value {
    let mut definitions = Map::new();
    let mut paths = Map::new();
    for (group, version, resources) in groups {
        let mut document = v3_document(group, version, resources);
        if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas").map(Value::take) {
            definitions.extend(schemas.into_iter().map(|(name, schema)| (name, lowered(schema))));
        }
        if let Some(Value::Object(all)) = document.get_mut("paths").map(Value::take) {
            paths.extend(all.into_iter().map(|(path, operations)| (path, brief(operations))));
        }
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "definitions": definitions,
        "parameters": {},
        "securityDefinitions": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"}},
        "security": [{"BearerToken": []}],
    })
}

fn lowered(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    let only = members
        .get("allOf")
        .and_then(Value::as_array)
        .filter(|all| all.len() == 1)
        .and_then(|all| all.first());
    if let Some(reference) = only.and_then(|only| only.get("$ref")).cloned() {
        members.insert("$ref".to_owned(), reference);
    }
    if members.get("nullable") == Some(&Value::Bool(true)) {
        // A type would exclude null, and so would those of what is inside.
        members.retain(|name, _| {
            !matches!(name.as_str(), "type" | "items" | "properties" | "additionalProperties")
        });
    }
    members.retain(|name, _| {
        !matches!(name.as_str(), "allOf" | "anyOf" | "oneOf" | "not" | "default" | "nullable")
    });
    let lowered = members.into_iter().map(|(name, member)| {
        let member = match (name.as_str(), member) {
            ("$ref", Value::String(text)) => text.replace(SCHEMAS, "#/definitions/").into(),
            ("properties", Value::Object(all)) => {
                all.into_iter().map(|(name, inner)| (name, lowered(inner))).collect::<Map<_, _>>().into()
            }
            ("items" | "additionalProperties", inner) => lowered(inner),
            (_, member) => member,
        };
        (name, member)
    });
    Value::Object(lowered.collect())
}

/// Operations with what tells them apart.
fn brief(mut operations: Value) -> Value {
    for operation in operations.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Value::Object(members) = operation {
            members.retain(|name, _| name.starts_with("x-kubernetes-") || name == "tags");
            members.insert("responses".to_owned(), json!({"200": {"description": "OK"}}));
        }
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_lose_what_version_2_cannot_say() {
        let slots = json!({
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "unit": {"type": "string", "default": "box"}}},
        });
        let hint = json!({"type": "string", "nullable": true});
        let resource = Resource {
            plural: "crates".to_owned(),
            kind: "Crate".to_owned(),
            list_kind: "CrateList".to_owned(),
            namespaced: true,
            schema: Some(
                json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"slots": slots, "hint": hint}}}}),
            ),
            subresources: Vec::new(),
        };
        let document = v2_document([("stock.test", "v1", &[resource][..])]);
        let definition = &document["definitions"]["test.stock.v1.Crate"];
        let unit = &definition["properties"]["spec"]["properties"]["slots"]["items"]["properties"]["unit"];
        assert_eq!(*unit, json!({"type": "string"}));
        assert_eq!(definition["properties"]["spec"]["properties"]["hint"], json!({}));
        assert_eq!(
            definition["properties"]["metadata"]["$ref"],
            "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        );
        assert_eq!(definition["x-kubernetes-group-version-kind"][0]["kind"], "Crate");
        assert!(!document.to_string().contains("#/components/"));
        assert!(document["paths"].get("/apis/stock.test/v1/namespaces/{namespace}/crates/{name}").is_some());
    }
}
