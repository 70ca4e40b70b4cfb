//! Whether a definition holds, alone and as the successor of another.

use serde_json::Value;

use super::{
    features, names,
    report::{Report, flag, list, text},
    schemas,
};
use crate::schema::{Cause, node::Node, path::Path};

/// Everything that is wrong with a definition (after [`super::default_crd`]).
pub fn validate_crd(crd: &Value) -> Vec<Cause> {
    let mut report = Report::default();
    let none = Value::Null;
    let spec = crd.get("spec").unwrap_or(&none);
    let plural = spec.pointer("/names/plural").and_then(Value::as_str).unwrap_or_default();
    let name = crd.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if name != format!("{plural}.{}", text(spec, "group")) {
        report.invalid("metadata.name", &name.into(), "must be spec.names.plural+\".\"+spec.group");
    }
    check(crd, &mut report);
    report.causes
}

/// Everything that is wrong with a definition that takes the place of `old`.
pub fn validate_crd_update(new: &Value, old: &Value) -> Vec<Cause> {
    let mut report = Report::default();
    check(new, &mut report);
    let established = old.pointer("/status/conditions").and_then(Value::as_array).is_some_and(|all| {
        all.iter().any(|one| text(one, "type") == "Established" && text(one, "status") == "True")
    });
    let fixed = if established {
        &["scope", "names/kind", "group", "names/plural"][..]
    } else {
        &["group", "names/plural"]
    };
    for pointer in fixed {
        let at = |crd: &Value| crd.pointer(&format!("/spec/{pointer}")).cloned().unwrap_or_default();
        if at(new) != at(old) {
            report.invalid(format!("spec.{}", pointer.replace('/', ".")), &at(new), "field is immutable");
        }
    }
    let stored = new.pointer("/status/storedVersions").or_else(|| old.pointer("/status/storedVersions"));
    let versions = new.pointer("/spec/versions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, name) in stored.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if !versions.iter().any(|version| version.get("name") == Some(name)) {
            let why = "missing from spec.versions, where it must stay while objects may be stored in it";
            report.invalid(format!("status.storedVersions[{index}]"), name, why);
        }
    }
    report.causes
}

fn check(crd: &Value, report: &mut Report) {
    let none = Value::Null;
    let spec = crd.get("spec").unwrap_or(&none);
    names::group(crd, spec, report);
    names::scope(spec, report);
    names::names(spec, report);
    names::versions(spec, report);
    if flag(spec, "preserveUnknownFields") {
        let why = "cannot be true, use x-kubernetes-preserve-unknown-fields in the schemas instead";
        report.invalid("spec.preserveUnknownFields", &true.into(), why);
    }
    features::conversion(spec, report);
    let versions = list(spec, "versions");
    let any_status = versions.iter().any(|version| version.pointer("/subresources/status").is_some());
    each(versions, "schema", "validation", |version, schema, at| {
        let status = version.map_or(any_status, |version| version.pointer("/subresources/status").is_some());
        if let Some(schema) = schema.get("openAPIV3Schema").filter(|schema| schema.is_object()) {
            schemas::check(schema, &format!("{at}.openAPIV3Schema"), status, report);
        }
    });
    each(versions, "subresources", "subresources", |_, value, at| features::subresources(value, at, report));
    each(versions, "additionalPrinterColumns", "additionalPrinterColumns", |_, value, at| {
        features::columns(value.as_array().map_or(&[], Vec::as_slice), at, report);
    });
    each(versions, "selectableFields", "selectableFields", |version, value, at| {
        let schema =
            version.or(versions.first()).and_then(|version| version.pointer("/schema/openAPIV3Schema"));
        let root = schema.map(|schema| Node::compile(schema, Path::Root, 0, &mut Vec::new()));
        features::selectable(value.as_array().map_or(&[], Vec::as_slice), root.as_ref(), at, report);
    });
}

/// Visits what versions say under `name`. What all say alike is one thing, and its place is `spec.SHARED`.
fn each(versions: &[Value], name: &str, shared: &str, mut visit: impl FnMut(Option<&Value>, &Value, &str)) {
    let common = versions.first().and_then(|version| version.get(name)).filter(|value| !value.is_null());
    if let Some(value) =
        common.filter(|value| versions.iter().all(|version| version.get(name) == Some(*value)))
    {
        return visit(None, value, &format!("spec.{shared}"));
    }
    for (index, version) in versions.iter().enumerate() {
        if let Some(value) = version.get(name).filter(|value| !value.is_null()) {
            visit(Some(version), value, &format!("spec.versions[{index}].{name}"));
        }
    }
}
