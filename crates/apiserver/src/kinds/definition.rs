//! CustomResourceDefinitions: defaults and the rules of the definition itself.

use serde_json::{Value, json};

use crate::schema::{Cause, default_crd, validate_crd, validate_crd_update};

pub(super) fn complete(object: &mut Value, old: Option<&Value>) {
    default_crd(object);
    let versions = object.pointer("/spec/versions").and_then(Value::as_array);
    let storage = versions.into_iter().flatten().filter(|v| v.get("storage") == Some(&Value::Bool(true)));
    let storage: Vec<Value> = storage.filter_map(|v| v.get("name").cloned()).collect();
    if old.is_some() {
        // What was ever a storage version stays listed until somebody takes it out.
        if let Some(stored) = object.pointer_mut("/status/storedVersions").and_then(Value::as_array_mut) {
            stored.extend(storage.into_iter().filter(|s| !stored.contains(s)).collect::<Vec<_>>());
        }
        return;
    }
    if let Some(map) = object.as_object_mut() {
        let names = json!({"plural": "", "kind": ""});
        map.insert(
            "status".into(),
            json!({"acceptedNames": names, "conditions": null, "storedVersions": storage}),
        );
    }
}

pub(super) fn check(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    old.map_or_else(|| validate_crd(new), |old| validate_crd_update(new, old))
}
