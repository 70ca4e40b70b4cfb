//! What verification said of the Freight in a Stage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::word::{self, Word};
use crate::{Time, schema};

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::open_word)]
pub enum VerificationPhase {
    /// Asked for.
    Pending,
    /// Going on.
    Running,
    /// Good.
    Successful,
    /// Bad, or stopped by a person.
    Failed,
    /// Could not be done.
    Error,
    /// Stopped.
    Aborted,
    /// Neither good nor bad.
    Inconclusive,
}

impl Word for VerificationPhase {
    const UNKNOWN: Option<Self> = None;
}

impl VerificationPhase {
    /// Whether nothing more will come.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// One verification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationInfo {
    /// A UUID.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Who asked for it again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// How far it is; absent in old objects.
    #[serde(default, deserialize_with = "word::lenient", skip_serializing_if = "Option::is_none")]
    pub phase: Option<VerificationPhase>,
    /// Words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The AnalysisRun behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis_run: Option<AnalysisRunReference>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_time: Option<Time>,
}

impl VerificationInfo {
    /// Whether it is known to have ended.
    pub fn is_terminal(&self) -> bool {
        self.phase.is_some_and(VerificationPhase::is_terminal)
    }
}

/// Which AnalysisRun, and what it said last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisRunReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
}
