//! Operations: what was asked for, and how it goes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{at, list, revisions, text, time};

/// An operation, asked for or taken up.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a>(&'a Value);

/// How an operation is going or went.
#[derive(Debug, Clone, Copy)]
pub struct OperationState<'a>(&'a Value);

/// The phase of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Phase {
    /// It runs.
    Running,
    /// It is being ended.
    Terminating,
    /// It could not apply everything.
    Failed,
    /// It broke.
    Error,
    /// It is done.
    Succeeded,
    /// Another word, or none.
    Other(String),
}

impl Phase {
    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "Running",
            Self::Terminating => "Terminating",
            Self::Failed => "Failed",
            Self::Error => "Error",
            Self::Succeeded => "Succeeded",
            Self::Other(word) => word,
        }
    }

    /// Whether the operation has ended.
    pub fn is_completed(&self) -> bool {
        self.is_failed() || *self == Self::Succeeded
    }

    /// Whether it ended badly.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }

    /// Whether there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl From<&str> for Phase {
    fn from(word: &str) -> Self {
        match word {
            "Running" => Self::Running,
            "Terminating" => Self::Terminating,
            "Failed" => Self::Failed,
            "Error" => Self::Error,
            "Succeeded" => Self::Succeeded,
            word => Self::Other(word.to_owned()),
        }
    }
}

impl From<String> for Phase {
    fn from(word: String) -> Self {
        Self::from(word.as_str())
    }
}

impl From<Phase> for String {
    fn from(phase: Phase) -> Self {
        phase.as_str().to_owned()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> Operation<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The object.
    pub fn raw(self) -> &'a Value {
        self.0
    }

    /// The Promotion that it was initiated for; the first entry counts.
    pub fn promotion(self) -> Option<&'a str> {
        list(self.0.get("info"))
            .iter()
            .find(|entry| text(entry, &["name"]) == crate::PROMOTION_INFO)
            .map(|entry| text(entry, &["value"]))
    }

    /// Who initiated it; empty when Argo CD did.
    pub fn initiator(self) -> &'a str {
        text(self.0, &["initiatedBy", "username"])
    }

    /// Whether it is to sync.
    pub fn is_sync(self) -> bool {
        self.0.get("sync").is_some_and(Value::is_object)
    }
}

impl<'a> OperationState<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The object.
    pub fn raw(self) -> &'a Value {
        self.0
    }

    /// The operation that it is the state of.
    pub fn operation(self) -> Operation<'a> {
        Operation(self.0.get("operation").unwrap_or(&Value::Null))
    }

    /// Its phase.
    pub fn phase(self) -> Phase {
        Phase::from(text(self.0, &["phase"]))
    }

    /// What Argo CD says about it, e.g. that a sync window holds it back.
    pub fn message(self) -> &'a str {
        text(self.0, &["message"])
    }

    /// When it began.
    pub fn started_at(self) -> Option<Timestamp> {
        time(self.0.get("startedAt"))
    }

    /// When it, or with retries its latest attempt, ended.
    pub fn finished_at(self) -> Option<Timestamp> {
        time(self.0.get("finishedAt"))
    }

    /// The revisions that it applied, one a source; `None` without a result.
    pub fn revisions(self) -> Option<Vec<&'a str>> {
        at(self.0, &["syncResult"]).filter(|result| result.is_object()).map(|result| revisions(Some(result)))
    }
}
