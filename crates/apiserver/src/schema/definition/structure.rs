//! Whether a schema is structural: every value has a type, and what only constrains values defines nothing.

use serde_json::Value;

use super::report::{Report, flag, list, text};
use crate::schema::path::Path;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What a schema under `allOf`, `anyOf`, `oneOf` or `not` may not have.
const NOT_NESTED: [&str; 14] = [
    "type",
    "additionalProperties",
    "default",
    "title",
    "description",
    "nullable",
    "externalDocs",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];

pub(super) fn check(schema: &Value, at: Path<'_>, report: &mut Report) {
    structural(schema, Level::Root, at, report);
}

fn structural(schema: &Value, level: Level, at: Path<'_>, report: &mut Report) {
    let kind = text(schema, "type");
    let embedded = flag(schema, "x-kubernetes-embedded-resource");
    let keeps = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let int_or_string = flag(schema, "x-kubernetes-int-or-string");
    types(schema, kind, level, at, report);
    if int_or_string && keeps {
        report.invalid(
            at.child("x-kubernetes-preserve-unknown-fields"),
            &true.into(),
            "must be false if x-kubernetes-int-or-string is true",
        );
    }
    if int_or_string && embedded {
        report.invalid(
            at.child("x-kubernetes-embedded-resource"),
            &true.into(),
            "must be false if x-kubernetes-int-or-string is true",
        );
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    if embedded && !keeps && properties.is_none_or(serde_json::Map::is_empty) {
        let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        report.required(at.child("properties"), why);
    }
    for (name, property) in properties.into_iter().flatten() {
        let inside = at.child("properties");
        structural(property, Level::Field, inside.key(name), report);
        if level == Level::Root || embedded {
            meta(name, property, level, inside.key(name), report);
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        structural(items, Level::Item, at.child("items"), report);
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| !others.is_null()) {
        let field = at.child("additionalProperties");
        if level == Level::Root {
            report.forbidden(field, "must not be used at the root");
        } else if embedded {
            report.forbidden(field, "must not be used if x-kubernetes-embedded-resource is set");
        }
        if others.is_object() {
            structural(others, Level::Field, field, report);
        }
    }
    alternatives(schema, level, at, report);
}

fn types(schema: &Value, kind: &str, level: Level, at: Path<'_>, report: &mut Report) {
    let field = at.child("type");
    let typeless =
        flag(schema, "x-kubernetes-int-or-string") || flag(schema, "x-kubernetes-preserve-unknown-fields");
    if kind == "array" && !schema.get("items").is_some_and(|items| items.is_object() || items.is_array()) {
        report.required(at.child("items"), "must be specified");
    }
    if flag(schema, "x-kubernetes-embedded-resource") && kind != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        if kind.is_empty() { report.required(field, why) } else { report.invalid(field, &kind.into(), why) }
    } else if kind.is_empty() && !typeless {
        report.required(
            field,
            match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            },
        );
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        report.invalid(field, &kind.into(), "must be object at the root");
    }
}

/// Schemas of `apiVersion`, `kind` and `metadata`: the latter may only say something of the names.
fn meta(name: &str, property: &Value, level: Level, at: Path<'_>, report: &mut Report) {
    let kind = text(property, "type");
    match name {
        "apiVersion" | "kind" if kind != "string" => {
            report.invalid(at.child("type"), &kind.into(), "must be string");
        }
        "metadata" => {
            if kind != "object" {
                report.invalid(at.child("type"), &kind.into(), "must be object");
            }
            let names_only =
                property.as_object().into_iter().flatten().all(|(member, value)| match member.as_str() {
                    "type" | "default" => true,
                    "properties" => value.as_object().is_some_and(|all| {
                        all.keys().all(|name| matches!(name.as_str(), "name" | "generateName"))
                    }),
                    _ => value.is_null(),
                });
            if level == Level::Root && !names_only {
                report.forbidden(at, "must not specify anything other than name and generateName, but metadata is implicitly specified");
            }
        }
        _ => {}
    }
}

/// `anyOf: [{type: integer}, {type: string}]`, which may stand beside `x-kubernetes-int-or-string`.
fn is_int_or_string(branches: &[Value]) -> bool {
    matches!(branches, [int, string] if *int == serde_json::json!({"type": "integer"}) && *string == serde_json::json!({"type": "string"}))
}

fn alternatives(schema: &Value, level: Level, at: Path<'_>, report: &mut Report) {
    for name in ["allOf", "anyOf", "oneOf"] {
        let branches = list(schema, name);
        if name == "anyOf" && is_int_or_string(branches) {
            continue;
        }
        for (index, branch) in branches.iter().enumerate() {
            nested(branch, level, at.child(name).index(index), report);
        }
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        nested(not, level, at.child("not"), report);
    }
}

fn nested(schema: &Value, level: Level, at: Path<'_>, report: &mut Report) {
    for name in NOT_NESTED {
        let set = schema.get(name).is_some_and(|value| match value {
            Value::Null | Value::Bool(false) => name == "additionalProperties" && !value.is_null(),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        });
        if set {
            report.forbidden(at.child(name), "must be empty to be structural");
        }
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let inside = at.child("properties");
        if name == "metadata" {
            report.forbidden(inside.key(name), "must not be specified in a nested context");
        }
        nested(property, Level::Field, inside.key(name), report);
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        nested(items, level, at.child("items"), report);
    }
    alternatives(schema, level, at, report);
}
