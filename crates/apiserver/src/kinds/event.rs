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
        for field in ["reportingController", "reportingInstance"] {
            if map.get(field).is_some_and(|text| text == "") {
                map.remove(field);
            }
        }
    }
    object
}

/// What is wrong with an Event that came in the form of `group`.
pub(super) fn check(new: &Value, old: Option<&Value>, group: &str) -> Vec<Cause> {
    let text = |p: &str| new.pointer(p).and_then(Value::as_str).unwrap_or_default();
    let newer = group == "events.k8s.io";
    let mut causes = Vec::new();
    let (place, about) = (text("/metadata/namespace"), text("/involvedObject/namespace"));
    if about != place && !(about.is_empty() && place == "default") {
        causes.push(invalid("involvedObject.namespace", about, "does not match event.namespace"));
    }
    if text("/eventTime").is_empty() {
        if newer {
            causes.push(required("eventTime"));
        }
    } else {
        causes.extend(check_details(new, if newer { "reportingController" } else { "reportingComponent" }));
    }
    if !newer {
        return causes;
    }
    let kind = text("/type");
    if kind != "Normal" && kind != "Warning" {
        causes.push(invalid("type", kind, "has invalid value: must be Normal or Warning"));
    }
    if let Some(old) = old {
        let changed = FIXED.iter().filter(|field| new.get(**field) != old.get(**field));
        causes.extend(changed.map(|field| invalid(field, "", "field is immutable")));
        return causes;
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let set = |value: &Value| !matches!(value, Value::Null) && value != &json!(0) && value != &json!({});
        if new.get(field).is_some_and(set) {
            causes.push(invalid(field, "", "needs to be unset"));
        }
    }
    causes
}

/// Fields that only their making sets, in the newer form.
const FIXED: &[&str] = &[
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
];

/// An Event with a time of its own says who reports what.
fn check_details(new: &Value, controller: &str) -> Vec<Cause> {
    let text = |field: &str| new.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut causes = Vec::new();
    let reporter = text("reportingComponent");
    if reporter.is_empty() {
        causes.push(required(controller));
    }
    causes.extend(crate::names::key(reporter).iter().map(|fault| invalid(controller, reporter, fault)));
    for field in ["reportingInstance", "action", "reason"] {
        let value = text(field);
        if value.is_empty() {
            causes.push(required(field));
        } else if value.len() > 128 {
            causes.push(invalid(field, "", "can have at most 128 characters"));
        }
    }
    if text("message").len() > 1024 {
        causes.push(invalid("message", "", "can have at most 1024 characters"));
    }
    causes
}

fn required(field: &str) -> Cause {
    cause(CauseReason::Required, field, "Required value".to_owned())
}

fn invalid(field: &str, value: &str, why: &str) -> Cause {
    cause(CauseReason::Invalid, field, format!("Invalid value: \"{value}\": {why}"))
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
            let rest = path.strip_prefix("involvedObject.").or_else(|| path.strip_prefix("regarding."))?;
            let known = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
            if !known.contains(&rest) {
                return None;
            }
            text(&format!("/involvedObject/{rest}"))
        }
    };
    Some(value)
}
