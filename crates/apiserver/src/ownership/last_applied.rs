//! `kubectl apply` on the client keeps what it applied in an annotation. Who changes to `kubectl apply --server-side`
//! has no conflict with that, and the annotation is kept up while it is there.

use serde_json::{Map, Value};

use super::apply::Conflict;
use super::configuration::fields_of_object;
use super::shape::Shape;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that `kubectl apply --server-side` uses.
const KUBECTL: &str = "kubectl";
/// Annotations may not be larger than this altogether.
const MOST_BYTES: usize = 256 << 10;

fn annotation(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()
}

/// Whether kubectl's conflicts are only with what kubectl itself applied from the client before.
pub(crate) fn conflicts_to_overrule(
    manager: &str,
    live: &Value,
    conflicts: &[Conflict],
    shape: Shape<'_>,
) -> bool {
    if manager != KUBECTL {
        return false;
    }
    let Some(last) = annotation(live).and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return false;
    };
    let allowed = fields_of_object(&last, shape);
    conflicts.iter().all(|conflict| conflict.set.difference(&allowed).is_empty())
}

/// Writes the annotation anew where kubectl applies to an object that has it.
pub(crate) fn renew(manager: &str, live: &Value, configuration: &Value, object: &mut Value) {
    if manager != KUBECTL || annotation(live).is_none() {
        return;
    }
    let mut applied = configuration.clone();
    if let Some(annotations) = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    let text = format!("{applied}\n");
    let Some(metadata) = crate::meta::of(object) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    let Some(annotations) = annotations.as_object_mut() else { return };
    if text.len() < MOST_BYTES {
        annotations.insert(ANNOTATION.to_owned(), text.into());
    } else {
        annotations.remove(ANNOTATION);
    }
}
