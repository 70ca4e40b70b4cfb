//! What clients look for in the documents.

use super::*;
use crate::{openapi::builtin_schema, schema::Structural};

fn stages() -> Resource {
    Resource {
        plural: "stages".to_owned(),
        kind: "Stage".to_owned(),
        list_kind: "StageList".to_owned(),
        namespaced: true,
        schema: Some(
            json!({"type": "object", "description": "a stage", "properties": {"spec": {"type": "object"}}}),
        ),
        subresources: vec!["status".to_owned()],
    }
}

fn every_reference(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|inner| every_reference(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| every_reference(inner, found)),
        _ => {}
    }
}

fn builtins() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("", "configmaps", "ConfigMap"),
        ("", "namespaces", "Namespace"),
        ("", "secrets", "Secret"),
        ("", "serviceaccounts", "ServiceAccount"),
        ("", "events", "Event"),
        ("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition"),
        ("coordination.k8s.io", "leases", "Lease"),
        ("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    ]
}

#[test]
fn a_custom_resource_is_described() {
    let document = v3_document("kargo.akuity.io", "v1alpha1", &[stages()]);
    let schema = &document["components"]["schemas"]["io.akuity.kargo.v1alpha1.Stage"];
    assert_eq!(
        schema["x-kubernetes-group-version-kind"],
        json!([{"group": "kargo.akuity.io", "version": "v1alpha1", "kind": "Stage"}])
    );
    assert_eq!(schema["description"], "a stage");
    assert_eq!(schema["properties"]["spec"], json!({"type": "object"}));
    assert_eq!(
        schema["properties"]["metadata"]["allOf"][0]["$ref"],
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );

    let one = &document["paths"]["/apis/kargo.akuity.io/v1alpha1/namespaces/{namespace}/stages/{name}"];
    assert_eq!(
        one["patch"]["x-kubernetes-group-version-kind"],
        json!({"group": "kargo.akuity.io", "version": "v1alpha1", "kind": "Stage"})
    );
    assert!(
        one["patch"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .any(|parameter| parameter["name"] == "fieldValidation")
    );
    assert!(one["patch"]["requestBody"]["content"].get("application/strategic-merge-patch+json").is_none());
    assert!(document["paths"].get("/apis/kargo.akuity.io/v1alpha1/stages").is_some());
    assert!(
        document["paths"]
            .get("/apis/kargo.akuity.io/v1alpha1/namespaces/{namespace}/stages/{name}/status")
            .is_some()
    );
}

#[test]
fn no_reference_leads_nowhere() {
    for (group, plural, kind) in builtins() {
        let resource = Resource {
            plural: plural.to_owned(),
            kind: kind.to_owned(),
            list_kind: format!("{kind}List"),
            ..Resource::default()
        };
        let document =
            v3_document(group, "v1", &[resource, Resource { schema: Some(json!({})), ..stages() }]);
        let mut references = Vec::new();
        every_reference(&document, &mut references);
        assert!(references.len() > 10, "{kind}");
        for reference in references {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{kind}: {reference}");
        }
    }
}

#[test]
fn built_in_kinds_tell_how_their_lists_merge() {
    let resource = Resource {
        plural: "serviceaccounts".to_owned(),
        kind: "ServiceAccount".to_owned(),
        namespaced: true,
        ..Resource::default()
    };
    let document = v3_document("", "v1", &[resource]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["io.k8s.api.core.v1.ServiceAccount"]["properties"]["secrets"]["x-kubernetes-patch-merge-key"],
        "name"
    );
    let patch = &document["paths"]["/api/v1/namespaces/{namespace}/serviceaccounts/{name}"]["patch"];
    assert!(patch["requestBody"]["content"].get("application/strategic-merge-patch+json").is_some());
}

#[test]
fn built_in_kinds_have_schemas_that_compile() {
    for (group, _, kind) in builtins() {
        let schema = Structural::compile(&builtin_schema(group, kind).unwrap(), false).unwrap();
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"}, "nonsense": 1});
        assert_eq!(schema.prune(&mut object), ["nonsense"], "{kind}");
    }
    assert_eq!(builtin_schema("", "Pod"), None);
}

#[test]
fn the_index_names_documents_by_their_hash() {
    let document = v3_document("kargo.akuity.io", "v1alpha1", &[stages()]);
    let hash = hash(&document);
    let index = v3_index([("apis/kargo.akuity.io/v1alpha1", hash.as_str())]);
    assert_eq!(
        index["paths"]["apis/kargo.akuity.io/v1alpha1"]["serverRelativeURL"],
        format!("/openapi/v3/apis/kargo.akuity.io/v1alpha1?hash={hash}")
    );
    assert_eq!(hash.len(), 64);
}
