//! Rules of `metadata`: what the server sets, what a client may not change, what must be well-formed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kinds::Builtin;
use crate::names;
use crate::resource::Resource;
use crate::schema::{Cause, CauseReason};

/// Finalizers without a domain that Kubernetes itself uses.
const STANDARD: &[&str] = &["foregroundDeletion", "kubernetes", "orphan"];

/// Fields of an owner reference.
const REFERENCE: &[&str] = &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];

/// Fields only the server writes.
const SYSTEM: &[&str] =
    &["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];

/// Who owns which field. Written by the book-keeping alone.
pub(crate) const MANAGED_FIELDS: &str = "managedFields";

/// Present time as Kubernetes writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The metadata as a map; made if it is not there.
pub(crate) fn of(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let map = object.as_object_mut()?;
    let metadata = map.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    metadata.as_object_mut()
}

pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|m| m.get(field)).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.get("metadata").and_then(|m| m.get("finalizers")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `managedFields`, if there are any.
pub(crate) fn managed_fields(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get(MANAGED_FIELDS)
}

/// Writes `managedFields`; none are left out.
pub(crate) fn set_managed_fields(object: &mut Value, entries: Vec<Value>) {
    let Some(metadata) = of(object) else { return };
    if entries.is_empty() {
        metadata.remove(MANAGED_FIELDS);
    } else {
        metadata.insert(MANAGED_FIELDS.into(), Value::Array(entries));
    }
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// Types of the fields, as the decoder of a real server checks them; unknown fields are dropped and named.
pub(crate) fn shape(object: &mut Value) -> Result<Vec<String>, String> {
    const STRINGS: &[&str] = &[
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
    ];
    let Some(metadata) = object.get_mut("metadata") else { return Ok(Vec::new()) };
    if metadata.is_null() {
        *metadata = json!({});
    }
    let Some(metadata) = metadata.as_object_mut() else {
        return Err("json: cannot unmarshal metadata: it must be an object".into());
    };
    metadata.retain(|_, v| !v.is_null());
    let mut unknown = Vec::new();
    for (field, value) in metadata.iter() {
        let fits = match field.as_str() {
            "creationTimestamp" | "deletionTimestamp" => {
                value.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok())
            }
            f if STRINGS.contains(&f) => value.is_string(),
            "generation" | "deletionGracePeriodSeconds" => value.is_i64() || value.is_u64(),
            "labels" | "annotations" => {
                value.as_object().is_some_and(|m| m.values().all(|v| v.is_string() || v.is_null()))
            }
            "finalizers" => value.as_array().is_some_and(|l| l.iter().all(Value::is_string)),
            "ownerReferences" | "managedFields" => {
                value.as_array().is_some_and(|l| l.iter().all(Value::is_object))
            }
            _ => {
                unknown.push(format!("metadata.{field}"));
                true
            }
        };
        if !fits {
            return Err(format!("json: cannot unmarshal field metadata.{field}: it has the wrong type"));
        }
    }
    for field in &unknown {
        metadata.remove(field.trim_start_matches("metadata."));
    }
    if let Some(list) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        for (i, reference) in list.iter_mut().filter_map(Value::as_object_mut).enumerate() {
            reference.retain(|field, _| {
                let known = REFERENCE.contains(&field.as_str());
                if !known {
                    unknown.push(format!("metadata.ownerReferences[{i}].{field}"));
                }
                known
            });
        }
    }
    for field in ["labels", "annotations"] {
        for value in metadata.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
            if value.1.is_null() {
                *value.1 = "".into();
            }
        }
    }
    Ok(unknown)
}

/// Sets what the server decides about a new object.
pub(crate) fn begin(object: &mut Value, resource: &Resource, namespace: Option<&str>) {
    let counts = resource.counts_generations();
    let Some(metadata) = of(object) else { return };
    for field in SYSTEM.iter().chain(&["selfLink", MANAGED_FIELDS, "resourceVersion"]) {
        metadata.remove(*field);
    }
    if let Some(namespace) = namespace {
        metadata.insert("namespace".into(), namespace.into());
    } else {
        metadata.remove("namespace");
    }
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), now().into());
    if counts {
        metadata.insert("generation".into(), 1.into());
    }
    tidy(metadata);
}

/// Takes over from the stored object what a client may not change.
pub(crate) fn carry(object: &mut Value, old: &Value) {
    let Some(metadata) = of(object) else { return };
    for field in
        SYSTEM.iter().chain(&["name", "namespace", "resourceVersion", MANAGED_FIELDS, "generateName"])
    {
        match old.get("metadata").and_then(|m| m.get(*field)) {
            Some(value) => metadata.insert((*field).into(), value.clone()),
            None => metadata.remove(*field),
        };
    }
    metadata.remove("selfLink");
    tidy(metadata);
}

/// Takes out owner references that stand twice; gives their uids.
pub(crate) fn deduplicate_owners(object: &mut Value) -> Vec<String> {
    let list = object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut);
    let (mut seen, mut twice): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    let Some(list) = list else { return twice };
    list.retain(|reference| {
        let known = seen.contains(reference);
        if known {
            twice.extend(reference.get("uid").and_then(Value::as_str).map(str::to_owned));
        } else {
            seen.push(reference.clone());
        }
        !known
    });
    twice
}

/// Empty collections are not written.
fn tidy(metadata: &mut Map<String, Value>) {
    for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields", "generateName"] {
        let empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            metadata.remove(field);
        }
    }
}

