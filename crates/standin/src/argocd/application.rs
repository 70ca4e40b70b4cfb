//! Reading an Application as it is on the wire. It stays plain JSON: fields that we do not know must survive.

use jiff::Timestamp;
use serde_json::Value;

pub const REFRESH: &str = "argocd.argoproj.io/refresh";
pub const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// Says that what may be removed only when confirmed may be removed, from this time on.
pub const APPROVED: &str = "argocd.argoproj.io/deletion-approved";
/// Makes an object a hook, and when.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// When a hook is removed.
pub const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// Options of a sync for one object.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Finalizers that begin so ask for an Application's resources to be deleted with it.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// The text at a JSON pointer, empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer, empty where there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether the member at a JSON pointer is `true`.
pub fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// What is at a JSON pointer, unless it is null.
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    value.pointer(pointer).filter(|value| !value.is_null())
}

/// An annotation of any object.
pub fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(name)?.as_str()
}

pub fn name(app: &Value) -> &str {
    text(app, "/metadata/name")
}

pub fn namespace(app: &Value) -> &str {
    text(app, "/metadata/namespace")
}

/// Whether `spec.sources` counts, which it does whenever it has an element.
pub fn has_sources(app: &Value) -> bool {
    !list(app, "/spec/sources").is_empty()
}

/// The sources that count: `spec.sources`, else `spec.source` alone.
pub fn sources(app: &Value) -> Vec<Value> {
    if has_sources(app) {
        return list(app, "/spec/sources").to_vec();
    }
    at(app, "/spec/source").cloned().into_iter().collect()
}

/// What `.operation` asks for.
pub fn operation(app: &Value) -> Option<&Value> {
    at(app, "/operation")
}

/// Where the last or the running operation stands.
pub fn operation_state(app: &Value) -> Option<&Value> {
    at(app, "/status/operationState")
}

/// Whether the phase is one that does not change any more.
pub fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed" | "Error")
}

/// A time as the real controller writes it: whole seconds.
pub fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time that somebody wrote.
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}
