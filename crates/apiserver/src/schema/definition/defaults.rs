//! What a definition defaults to. Members that are empty and mean the same as absent ones go, as they do when the real
//! server has read a definition.

use serde_json::{Value, json};

/// Empty texts, lists and maps of a schema that are not kept.
const EMPTY: [&str; 19] = [
    "$ref",
    "$schema",
    "allOf",
    "anyOf",
    "definitions",
    "dependencies",
    "description",
    "enum",
    "format",
    "id",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
];
/// Flags of a schema that are only kept when they are set.
const FLAGS: [&str; 6] = [
    "exclusiveMaximum",
    "exclusiveMinimum",
    "nullable",
    "uniqueItems",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
];
const MAX_LEVELS: usize = 200;

/// Fills in what the real server defaults on a definition.
pub fn default_crd(crd: &mut Value) {
    let Some(Value::Object(spec)) = crd.get_mut("spec") else { return };
    if let Some(Value::Object(names)) = spec.get_mut("names") {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut fill = |name: &str, value: String| {
            let empty = names.get(name).is_none_or(|value| value.is_null() || value.as_str() == Some(""));
            if empty && !kind.is_empty() {
                names.insert(name.to_owned(), value.into());
            }
        };
        fill("singular", kind.to_lowercase());
        fill("listKind", format!("{kind}List"));
        drop_empty(names, &["shortNames", "categories"], &[]);
    }
    if spec.get("conversion").is_none_or(Value::is_null) {
        spec.insert("conversion".to_owned(), json!({"strategy": "None"}));
    }
    if let Some(Value::Object(service)) = spec
        .get_mut("conversion")
        .and_then(|conversion| conversion.pointer_mut("/webhook/clientConfig/service"))
    {
        service.entry("port").or_insert_with(|| 443.into());
    }
    drop_empty(spec, &[], &["preserveUnknownFields"]);
    if let Some(Value::Array(versions)) = spec.get_mut("versions") {
        versions.iter_mut().for_each(version);
    }
}

fn version(version: &mut Value) {
    let Value::Object(members) = version else { return };
    drop_empty(members, &["additionalPrinterColumns", "selectableFields"], &["deprecated"]);
    if let Some(Value::Array(columns)) = members.get_mut("additionalPrinterColumns") {
        for column in columns {
            let Value::Object(column) = column else { continue };
            drop_empty(column, &["format", "description"], &[]);
            if column.get("priority").and_then(Value::as_i64) == Some(0) {
                column.remove("priority");
            }
        }
    }
    if let Some(root) = members.get_mut("schema").and_then(|schema| schema.get_mut("openAPIV3Schema")) {
        schema(root, MAX_LEVELS);
    }
}

fn schema(schema_: &mut Value, levels: usize) {
    let (Value::Object(members), Some(levels)) = (schema_, levels.checked_sub(1)) else { return };
    drop_empty(members, &EMPTY, &FLAGS);
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(|inner| schema(inner, levels));
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                for inner in branches {
                    schema(inner, levels);
                }
            }
            ("items" | "additionalProperties" | "not", inner) => schema(inner, levels),
            ("x-kubernetes-validations", Value::Array(rules)) => {
                for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
                    drop_empty(rule, &["message", "messageExpression", "fieldPath"], &[]);
                }
            }
            _ => {}
        }
    }
}

fn drop_empty(members: &mut serde_json::Map<String, Value>, empty: &[&str], flags: &[&str]) {
    members.retain(|name, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() || !empty.contains(&name.as_str()),
        Value::Array(items) => !items.is_empty() || !empty.contains(&name.as_str()),
        Value::Object(map) => !map.is_empty() || !empty.contains(&name.as_str()),
        Value::Bool(false) => !flags.contains(&name.as_str()),
        _ => true,
    });
}
