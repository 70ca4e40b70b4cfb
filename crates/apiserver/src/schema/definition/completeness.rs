//! Whether everything that `allOf`, `anyOf`, `oneOf` and `not` speak of is also defined outside of them.

use serde_json::Value;

use super::report::{Report, list};
use crate::schema::path::Path;

pub(super) fn check(schema: &Value, at: Path<'_>, report: &mut Report) {
    alternatives(schema, schema, at, at, report);
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        check(property, at.child("properties").key(name), report);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(name).filter(|inner| inner.is_object()) {
            check(inner, at.child(name), report);
        }
    }
}

/// What the alternatives of `schema` (at `there`) mention must be in `defined` (at `at`).
fn alternatives(schema: &Value, defined: &Value, there: Path<'_>, at: Path<'_>, report: &mut Report) {
    for name in ["allOf", "anyOf", "oneOf"] {
        for (index, branch) in list(schema, name).iter().enumerate() {
            nested(branch, defined, there.child(name).index(index), at, report);
        }
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        nested(not, defined, there.child("not"), at, report);
    }
}

fn nested(schema: &Value, defined: &Value, there: Path<'_>, at: Path<'_>, report: &mut Report) {
    alternatives(schema, defined, there, at, report);
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let (there, at) = (there.child("properties"), at.child("properties"));
        let (there, at) = (there.key(name), at.key(name));
        match defined.get("properties").and_then(|properties| properties.get(name)) {
            Some(defined) => nested(property, defined, there, at, report),
            None => report.required(at, &format!("because it is defined in {there}")),
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        let (there, at) = (there.child("items"), at.child("items"));
        match defined.get("items").filter(|items| items.is_object()) {
            Some(defined) => nested(items, defined, there, at, report),
            None => report.required(at, &format!("because it is defined in {there}")),
        }
    }
}
