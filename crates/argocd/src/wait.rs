//! What `argocd-wait` decides: whether Applications are as the step waits for them to be. It changes nothing but may
//! ask Argo CD to look again, and needs no permission. Source: argocd.md §4.

pub mod config;
mod run;

pub use config::{Condition, Config};
pub use run::{Answer, Ask, Finished, Run};

use crate::application::OperationState;
use crate::{AppRef, Application};

/// Why the step ended without success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Waiting longer would not help.
    #[error("{0}")]
    Final(String),
    /// Below the step's error threshold it is tried again.
    #[error(transparent)]
    Passing(#[from] crate::update::Error),
}

/// How one Application stands to what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It is as it should be.
    Ready,
    /// Not yet.
    NotReady {
        /// What is missing.
        why: String,
        /// Whether Argo CD must look again before its health is worth anything.
        refresh: bool,
    },
    /// It will not become so by itself.
    Broken(String),
}

/// Decides for one Application. `previous` is the health that an earlier attempt saw, or nothing.
pub fn decide(app: Application<'_>, wait_for: &[Condition], previous: &str) -> Readiness {
    let name = AppRef::from(app);
    let waits = |condition| wait_for.contains(&condition);
    let not_yet = |why: String| Readiness::NotReady { why: format!("{name} {why}"), refresh: false };
    let broken: Vec<_> = app
        .error_conditions()
        .map(|condition| format!("{name} has {:?} condition: {}", condition.kind, condition.message))
        .collect();
    if !broken.is_empty() {
        return Readiness::Broken(broken.join("\n"));
    }
    let state = app.operation_state();
    if waits(Condition::Operation)
        && (app.operation().is_some() || state.is_some_and(|state| state.finished_at().is_none()))
    {
        let message = state.map(OperationState::message).filter(|message| !message.is_empty());
        let said = message.map(|message| format!(": {message}")).unwrap_or_default();
        return not_yet(format!("has an operation under way{said}"));
    }
    let wanted: Vec<_> = wait_for.iter().filter_map(|condition| condition.health()).collect();
    if !wanted.is_empty() {
        if app.is_stale() {
            let why = format!("{name} was not reconciled after its most recent operation completed");
            return Readiness::NotReady { why, refresh: !app.is_refresh_requested() };
        }
        let health = app.health();
        if waits(Condition::Health)
            && health == "Degraded"
            && !["", "Degraded", "Unknown"].contains(&previous)
        {
            return Readiness::Broken(format!("{name} health has regressed from {previous} to {health}"));
        }
        if !wanted.contains(&health) {
            let health = if health.is_empty() { "not assessed yet" } else { health };
            return not_yet(format!("has health {health}, not {}", wanted.join(" or ")));
        }
    }
    if waits(Condition::Sync) && app.sync() != "Synced" {
        return not_yet(format!("has sync status {:?}, not Synced", app.sync()));
    }
    Readiness::Ready
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn app(health: &str) -> Value {
        json!({
            "metadata": {"name": "shop", "namespace": "argocd"},
            "status": {"health": {"status": health}, "sync": {"status": "Synced"}},
        })
    }

    #[test]
    fn fm_28_a_comparison_error_ends_the_wait() {
        let mut object = app("Healthy");
        object["status"]["conditions"] = json!([{"type": "ComparisonError", "message": "no such path"}]);
        let Readiness::Broken(text) = decide(Application::new(&object), Condition::DEFAULT, "") else {
            panic!("it is broken")
        };
        assert!(text.contains("\"ComparisonError\" condition: no such path"), "{text}");
    }

    #[test]
    fn health_that_gets_worse_ends_the_wait_and_health_that_was_bad_does_not() {
        let object = app("Degraded");
        for (previous, broken) in
            [("Healthy", true), ("Progressing", true), ("Degraded", false), ("Unknown", false), ("", false)]
        {
            let readiness = decide(Application::new(&object), Condition::DEFAULT, previous);
            assert_eq!(matches!(readiness, Readiness::Broken(_)), broken, "{previous}");
        }
        assert_eq!(decide(Application::new(&object), &[Condition::Degraded], "Healthy"), Readiness::Ready);
    }

    #[test]
    fn fm_33_a_stale_health_is_asked_for_again() {
        let mut object = app("Healthy");
        object["status"]["operationState"] =
            json!({"phase": "Succeeded", "finishedAt": "2031-01-01T00:05:00Z"});
        let readiness = decide(Application::new(&object), Condition::DEFAULT, "");
        assert!(matches!(readiness, Readiness::NotReady { refresh: true, .. }), "{readiness:?}");
        assert_eq!(
            decide(Application::new(&object), &[Condition::Operation, Condition::Sync], ""),
            Readiness::Ready
        );
    }
}
