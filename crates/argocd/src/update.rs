//! What `argocd-update` does to Applications: which ones, whether an operation must be requested, the patch that
//! requests it, and what the step says of it. [`Run`] is the whole step without its input and output.
//! Source: argocd.md §3.

pub mod config;
mod decide;
mod event;
mod operation;
mod run;
mod seen;
mod sources;

pub use config::Config;
pub use decide::{Decision, decide};
pub use event::stamp_event;
pub use operation::operation_patch;
pub(crate) use operation::retry;
pub use run::{Answer, Ask, Finished, Run, Status, Wake};
pub use seen::{Requested, Seen, SeenApp};
pub use sources::{desired_revisions, desired_sources};

use crate::application::Phase;
use crate::authorization::Refusal;
use crate::{AppRef, INITIATOR, selector};

/// For whom an operation is requested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The Project.
    pub project: String,
    /// The Stage.
    pub stage: String,
    /// The Promotion's name.
    pub promotion: String,
    /// Who created the Promotion; `None` (or nothing) when a policy did.
    pub actor: Option<String>,
    /// Where Applications are that the config gives no namespace for.
    pub namespace: String,
}

impl Context {
    /// Whom the operation is initiated by. Argo CD's sync windows tell people and automation apart.
    pub fn initiator(&self) -> Initiator<'_> {
        match self.actor.as_deref() {
            Some(actor) if !actor.is_empty() => Initiator { username: actor, automated: false },
            _ => Initiator { username: INITIATOR, automated: true },
        }
    }
}

/// Whom an operation is initiated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initiator<'a> {
    /// The name.
    pub username: &'a str,
    /// Whether no person asked.
    pub automated: bool,
}

/// Why the step did not go on. None of these is final by itself: below the step's error threshold it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This process has no connection to an Argo CD.
    #[error(
        "Argo CD integration is disabled on this controller: enable it, or leave out steps that need Argo CD"
    )]
    Disabled,
    /// The API server knows no Applications.
    #[error(
        "the cluster knows no Argo CD Applications (applications.argoproj.io): install Argo CD there, or name the \
         cluster where it runs with --argocd-kubeconfig"
    )]
    NotInstalled,
    /// The API server refused or did not answer.
    #[error("could not {doing} {what}: {cause}")]
    Api {
        /// A verb.
        doing: &'static str,
        /// To what.
        what: String,
        /// Its text.
        cause: String,
    },
    /// Somebody changed the Application again and again meanwhile.
    #[error("{0} was changed by others {1} times while it was to be patched")]
    Conflicts(AppRef, u32),
    /// The Application permits nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The selector finds Applications, but none permits anything.
    #[error(
        "found {count} Application(s) matching selector in namespace {namespace:?}, but none are authorized for Stage \
         {}; {first}", .first.wanted()
    )]
    NoneAuthorized {
        /// How many it finds.
        count: usize,
        /// Where.
        namespace: String,
        /// Why the first one refuses.
        first: Refusal,
    },
    /// The selector cannot be used.
    #[error(transparent)]
    Selector(#[from] selector::Error),
    /// No source of the Application is the one to update.
    #[error("no source of {app} matched update for source with repoURL {repo_url}{}", with_chart(.chart))]
    NoSource {
        /// The Application.
        app: AppRef,
        /// The repository that was looked for.
        repo_url: String,
        /// The chart that was looked for; empty for Git.
        chart: String,
    },
    /// The Applications that a selector finds cannot all be updated.
    #[error(
        "selected Applications must have compatible sources; {count} incompatible: {} No Applications were updated",
        first_of(.texts)
    )]
    Incompatible {
        /// How many cannot.
        count: usize,
        /// Why.
        texts: Vec<String>,
    },
    /// Argo CD applied more revisions than the Application has sources.
    #[error(
        "the operation on {app} applied {observed} revisions but the Application has {desired} sources: its sources \
         were changed meanwhile, start a new Promotion"
    )]
    MoreRevisions {
        /// The Application.
        app: AppRef,
        /// How many it applied.
        observed: usize,
        /// How many sources there are.
        desired: usize,
    },
    /// The operation ended badly.
    #[error("{app} failed with: {message}")]
    OperationFailed {
        /// The Application.
        app: AppRef,
        /// What Argo CD says.
        message: String,
    },
    /// Phases that say nothing.
    #[error("could not determine the step's status from operation phases {0:?}")]
    UnknownPhases(Vec<String>),
}

fn with_chart(chart: &str) -> String {
    if chart.is_empty() { String::new() } else { format!(" and chart {chart:?}") }
}

fn first_of(texts: &[String]) -> String {
    texts.iter().take(3).map(|text| format!("{text}.")).collect::<Vec<_>>().join(" ")
}

/// The worst of the phases, by which the step goes; `None` when they say nothing.
pub fn worst(phases: &[Phase]) -> Option<&Phase> {
    let rank = |phase: &Phase| match phase {
        Phase::Failed => 0,
        Phase::Error => 1,
        Phase::Running => 2,
        Phase::Terminating => 3,
        Phase::Succeeded => 4,
        Phase::Other(_) => 5,
    };
    phases.iter().min_by_key(|phase| rank(phase)).filter(|phase| rank(phase) < 5)
}
