//! The schema of a definition: which constructs it may have, and in what order it is judged. Rules are only looked at
//! in a schema that is otherwise sound.

use serde_json::Value;

use super::{
    completeness, defaulting, expressions,
    report::{Report, flag, list, text},
    structure,
};
use crate::schema::{
    Cause, CauseReason,
    depth::{MAX_DEPTH, within},
    node::Node,
    path::Path,
};

/// Members the root may have where the status is written apart.
const AT_ROOT: [&str; 22] = [
    "description",
    "type",
    "format",
    "title",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "required",
    "items",
    "properties",
    "externalDocs",
    "example",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Judges the schema that stands at the field `at`.
pub(super) fn check(schema: &Value, at: &str, status_apart: bool, report: &mut Report) {
    let root = Path::Root.child(at);
    if !within(schema, MAX_DEPTH) {
        return report.add(
            CauseReason::Invalid,
            root,
            format!("the schema is nested deeper than {MAX_DEPTH} levels"),
        );
    }
    let mut found = Report::default();
    at_root(schema, root, status_apart, &mut found);
    let mut compiling = Vec::new();
    let node = Node::compile(schema, root, 0, &mut compiling);
    let (unparsed, broken): (Vec<Cause>, Vec<Cause>) =
        compiling.into_iter().partition(is_about_an_expression);
    found.causes.extend(broken);
    structure::check(schema, root, &mut found);
    completeness::check(schema, root, &mut found);
    if found.is_empty() {
        defaulting::check(&node, root, &mut found);
    }
    constructs(schema, root, Inside::Root, &mut found);
    if found.is_empty() {
        found.causes.extend(unparsed);
    }
    if found.is_empty() {
        expressions::check(&node, root, &mut found);
    }
    report.append(found);
}

fn is_about_an_expression(cause: &Cause) -> bool {
    cause.reason == CauseReason::Invalid
        && cause.field.rsplit('.').next().is_some_and(|last| matches!(last, "rule" | "messageExpression"))
}

fn at_root(schema: &Value, root: Path<'_>, status_apart: bool, report: &mut Report) {
    if flag(schema, "nullable") {
        report.forbidden(root.child("nullable"), "nullable cannot be true at the root");
    }
    let others = schema.as_object().into_iter().flatten().any(|(name, value)| {
        !AT_ROOT.contains(&name.as_str()) && !matches!(value, Value::Null | Value::Bool(false))
    });
    if status_apart && others {
        report.add(
            CauseReason::Invalid,
            root,
            "only some members are allowed at the root if the status subresource is enabled",
        );
    }
}

/// Where in a resource a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Root,
    Value,
    /// In `apiVersion`, `kind` or `metadata` of a resource; of the outermost one nothing may have defaults.
    Meta {
        outermost: bool,
    },
}

fn constructs(schema: &Value, at: Path<'_>, inside: Inside, report: &mut Report) {
    forbidden(schema, at, inside, report);
    extensions(schema, at, report);
    for (index, rule) in list(schema, "x-kubernetes-validations").iter().enumerate() {
        let rules = at.child("x-kubernetes-validations");
        rule_texts(schema, rule, rules.index(index), report);
    }
    let deeper = if inside == Inside::Root { Inside::Value } else { inside };
    let resource = inside == Inside::Root || flag(schema, "x-kubernetes-embedded-resource");
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let meta = resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
        let inside = if meta { Inside::Meta { outermost: inside == Inside::Root } } else { deeper };
        constructs(property, at.child("properties").key(name), inside, report);
    }
    for name in ["items", "additionalProperties", "not"] {
        if let Some(inner) = schema.get(name).filter(|inner| inner.is_object()) {
            constructs(inner, at.child(name), deeper, report);
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for (index, inner) in list(schema, name).iter().enumerate() {
            constructs(inner, at.child(name).index(index), deeper, report);
        }
    }
}

fn forbidden(schema: &Value, at: Path<'_>, inside: Inside, report: &mut Report) {
    let kind = text(schema, "type");
    if kind == "null" {
        report.forbidden(at.child("type"), "type cannot be set to null, use nullable as an alternative");
    }
    if !kind.is_empty() && !TYPES.contains(&kind) {
        report.unsupported(at.child("type"), &kind.into(), &TYPES);
    }
    for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        let there =
            schema.get(name).is_some_and(|value| !matches!(value, Value::Null) && value.as_str() != Some(""));
        if there {
            report.forbidden(at.child(name), &format!("{name} is not supported"));
        }
    }
    if schema.get("items").is_some_and(Value::is_array) {
        report.forbidden(at.child("items"), "items must be a schema object and not an array");
    }
    if flag(schema, "uniqueItems") {
        report.forbidden(
            at.child("uniqueItems"),
            "uniqueItems cannot be true, for it takes time quadratic in the length; use a list of type set",
        );
    }
    let has_properties =
        schema.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty());
    let others = schema
        .get("additionalProperties")
        .is_some_and(|others| others.is_object() || *others == Value::Bool(false));
    if has_properties && others {
        report.forbidden(
            at.child("additionalProperties"),
            "additionalProperties and properties are mutual exclusive",
        );
    }
    if let Inside::Meta { outermost } = inside {
        if outermost && schema.get("default").is_some_and(|default| !default.is_null()) {
            report.forbidden(
                at.child("default"),
                "must not be set in apiVersion, kind and metadata of the resource",
            );
        }
        if flag(schema, "x-kubernetes-embedded-resource") {
            report.forbidden(
                at.child("x-kubernetes-embedded-resource"),
                "must not be used inside of resource meta",
            );
        }
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        report.invalid(
            at.child("x-kubernetes-preserve-unknown-fields"),
            &false.into(),
            "must be true or undefined",
        );
    }
}

