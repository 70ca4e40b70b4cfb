//! CustomResourceDefinitions: defaults and the rules of the definition itself.

use serde_json::{Value, json};

use super::check::cause;
use crate::schema::{Cause, CauseReason};

pub(super) fn complete(object: &mut Value, old: Option<&Value>) {
    if let Some(names) = object.pointer_mut("/spec/names").and_then(Value::as_object_mut)
        && let Some(kind) = names.get("kind").and_then(Value::as_str).map(str::to_owned)
    {
        names.entry("singular").or_insert_with(|| kind.to_lowercase().into());
        names.entry("listKind").or_insert_with(|| format!("{kind}List").into());
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    }
    if old.is_none() {
        let stored: Vec<Value> = object
            .pointer("/spec/versions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|v| v.get("storage") == Some(&Value::Bool(true)))
            .filter_map(|v| v.get("name").cloned())
            .collect();
        if let Some(map) = object.as_object_mut() {
            map.insert(
                "status".into(),
                json!({"acceptedNames": {"plural": "", "kind": ""}, "conditions": null, "storedVersions": stored}),
            );
        }
    }
}

pub(super) fn check(new: &Value) -> Vec<Cause> {
    let text = |p: &str| new.pointer(p).and_then(Value::as_str).unwrap_or_default();
    let mut causes = Vec::<Cause>::new();
    let expected = format!("{}.{}", text("/spec/names/plural"), text("/spec/group"));
    let name = text("/metadata/name");
    if name != expected && !causes.iter().any(|c| c.field == "metadata.name") {
        causes.push(cause(
            CauseReason::Invalid,
            "metadata.name",
            format!("Invalid value: \"{name}\": must be spec.names.plural+\".\"+spec.group"),
        ));
    }
    causes
}
