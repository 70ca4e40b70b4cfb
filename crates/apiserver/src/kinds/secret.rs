//! Secrets: `stringData` becomes `data`, the type has a default and asks for keys, values are base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::check::{cause, data_keys, exceeds, immutable, too_long};
use crate::schema::{Cause, CauseReason};

/// Types that need certain keys.
const NEEDS: &[(&str, &[&str])] = &[
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

pub(super) fn complete(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(plain)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if data.is_null() {
            *data = Value::Object(Map::new());
        }
        if let Some(data) = data.as_object_mut() {
            for (key, value) in plain {
                let text = value.as_str().unwrap_or_default();
                data.insert(key, STANDARD.encode(text).into());
            }
        }
    }
    if map.get("type").is_none_or(|t| t.is_null() || t == "") {
        map.insert("type".into(), "Opaque".into());
    }
}

pub(super) fn check(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let data = new.get("data").and_then(Value::as_object);
    let mut causes = data_keys(data, "data");
    let mut bytes = 0;
    for (key, value) in data.into_iter().flatten() {
        match value.as_str().map(|t| STANDARD.decode(t)) {
            Some(Ok(decoded)) => bytes += decoded.len(),
            None if value.is_null() => {}
            _ => causes.push(cause(
                CauseReason::Invalid,
                format!("data[{key}]"),
                "Invalid value: must be base64",
            )),
        }
    }
    if exceeds(bytes) {
        causes.push(too_long("data"));
    }
    let kind = new.get("type").and_then(Value::as_str).unwrap_or_default();
    for (_, keys) in NEEDS.iter().filter(|(name, _)| *name == kind) {
        for key in keys.iter().filter(|k| !data.is_some_and(|d| d.contains_key(**k))) {
            causes.push(cause(CauseReason::Required, format!("data[{key}]"), "Required value"));
        }
    }
    if let Some(before) = old.and_then(|o| o.get("type")).and_then(Value::as_str)
        && before != kind
    {
        causes.push(cause(
            CauseReason::Invalid,
            "type",
            format!("Invalid value: \"{kind}\": field is immutable"),
        ));
    }
    causes.extend(immutable(new, old, &["data"]));
    causes
}
