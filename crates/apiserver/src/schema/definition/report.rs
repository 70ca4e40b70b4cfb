//! Collects what is wrong with a definition.

use std::fmt::Display;

use serde_json::Value;

use crate::schema::{Cause, CauseReason};

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) causes: Vec<Cause>,
}

impl Report {
    pub(super) fn add(&mut self, reason: CauseReason, field: impl Display, detail: impl AsRef<str>) {
        self.causes.push(Cause::new(reason, field.to_string(), detail));
    }

    pub(super) fn required(&mut self, field: impl Display, why: &str) {
        self.add(CauseReason::Required, field, why);
    }

    pub(super) fn invalid(&mut self, field: impl Display, value: &Value, why: &str) {
        self.add(CauseReason::Invalid, field, format!("{value}: {why}"));
    }

    pub(super) fn forbidden(&mut self, field: impl Display, why: &str) {
        self.add(CauseReason::Forbidden, field, why);
    }

    pub(super) fn unsupported(&mut self, field: impl Display, value: &Value, supported: &[&str]) {
        let list: Vec<String> = supported.iter().map(|text| format!("\"{text}\"")).collect();
        self.add(CauseReason::NotSupported, field, format!("{value}: supported values: {}", list.join(", ")));
    }

    /// Takes over what another report collected.
    pub(super) fn append(&mut self, other: Report) {
        self.causes.extend(other.causes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }
}

/// The text of a member; empty where there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}