fn cause(reason: CauseReason, field: &str, message: impl Into<String>) -> Cause {
    Cause { reason, field: field.into(), message: message.into() }
}

fn invalid(field: &str, value: &str, why: &str) -> Cause {
    cause(CauseReason::Invalid, field, format!("Invalid value: \"{value}\": {why}"))
}

/// What is wrong with the metadata.
pub(crate) fn check(object: &Value, resource: &Resource, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let empty = Value::Null;
    let metadata = object.get("metadata").unwrap_or(&empty);
    if old.is_none() {
        causes.extend(name(object, resource));
    }
    if let Some(labels) = metadata.get("labels").and_then(Value::as_object) {
        for (key, value) in labels {
            causes.extend(names::key(key).iter().map(|f| invalid("metadata.labels", key, f)));
            let value = value.as_str().unwrap_or_default();
            causes.extend(names::value(value).iter().map(|f| invalid("metadata.labels", value, f)));
        }
    }
    if let Some(annotations) = metadata.get("annotations").and_then(Value::as_object) {
        let mut bytes = 0;
        for (key, value) in annotations {
            bytes += key.len() + value.as_str().unwrap_or_default().len();
            let faults = names::key(&key.to_lowercase());
            causes.extend(faults.iter().map(|f| invalid("metadata.annotations", key, f)));
        }
        if bytes > 256 * 1024 {
            causes.push(cause(
                CauseReason::TooLong,
                "metadata.annotations",
                "Too long: may not be more than 262144 bytes",
            ));
        }
    }
    causes.extend(check_finalizers(object, resource, old));
    causes.extend(owners(metadata));
    causes
}

/// What is allowed, but better done otherwise.
pub(crate) fn warnings(object: &Value, resource: &Resource, old: Option<&Value>) -> Vec<String> {
    if resource.custom().is_none() {
        return Vec::new();
    }
    let before = old.map(finalizers).unwrap_or_default();
    finalizers(object)
        .into_iter()
        .filter(|f| !f.contains('/') && !STANDARD.contains(f) && !before.contains(f))
        .map(|f| {
            format!(
                "metadata.finalizers: \"{f}\": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"
            )
        })
        .collect()
}

fn name(object: &Value, resource: &Resource) -> Vec<Cause> {
    let (name, base) = (text(object, "name"), text(object, "generateName"));
    let rule = match resource.builtin() {
        Some(Builtin::Namespace) => names::label,
        Some(Builtin::Rbac) => names::path_segment,
        _ => names::subdomain,
    };
    let mut causes = Vec::new();
    if !base.is_empty() {
        // A base may end in a dash, as something follows.
        let base_shown = base.strip_suffix('-').map_or_else(|| base.to_owned(), |b| format!("{b}a"));
        causes.extend(rule(&base_shown).iter().map(|f| invalid("metadata.generateName", base, f)));
    }
    if name.is_empty() {
        causes.push(cause(
            CauseReason::Required,
            "metadata.name",
            "Required value: name or generateName is required",
        ));
    } else {
        causes.extend(rule(name).iter().map(|f| invalid("metadata.name", name, f)));
    }
    causes
}

fn check_finalizers(object: &Value, resource: &Resource, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let all = finalizers(object);
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        let shown = serde_json::json!(all).to_string();
        causes.push(cause(
            CauseReason::Invalid,
            "metadata.finalizers",
            format!("Invalid value: {shown}: finalizer orphan and foregroundDeletion cannot be both set"),
        ));
    }
    for (i, finalizer) in all.iter().enumerate().filter(|_| resource.builtin().is_some()) {
        if !finalizer.contains('/') && !STANDARD.contains(finalizer) {
            causes.push(invalid(
                &format!("metadata.finalizers[{i}]"),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    for finalizer in finalizers(object) {
        causes.extend(names::key(finalizer).iter().map(|f| invalid("metadata.finalizers", finalizer, f)));
    }
    let Some(old) = old.filter(|o| is_terminating(o)) else { return causes };
    let before = finalizers(old);
    let added: Vec<&str> = finalizers(object).into_iter().filter(|f| !before.contains(f)).collect();
    if !added.is_empty() {
        causes.push(cause(
            CauseReason::Forbidden,
            "metadata.finalizers",
            format!(
                "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
            ),
        ));
    }
    causes
}

fn owners(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let references = metadata.get("ownerReferences").and_then(Value::as_array);
    let mut controllers: BTreeMap<&str, usize> = BTreeMap::new();
    for reference in references.into_iter().flatten() {
        let field = |f: &str| reference.get(f).and_then(Value::as_str).unwrap_or_default();
        let place = "metadata.ownerReferences";
        if field("apiVersion") == "v1" && field("kind") == "Event" {
            causes.push(cause(
                CauseReason::Invalid,
                place,
                "Invalid value: /v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if field("apiVersion").is_empty() || field("apiVersion").matches('/').count() > 1 {
            causes.push(invalid(&format!("{place}.apiVersion"), "", "version must not be empty"));
        }
        for (name, what) in [("kind", "kind"), ("name", "name"), ("uid", "uid")] {
            if field(name).is_empty() {
                causes.push(invalid(&format!("{place}.{name}"), "", &format!("{what} must not be empty")));
            }
        }
        if reference.get("controller") == Some(&Value::Bool(true)) {
            *controllers.entry("controller").or_default() += 1;
        }
    }
    if controllers.values().any(|n| *n > 1) {
        causes.push(invalid(
            "metadata.ownerReferences",
            "",
            "Only one reference can have Controller set to true",
        ));
    }
    causes
}
