//! What a review answers: allowed, refused, or that something must be looked up first.

use std::collections::BTreeMap;
use std::fmt;

use ferry_api::{Freight, Promotion};
use serde_json::Value;

use crate::lookup::Lookup;

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It may happen.
    Allowed(Allowed),
    /// It may not.
    Denied(Box<Denial>),
    /// These must be looked up first; then the same call is made again.
    Need(Vec<Lookup>),
}

/// What comes with a yes.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// The defaulted object; set by `mutate` alone.
    pub object: Option<Value>,
    /// Words for the user, who is not refused.
    pub warnings: Vec<String>,
    /// What the caller does before the write; failing to do it refuses the request.
    pub effects: Vec<Effect>,
    /// What the caller tells of after the write.
    pub events: Vec<Event>,
}

/// Something outside of the object that must happen before the write.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make a Namespace that is not there.
    CreateNamespace {
        /// Its name.
        name: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// Its finalizers.
        finalizers: Vec<String>,
    },
}

/// Something that users ask for later.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A person or a program made a Promotion.
    PromotionCreated {
        /// Who.
        actor: String,
        /// The Promotion.
        promotion: Box<Promotion>,
        /// What it carries.
        freight: Option<Box<Freight>>,
    },
    /// Freight was approved for a Stage.
    FreightApproved {
        /// By whom.
        actor: String,
        /// The Freight.
        freight: Box<Freight>,
        /// The Stage.
        stage: String,
    },
}

/// A refusal, as a Kubernetes `Status` tells it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// The HTTP code.
    pub code: u16,
    /// The reason for programs, e.g. `Invalid`.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// API group of what it is about.
    pub group: String,
    /// Kind or plural of what it is about.
    pub kind: String,
    /// Name of what it is about.
    pub name: String,
    /// What is wrong with which field.
    pub causes: Vec<Cause>,
}

impl Denial {
    fn about(code: u16, reason: &'static str, group: &str, kind: &str, name: &str, message: String) -> Self {
        Self {
            code,
            reason,
            message,
            group: group.into(),
            kind: kind.into(),
            name: name.into(),
            causes: Vec::new(),
        }
    }

    /// 422: the content is refused.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let texts: Vec<String> = causes.iter().map(ToString::to_string).collect();
        let text = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {text}", qualified(kind, group));
        Self { causes, ..Self::about(422, "Invalid", group, kind, name, message) }
    }

    /// 403: the user or the state of things forbids it. `plural` names the resource.
    pub(crate) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", qualified(plural, group));
        Self::about(403, "Forbidden", group, plural, name, message)
    }

    /// 404: something that it needs is not there.
    pub(crate) fn not_found(group: &str, what: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(what, group));
        Self::about(404, "NotFound", group, what, name, message)
    }

    /// 409: it contradicts what is there.
    pub(crate) fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(plural, group));
        Self::about(409, "Conflict", group, plural, name, message)
    }

    /// 400: it cannot be read.
    pub(crate) fn bad_request(message: String) -> Self {
        Self::about(400, "BadRequest", "", "", "", message)
    }

    /// 500: what is stored cannot be read.
    pub(crate) fn internal(message: String) -> Self {
        Self::about(500, "InternalError", "", "", "", message)
    }
}

fn qualified(kind: &str, group: &str) -> String {
    if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field, e.g. `spec.steps[0].as`.
    pub field: String,
    /// What kind of wrong.
    pub reason: CauseReason,
    /// What a person reads.
    pub message: String,
}

/// What kind of wrong a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseReason {
    /// Its value cannot be.
    Invalid,
    /// It is none of the words that there are.
    NotSupported,
    /// It is there twice.
    Duplicate,
    /// It must not be there.
    Forbidden,
}

impl CauseReason {
    /// The word in a `Status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
        }
    }
}

impl Cause {
    /// A value that cannot be.
    pub(crate) fn invalid(field: impl Into<String>, value: impl Into<Value>, why: impl fmt::Display) -> Self {
        let message = format!("Invalid value: {}: {why}", value.into());
        Self { field: field.into(), reason: CauseReason::Invalid, message }
    }

    /// A word that is none of those.
    pub(crate) fn not_supported(field: impl Into<String>, value: &str, words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        let message = format!("Unsupported value: {value:?}: supported values: {}", words.join(", "));
        Self { field: field.into(), reason: CauseReason::NotSupported, message }
    }

    /// A value that is there twice.
    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let message = format!("Duplicate value: {}", value.into());
        Self { field: field.into(), reason: CauseReason::Duplicate, message }
    }

    /// A field that must not be there.
    pub(crate) fn forbidden(field: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: CauseReason::Forbidden, message: format!("Forbidden: {why}") }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Why a review stops before its end.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The answer is no.
    Denied(Box<Denial>),
    /// Something must be looked up.
    Need(Vec<Lookup>),
}

pub(crate) type Reviewed<T> = Result<T, Stop>;