fn extensions(schema: &Value, at: Path<'_>, report: &mut Report) {
    let kind = text(schema, "type");
    let mut needs = |name: &str, needed: &str| {
        let why = format!("must be {needed} if {name} is specified");
        match kind {
            same if same == needed => {}
            "" => report.required(at.child("type"), &why),
            other => report.invalid(at.child("type"), &other.into(), &why),
        }
    };
    let (map, list_type) = (text(schema, "x-kubernetes-map-type"), text(schema, "x-kubernetes-list-type"));
    if !map.is_empty() {
        needs("x-kubernetes-map-type", "object");
    }
    if !list_type.is_empty() {
        needs("x-kubernetes-list-type", "array");
    }
    if !matches!(map, "" | "atomic" | "granular") {
        report.unsupported(at.child("x-kubernetes-map-type"), &map.into(), &["atomic", "granular"]);
    }
    let keys = list(schema, "x-kubernetes-list-map-keys");
    if !keys.is_empty() && list_type != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        match list_type {
            "" => report.required(at.child("x-kubernetes-list-type"), why),
            other => report.invalid(at.child("x-kubernetes-list-type"), &other.into(), why),
        }
    }
    let none = Value::Null;
    let items = schema.get("items").unwrap_or(&none);
    if matches!(list_type, "set" | "map") && flag(items, "nullable") {
        report.forbidden(
            at.child("items").child("nullable"),
            &format!("cannot be nullable when x-kubernetes-list-type is {list_type}"),
        );
    }
    match list_type {
        "" | "atomic" => {}
        "set" => set(items, at.child("items"), report),
        "map" => keyed(schema, items, keys, at, report),
        other => {
            report.unsupported(at.child("x-kubernetes-list-type"), &other.into(), &["atomic", "set", "map"]);
        }
    }
}

fn set(items: &Value, at: Path<'_>, report: &mut Report) {
    let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let (list_type, map) = (text(items, "x-kubernetes-list-type"), text(items, "x-kubernetes-map-type"));
    match text(items, "type") {
        "array" if !matches!(list_type, "" | "atomic") => {
            report.invalid(at.child("x-kubernetes-list-type"), &list_type.into(), why);
        }
        "object" if map != "atomic" => report.invalid(at.child("x-kubernetes-map-type"), &map.into(), why),
        _ => {}
    }
}

fn keyed(schema: &Value, items: &Value, keys: &[Value], at: Path<'_>, report: &mut Report) {
    let field = at.child("x-kubernetes-list-map-keys");
    if keys.is_empty() {
        report.required(field, "must not be empty if x-kubernetes-list-type is map");
    }
    let of_items = at.child("items");
    if !items.is_object() {
        return report.required(of_items, "must have a schema if x-kubernetes-list-type is map");
    }
    if text(items, "type") != "object" {
        let why = "must be object if parent array's x-kubernetes-list-type is map";
        return report.invalid(of_items.child("type"), &text(items, "type").into(), why);
    }
    let all = schema.get("x-kubernetes-list-map-keys").cloned().unwrap_or_default();
    for (index, key) in keys.iter().enumerate() {
        let name = key.as_str().unwrap_or_default();
        if keys.iter().take(index).any(|before| before == key) {
            report.invalid(field, &all, "must not contain duplicate entries");
        }
        let Some(property) = items.get("properties").and_then(|properties| properties.get(name)) else {
            report.invalid(field, &all, "entries must all be names of item properties");
            continue;
        };
        let properties = of_items.child("properties");
        let at_key = properties.key(name);
        if matches!(text(property, "type"), "array" | "object") {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            report.invalid(at_key.child("type"), &text(property, "type").into(), why);
        }
        let required = list(items, "required").contains(key);
        if !required && property.get("default").is_none_or(Value::is_null) {
            report.required(
                at_key.child("default"),
                "it identifies the element, so it must be required or have a default",
            );
        }
        if flag(property, "nullable") {
            report.forbidden(at_key.child("nullable"), "it identifies the element, so it cannot be nullable");
        }
    }
}

fn rule_texts(schema: &Value, rule: &Value, at: Path<'_>, report: &mut Report) {
    let given = |name: &str| rule.get(name).and_then(Value::as_str);
    let (expression, message) = (text(rule, "rule").trim(), text(rule, "message"));
    let breaks = |text: &str| text.contains(['\n', '\r']);
    // A missing rule is reported when the schema is compiled.
    if !expression.is_empty() {
        if !message.is_empty() && message.trim().is_empty() {
            report.invalid(at.child("message"), &message.into(), "must be non-empty if specified");
        } else if breaks(message.trim()) {
            report.invalid(at.child("message"), &message.into(), "must not contain line breaks");
        } else if breaks(expression) && message.trim().is_empty() {
            report.required(at.child("message"), "message must be specified if rule contains line breaks");
        }
    }
    if given("messageExpression").is_some_and(|text| !text.is_empty() && text.trim().is_empty()) {
        report.required(at.child("messageExpression"), "messageExpression must be non-empty if specified");
    }
    if let Some(reason) = given("reason").filter(|reason| !REASONS.contains(reason)) {
        report.unsupported(at.child("reason"), &reason.into(), &REASONS);
    }
    if let Some(path) = given("fieldPath").filter(|path| !path.is_empty()) {
        let root = Node::compile(schema, Path::Root, 0, &mut Vec::new());
        if path.trim().is_empty() || breaks(path) || super::features::field_at(&root, path.trim()).is_err() {
            report.invalid(at.child("fieldPath"), &path.into(), "must be a valid path");
        }
    }
}
