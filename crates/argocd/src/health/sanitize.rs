//! The part of an Application's status that goes into a Stage's health: the fields that promotions know of, without the
//! times that change at every comparison. Were they in, every look of Argo CD would be a write of ours.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::application::{Source, at, list, text};
use crate::update::retry;
use crate::{AppRef, Application};

/// What is told of an Application that nothing is known of.
pub(super) fn unknown() -> Map<String, Value> {
    let unknown = json!({"status": "Unknown"});
    Map::from_iter([("health".to_owned(), unknown.clone()), ("sync".to_owned(), unknown)])
}

/// The status with the Application's name.
pub(super) fn named(app: &AppRef, mut status: Map<String, Value>) -> Value {
    status.insert("Namespace".to_owned(), app.namespace.clone().into());
    status.insert("Name".to_owned(), app.name.clone().into());
    Value::Object(status)
}

/// The status.
pub(super) fn status(app: Application<'_>) -> Map<String, Value> {
    let none = Value::Null;
    let status = app.raw().get("status").unwrap_or(&none);
    let mut fields = Map::new();
    fields.insert("health".to_owned(), texts(status.get("health"), &[], &["status", "message"]));
    let mut sync = texts(status.get("sync"), &["status"], &["revision"]);
    copy_list(status.get("sync"), "revisions", &mut sync);
    fields.insert("sync".to_owned(), sync);
    let conditions: Vec<_> =
        list(status.get("conditions")).iter().map(|c| texts(Some(c), &["type", "message"], &[])).collect();
    if !conditions.is_empty() {
        fields.insert("conditions".to_owned(), conditions.into());
    }
    if let Some(state) = status.get("operationState").filter(|state| state.is_object()) {
        fields.insert("operationState".to_owned(), operation_state(state));
    }
    fields
}

fn operation_state(state: &Value) -> Value {
    let mut fields = texts(Some(state), &["phase"], &["message"]);
    fields["operation"] = operation(state.get("operation"));
    if let Some(finished) = at(state, &["finishedAt"]).and_then(Value::as_str) {
        let time: Option<Timestamp> = finished.parse().ok();
        fields["finishedAt"] = time
            .map_or_else(|| finished.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .into();
    }
    if let Some(result) = state.get("syncResult").filter(|result| result.is_object()) {
        let mut outcome = texts(Some(result), &["revision"], &[]);
        copy_list(Some(result), "revisions", &mut outcome);
        outcome["source"] = Source::new(result.get("source").unwrap_or(&Value::Null)).modelled();
        let sources: Vec<_> = list(result.get("sources")).iter().map(|s| Source::new(s).modelled()).collect();
        if !sources.is_empty() {
            outcome["sources"] = sources.into();
        }
        fields["syncResult"] = outcome;
    }
    fields
}

fn operation(operation: Option<&Value>) -> Value {
    let none = Value::Null;
    let operation = operation.unwrap_or(&none);
    let mut initiated_by = texts(operation.get("initiatedBy"), &[], &["username"]);
    if at(operation, &["initiatedBy", "automated"]) == Some(&Value::Bool(true)) {
        initiated_by["automated"] = true.into();
    }
    let mut fields = json!({"initiatedBy": initiated_by, "retry": retry(operation.get("retry"))});
    let info: Vec<_> =
        list(operation.get("info")).iter().map(|i| texts(Some(i), &["name", "value"], &[])).collect();
    if !info.is_empty() {
        fields["info"] = info.into();
    }
    if let Some(sync) = operation.get("sync").filter(|sync| sync.is_object()) {
        let mut what = json!({});
        copy_list(Some(sync), "syncOptions", &mut what);
        copy_list(Some(sync), "revisions", &mut what);
        fields["sync"] = what;
    }
    fields
}

/// Texts that are always told, and those that are told when there are any.
fn texts(of: Option<&Value>, always: &[&str], if_any: &[&str]) -> Value {
    let none = Value::Null;
    let of = of.unwrap_or(&none);
    let mut fields = Map::new();
    for (keys, always) in [(always, true), (if_any, false)] {
        for key in keys {
            let value = text(of, &[key]);
            if always || !value.is_empty() {
                fields.insert((*key).to_owned(), value.into());
            }
        }
    }
    Value::Object(fields)
}

fn copy_list(from: Option<&Value>, key: &str, to: &mut Value) {
    let values = list(from.and_then(|from| from.get(key)));
    if !values.is_empty() {
        to[key] = values.to_vec().into();
    }
}
