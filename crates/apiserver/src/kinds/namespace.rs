//! Namespaces: a label with the name, a phase, and the finalizer that holds them until they are empty.

use serde_json::{Value, json};

pub(super) fn complete(object: &mut Value, old: Option<&Value>) {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() {
        return;
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if labels.is_null() {
            *labels = json!({});
        }
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".into(), name.into());
        }
    }
    let Some(map) = object.as_object_mut() else { return };
    match old {
        None => {
            let mut finalizers =
                map.get("spec").and_then(|s| s.get("finalizers")).cloned().unwrap_or_else(|| json!([]));
            if let Some(list) = finalizers.as_array_mut()
                && !list.contains(&json!("kubernetes"))
            {
                list.push(json!("kubernetes"));
            }
            map.insert("spec".into(), json!({"finalizers": finalizers}));
            map.insert("status".into(), json!({"phase": "Active"}));
        }
        // Finalizers of the spec change through the `finalize` path only.
        Some(old) => {
            if let Some(spec) = old.get("spec") {
                map.insert("spec".into(), spec.clone());
            }
        }
    }
}
