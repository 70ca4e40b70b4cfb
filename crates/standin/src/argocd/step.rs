//! What the stand-in does next with one Application: one step at a time, from the object and a little memory.

use jiff::Timestamp;
use serde_json::Value;

use super::application::{
    REFRESH, RESOURCES_FINALIZER, SKIP_RECONCILE, annotation, at, has_sources, is_over, list, operation,
    operation_state, time,
};
use super::operation::{self, phase, retry_at};

/// Why a comparison is due, the weightiest last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// None is.
    #[default]
    Nothing,
    /// An object that it manages changed: the findings may, `reconciledAt` does not.
    Resources,
    /// Git is to be asked again.
    Everything,
    /// An operation ended.
    Operation,
}

/// What this process knows of an Application beside the object itself.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The spec that was compared last.
    pub compared: Option<Value>,
    /// What happened since.
    pub due: Due,
    /// When it is compared again without being asked to.
    pub refresh_at: Option<Timestamp>,
    /// When to look again whether a window has opened for the operation.
    pub blocked_until: Option<Timestamp>,
    /// Whether the running operation is known from its beginning, and nothing of its end was written yet.
    pub is_whole: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing before that time, unless something happens.
    Rest(Option<Timestamp>),
    /// Show that the operation is taken up.
    Begin,
    /// Do what the running operation asks for.
    Operate,
    /// Take up an attempt that failed again.
    Retry,
    /// End an operation that somebody asked to be stopped.
    Terminate,
    /// Compare with Git and the cluster; `annotated`: the refresh annotation asked for it.
    Compare { due: Due, annotated: bool },
    /// Remove what it manages, then its finalizer.
    Delete,
}

/// The next step.
pub fn next(app: &Value, memory: &Memory, now: Timestamp) -> Step {
    if annotation(app, SKIP_RECONCILE) == Some("true") {
        return Step::Rest(None);
    }
    let running = operation(app).is_some();
    let idle = operation_state(app).is_none() || is_over(phase(app));
    if running && idle {
        return Step::Begin;
    }
    if let Some(step) = comparison(app, memory, now) {
        return step;
    }
    let retry = retry_at(app);
    let blocked = memory.blocked_until.filter(|until| *until > now);
    match phase(app) {
        "Terminating" if running => return Step::Terminate,
        _ if running && retry.is_some_and(|retry| retry <= now) => return Step::Retry,
        _ if running && retry.is_none() && blocked.is_none() => return Step::Operate,
        _ if !running && at(app, "/metadata/deletionTimestamp").is_some() && has_finalizer(app) => {
            return Step::Delete;
        }
        _ => {}
    }
    Step::Rest(memory.refresh_at.into_iter().chain(retry).chain(blocked).min())
}

fn comparison(app: &Value, memory: &Memory, now: Timestamp) -> Option<Step> {
    let annotated = annotation(app, REFRESH).is_some();
    let changed = memory.compared.as_ref() != app.get("spec");
    let due = match () {
        () if annotated => Due::Everything.max(memory.due),
        () if memory.compared.is_none() && !changed_since_compared(app) && !is_behind(app) => Due::Resources,
        () if changed || at(app, "/status/sync").is_none() => Due::Everything,
        () if memory.refresh_at.is_some_and(|at| at <= now) => Due::Everything.max(memory.due),
        () => memory.due,
    };
    (due != Due::Nothing).then_some(Step::Compare { due, annotated })
}

/// Whether the spec is another than the one that the status speaks of.
fn changed_since_compared(app: &Value) -> bool {
    let member = if has_sources(app) { "sources" } else { "source" };
    let same = |member: &str| {
        app.pointer("/spec").and_then(|spec| spec.get(member))
            == app.pointer("/status/sync/comparedTo").and_then(|compared| compared.get(member))
    };
    at(app, "/status/reconciledAt").is_none() || !same(member) || !same("destination")
}

/// Whether an operation ended after the last comparison: a process before this one did not come to it.
fn is_behind(app: &Value) -> bool {
    let finished =
        time(app, "/status/operationState/finishedAt").filter(|_| operation::wants_comparison(app));
    finished
        .is_some_and(|finished| time(app, "/status/reconciledAt").is_none_or(|compared| compared < finished))
}

fn has_finalizer(app: &Value) -> bool {
    list(app, "/metadata/finalizers")
        .iter()
        .filter_map(Value::as_str)
        .any(|name| name.starts_with(RESOURCES_FINALIZER))
}

