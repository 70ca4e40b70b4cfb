//! Checks of the small kinds, and what several kinds share.

use serde_json::{Map, Value};

use crate::schema::{Cause, CauseReason};

/// A finding.
pub(super) fn cause(reason: CauseReason, field: impl Into<String>, message: impl Into<String>) -> Cause {
    Cause { reason, field: field.into(), message: message.into() }
}

const MAX_BYTES: usize = 1 << 20;

/// Keys of `data`: a file name.
pub(super) fn data_keys(data: Option<&Map<String, Value>>, field: &str) -> Vec<Cause> {
    let good = |key: &str| {
        !key.is_empty()
            && key.len() <= 253
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && key != "."
            && key != ".."
            && !key.starts_with("..")
    };
    data.into_iter()
        .flat_map(Map::keys)
        .filter(|k| !good(k))
        .map(|k| {
            cause(
                CauseReason::Invalid,
                format!("{field}[{k}]"),
                format!(
                    "Invalid value: \"{k}\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                ),
            )
        })
        .collect()
}

pub(super) fn too_long(field: &str) -> Cause {
    cause(CauseReason::TooLong, field, format!("Too long: may not be more than {MAX_BYTES} bytes"))
}

pub(super) fn exceeds(bytes: usize) -> bool {
    bytes > MAX_BYTES
}

/// An immutable object keeps its data and stays immutable.
pub(super) fn immutable(new: &Value, old: Option<&Value>, fields: &[&str]) -> Vec<Cause> {
    let Some(old) = old.filter(|o| o.get("immutable") == Some(&Value::Bool(true))) else {
        return Vec::new();
    };
    let forbidden = |field: &str| {
        cause(CauseReason::Forbidden, field, "Forbidden: field is immutable when `immutable` is set")
    };
    let mut causes = Vec::new();
    if new.get("immutable") != Some(&Value::Bool(true)) {
        causes.push(forbidden("immutable"));
    }
    causes.extend(fields.iter().filter(|f| new.get(**f) != old.get(**f)).map(|f| forbidden(f)));
    causes
}

pub(super) fn config_map(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let map = |field: &str| new.get(field).and_then(Value::as_object);
    let (data, binary) = (map("data"), map("binaryData"));
    let mut causes = data_keys(data, "data");
    causes.extend(data_keys(binary, "binaryData"));
    for key in data.into_iter().flat_map(Map::keys) {
        if binary.is_some_and(|b| b.contains_key(key)) {
            causes.push(cause(
                CauseReason::Invalid,
                format!("data[{key}]"),
                format!("Invalid value: \"{key}\": duplicate of key present in binaryData"),
            ));
        }
    }
    let text = |m: Option<&Map<String, Value>>| -> usize {
        m.into_iter().flat_map(Map::values).filter_map(Value::as_str).map(str::len).sum()
    };
    if exceeds(text(data) + text(binary) / 4 * 3) {
        causes.push(too_long("[]"));
    }
    causes.extend(immutable(new, old, &["data", "binaryData"]));
    causes
}

pub(super) fn lease(new: &Value) -> Vec<Cause> {
    ["leaseDurationSeconds", "leaseTransitions"]
        .iter()
        .filter_map(|field| {
            let number = new.get("spec")?.get(field)?.as_i64()?;
            let least = i64::from(*field == "leaseDurationSeconds");
            (number < least).then(|| {
                let text =
                    if least == 1 { "must be greater than 0" } else { "must be greater than or equal to 0" };
                cause(
                    CauseReason::Invalid,
                    format!("spec.{field}"),
                    format!("Invalid value: {number}: {text}"),
                )
            })
        })
        .collect()
}
