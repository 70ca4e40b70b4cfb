//! Events: what they are about, what selectors may ask, and the older and newer form of one object.

use serde_json::{Value, json};

use super::check::cause;
use crate::schema::{Cause, CauseReason};

/// Fields of both forms.
pub(super) const FIELDS: &[&str] = &[
    "involvedObject",
    "regarding",
    "reason",
    "message",
    "note",
    "source",
    "deprecatedSource",
    "firstTimestamp",
    "deprecatedFirstTimestamp",
    "lastTimestamp",
    "deprecatedLastTimestamp",
    "count",
    "deprecatedCount",
    "type",
    "eventTime",
    "series",
    "action",
    "related",
    "reportingComponent",
    "reportingController",
    "reportingInstance",
];

/// Names of one field in the core form and in the form of `events.k8s.io`.
const FORMS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// What both forms always write.
pub(super) fn blank() -> Value {
    json!({
        "involvedObject": {}, "source": {}, "eventTime": null, "firstTimestamp": null, "lastTimestamp": null,
        "reportingComponent": "", "reportingInstance": "",
    })
}

/// The core form is stored.
pub(super) fn complete(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if map.get("apiVersion") == Some(&json!("events.k8s.io/v1")) {
        for (core, newer) in FORMS {
            if let Some(value) = map.remove(*newer) {
                map.insert((*core).into(), value);
            }
        }
        map.insert("apiVersion".into(), "v1".into());
    }
    for (field, empty) in [
        ("eventTime", Value::Null),
        ("reportingComponent", "".into()),
        ("reportingInstance", "".into()),
        ("source", json!({})),
        ("involvedObject", json!({})),
        ("firstTimestamp", Value::Null),
        ("lastTimestamp", Value::Null),
    ] {
        map.entry(field).or_insert(empty);
    }
}

/// The stored object in the form of `events.k8s.io`.
pub(crate) fn newer(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        for (core, newer) in FORMS {
            if let Some(value) = map.remove(*core) {
                map.insert((*newer).into(), value);
            }
        }
        map.insert("apiVersion".into(), "events.k8s.io/v1".into());
    }
    object
}

pub(super) fn check(new: &Value) -> Vec<Cause> {
    let text = |p: &str| new.pointer(p).and_then(Value::as_str).unwrap_or_default();
    let (place, about) = (text("/metadata/namespace"), text("/involvedObject/namespace"));
    let fits = about == place || (about.is_empty() && place == "default");
    if fits {
        return Vec::new();
    }
    vec![cause(
        CauseReason::Invalid,
        "involvedObject.namespace",
        format!("Invalid value: \"{about}\": does not match event.namespace"),
    )]
}

pub(super) fn field(object: &Value, path: &str) -> Option<String> {
    let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
    let value = match path {
        "reason" | "type" => text(&format!("/{path}")),
        "reportingComponent" => text("/reportingComponent"),
        "source" => {
            let source = text("/source/component");
            if source.is_empty() { text("/reportingComponent") } else { source }
        }
        _ => {
            let rest = path.strip_prefix("involvedObject.")?;
            let known = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
            if !known.contains(&rest) {
                return None;
            }
            text(&format!("/involvedObject/{rest}"))
        }
    };
    Some(value)
}