#[cfg(test)]
mod tests {
    use super::{Due, Memory, Step, next};
    use crate::argocd::merge;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        "2026-03-04T10:00:00Z".parse().unwrap()
    }

    /// An Application at rest, compared and synced.
    fn app(changes: &Value) -> Value {
        let source = json!({"repoURL": "https://git.test/a.git", "path": "app", "targetRevision": "main"});
        let destination = json!({"server": "https://kubernetes.default.svc", "namespace": "tea"});
        let mut app = json!({
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {"source": source, "destination": destination},
            "status": {
                "reconciledAt": "2026-03-04T09:59:00Z",
                "sync": {"comparedTo": {"source": source, "destination": destination}, "status": "Synced"},
            },
        });
        for (path, value) in changes.as_object().into_iter().flatten() {
            merge::set(&mut app, &path.split(' ').collect::<Vec<_>>(), value.clone());
        }
        app
    }

    fn rested(app: &Value) -> Memory {
        Memory {
            blocked_until: None,
            is_whole: true,
            compared: app.get("spec").cloned(),
            due: Due::Nothing,
            refresh_at: Some(now() + jiff::SignedDuration::from_mins(3)),
        }
    }

    #[test]
    fn steps_by_what_the_object_says() {
        let refresh = json!({"argocd.argoproj.io/refresh": ""});
        let compare = |due, annotated| Step::Compare { due, annotated };
        let rest = Step::Rest(Some("2026-03-04T10:03:00Z".parse().unwrap()));
        for (changes, want) in [
            (json!({}), rest.clone()),
            (json!({"operation": {"sync": {}}}), Step::Begin),
            (json!({"operation": {"sync": {}}, "status operationState phase": "Succeeded"}), Step::Begin),
            (json!({"operation": {"sync": {}}, "status operationState phase": "Running"}), Step::Operate),
            (
                json!({"operation": {"sync": {}}, "status operationState phase": "Terminating"}),
                Step::Terminate,
            ),
            // An operation that was taken away while it ran stays Running for ever.
            (json!({"status operationState phase": "Running"}), rest.clone()),
            // Any value asks for a comparison, and the operation is taken up first.
            (json!({"metadata annotations": refresh}), compare(Due::Everything, true)),
            (json!({"metadata annotations": refresh, "operation": {}}), Step::Begin),
            (
                json!({"metadata annotations": {"argocd.argoproj.io/skip-reconcile": "true"}, "operation": {}}),
                Step::Rest(None),
            ),
            (json!({"status": null}), compare(Due::Everything, false)),
            (
                json!({"operation": {"sync": {}}, "status operationState":
                    {"phase": "Running", "retryCount": 1, "finishedAt": "2026-03-04T09:59:55Z"}}),
                Step::Rest(Some("2026-03-04T10:00:05Z".parse().unwrap())),
            ),
            (
                json!({"operation": {"sync": {}}, "status operationState":
                    {"phase": "Running", "retryCount": 1, "finishedAt": "2026-03-04T09:59:49Z"}}),
                Step::Retry,
            ),
            (
                json!({"metadata deletionTimestamp": "2026-03-04T10:00:00Z",
                    "metadata finalizers": ["resources-finalizer.argocd.argoproj.io/background"]}),
                Step::Delete,
            ),
        ] {
            let app = app(&changes);
            assert_eq!(next(&app, &rested(&app), now()), want, "{app}");
        }
    }

    #[test]
    fn what_a_process_sees_first_is_compared() {
        let first = |app: &Value| next(app, &Memory::default(), now());
        assert_eq!(first(&app(&json!({}))), Step::Compare { due: Due::Resources, annotated: false });
        for changes in [
            json!({"spec source targetRevision": "other"}),
            json!({"status reconciledAt": null}),
            json!({"status operationState": {"phase": "Succeeded", "finishedAt": "2026-03-04T09:59:30Z", "operation": {"sync": {}}}}),
        ] {
            let app = app(&changes);
            assert_eq!(first(&app), Step::Compare { due: Due::Everything, annotated: false }, "{app}");
        }
    }

    #[test]
    fn what_happened_since_is_due() {
        let app = app(&json!({}));
        for due in [Due::Resources, Due::Operation] {
            let memory = Memory { due, ..rested(&app) };
            assert_eq!(next(&app, &memory, now()), Step::Compare { due, annotated: false });
        }
        let late = Memory { refresh_at: Some(now()), ..rested(&app) };
        assert_eq!(next(&app, &late, now()), Step::Compare { due: Due::Everything, annotated: false });
    }
}
