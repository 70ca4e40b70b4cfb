//! What of a definition is unknown. The schema in it is of a kind that contains itself, so it is walked by hand.

use std::{collections::BTreeSet, sync::OnceLock};

use serde_json::Value;

use crate::{
    openapi::builtin_schema,
    schema::{
        Structural,
        depth::{MAX_DEPTH, within},
    },
};

struct Known {
    definition: Structural,
    /// The members of a schema.
    schema: BTreeSet<String>,
}

/// Drops what no definition has and returns the paths of what was dropped.
pub fn prune_crd(crd: &mut Value) -> Vec<String> {
    static KNOWN: OnceLock<Option<Known>> = OnceLock::new();
    let Some(known) = KNOWN.get_or_init(known) else { return Vec::new() };
    if !within(crd, MAX_DEPTH) {
        return Vec::new();
    }
    let mut dropped = known.definition.prune(crd);
    let versions = crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for (index, version) in versions.into_iter().flatten().enumerate() {
        if let Some(root) = version.pointer_mut("/schema/openAPIV3Schema") {
            schema(
                root,
                &format!("spec.versions[{index}].schema.openAPIV3Schema"),
                &known.schema,
                &mut dropped,
            );
        }
    }
    dropped
}

fn known() -> Option<Known> {
    let mut schema = builtin_schema("apiextensions.k8s.io", "CustomResourceDefinition")?;
    let root = schema.pointer_mut(
        "/properties/spec/properties/versions/items/properties/schema/properties/openAPIV3Schema",
    )?;
    let members = root.get("properties")?.as_object()?.keys().cloned().collect();
    *root = serde_json::json!({"x-kubernetes-preserve-unknown-fields": true});
    Some(Known { definition: Structural::compile(&schema, false).ok()?, schema: members })
}

fn schema(value: &mut Value, at: &str, known: &BTreeSet<String>, dropped: &mut Vec<String>) {
    let Value::Object(members) = value else { return };
    members.retain(|name, _| {
        let keep = known.contains(name);
        if !keep {
            dropped.push(format!("{at}.{name}"));
        }
        keep
    });
    for (name, member) in members {
        match (name.as_str(), member) {
            ("properties" | "patternProperties" | "definitions", Value::Object(inner)) => {
                for (property, inner) in inner {
                    schema(inner, &format!("{at}.{name}.{property}"), known, dropped);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                for (index, inner) in branches.iter_mut().enumerate() {
                    schema(inner, &format!("{at}.{name}[{index}]"), known, dropped);
                }
            }
            ("items" | "additionalProperties" | "not", inner) => {
                schema(inner, &format!("{at}.{name}"), known, dropped);
            }
            _ => {}
        }
    }
}
