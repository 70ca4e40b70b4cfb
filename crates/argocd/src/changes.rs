//! Which change of an Application is worth a look at a Promotion or at a Stage. Source: argocd.md §6.

use crate::Application;
use crate::application::OperationState;
use crate::authorization::{self, StageRef};

/// Whether an update of an Application may let a Promotion go on that updates it or waits for it.
pub fn wakes_promotion(old: Application<'_>, new: Application<'_>) -> bool {
    let completed =
        |app: Application<'_>| app.operation_state().is_some_and(|state| state.phase().is_completed());
    completed(new) && !completed(old)
        // A new operation that ended before anybody saw it run.
        || completed(new) && finished(old) != finished(new)
        || phase(old) != phase(new)
        || message(old) != message(new)
        || old.operation().is_some() != new.operation().is_some()
        || old.health() != new.health()
        || old.sync() != new.sync()
        || became_fresh(old, new)
        || old.labels() != new.labels()
        || old.annotation(authorization::ANNOTATION) != new.annotation(authorization::ANNOTATION)
        || !old.error_conditions().eq(new.error_conditions())
}

/// Whether an update of an Application may change the health of the Stages that it names.
pub fn wakes_stage(old: Application<'_>, new: Application<'_>) -> bool {
    old.health() != new.health()
        || phase(old) != phase(new)
        || old.revisions() != new.revisions()
        || finished(old) != finished(new)
        || became_fresh(old, new)
        || !old.error_conditions().eq(new.error_conditions())
}

/// The Stages that an Application names, to be looked at when it changes.
pub fn stages(app: Application<'_>) -> Vec<StageRef> {
    authorization::stages(app)
}

fn phase(app: Application<'_>) -> Option<String> {
    app.operation_state().map(|state| state.phase().to_string())
}

fn message(app: Application<'_>) -> &str {
    app.operation_state().map(OperationState::message).unwrap_or_default()
}

fn finished(app: Application<'_>) -> Option<jiff::Timestamp> {
    app.operation_state().and_then(OperationState::finished_at)
}

/// The first comparison after an operation ended.
fn became_fresh(old: Application<'_>, new: Application<'_>) -> bool {
    let Some(finished) = finished(new) else { return false };
    old.reconciled_at() != new.reconciled_at()
        && old.reconciled_at().is_none_or(|reconciled| reconciled < finished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn app() -> Value {
        json!({
            "metadata": {"labels": {"team": "a"}, "annotations": {authorization::ANNOTATION: "demo:dev, demo:uat"}},
            "status": {
                "health": {"status": "Progressing"}, "sync": {"status": "Synced", "revision": "aaa"},
                "reconciledAt": "2031-01-01T00:00:00Z", "operationState": {"phase": "Running"},
            },
        })
    }

    #[test]
    fn fm_24_what_matters_wakes_and_the_rest_does_not() {
        let old = app();
        for (path, value, promotion, stage) in [
            ("/status/health/status", "Healthy", true, true),
            ("/status/sync/status", "OutOfSync", true, false),
            ("/status/sync/revision", "bbb", false, true),
            ("/status/operationState/phase", "Succeeded", true, true),
            ("/metadata/labels/team", "b", true, false),
            ("/status/reconciledAt", "2031-01-01T00:00:09Z", false, false),
        ] {
            let mut new = old.clone();
            *new.pointer_mut(path).unwrap() = value.into();
            let (old, new) = (Application::new(&old), Application::new(&new));
            assert_eq!((wakes_promotion(old, new), wakes_stage(old, new)), (promotion, stage), "{path}");
            assert!(!wakes_promotion(new, new) && !wakes_stage(new, new));
        }
    }

    #[test]
    fn fm_24_the_first_comparison_after_the_end_wakes() {
        let mut old = app();
        old["status"]["operationState"] = json!({"phase": "Succeeded", "finishedAt": "2031-01-01T00:00:05Z"});
        let mut new = old.clone();
        new["status"]["reconciledAt"] = "2031-01-01T00:00:05Z".into();
        let mut later = new.clone();
        later["status"]["reconciledAt"] = "2031-01-01T00:03:00Z".into();
        let wake = |old, new| {
            let (old, new) = (Application::new(old), Application::new(new));
            (wakes_promotion(old, new), wakes_stage(old, new))
        };
        assert_eq!(wake(&old, &new), (true, true));
        assert_eq!(wake(&new, &later), (false, false));
    }

    #[test]
    fn the_stages_are_those_of_the_annotation() {
        let object = app();
        let names: Vec<_> = stages(Application::new(&object)).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["demo:dev", "demo:uat"]);
    }
}
