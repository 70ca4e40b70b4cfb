//! Stage health from Applications: what each reports, how far that is to be trusted, and the worst of all.
//! Source: argocd.md §5.

mod sanitize;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::application::{Operation, OperationState, list, text};
use crate::{AppRef, Application};

/// The kind of health check that is answered here.
pub const KIND: &str = "argocd-update";

/// How well something is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Well.
    Healthy,
    /// There is nothing to say.
    NotApplicable,
    /// On the way.
    Progressing,
    /// Not known.
    Unknown,
    /// Unwell.
    Unhealthy,
}

/// A health check that a step left.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its input.
    pub input: &'a Value,
}

/// What is known of an Application.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// It.
    Application(&'a Value),
    /// It is not there.
    Missing,
    /// It could not be read; why.
    Failed(&'a str),
    /// This process has no connection to an Argo CD.
    Disabled,
}

/// What the checks say.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The worst.
    pub state: State,
    /// What is wrong, in words.
    pub issues: Vec<String>,
    /// One object a check.
    pub output: Vec<Value>,
    /// Applications that Argo CD should look at again: send [`crate::refresh_patch`].
    pub refresh: Vec<AppRef>,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: State::Healthy, issues: Vec::new(), output: Vec::new(), refresh: Vec::new() }
    }
}

/// The Applications that the checks ask about.
pub fn applications(checks: &[Check<'_>], namespace: &str) -> Vec<AppRef> {
    let ours = checks.iter().filter(|check| check.kind == KIND);
    let mut apps: Vec<_> =
        ours.flat_map(|check| list(check.input.get("apps"))).map(|app| reference(app, namespace)).collect();
    apps.sort();
    apps.dedup();
    apps
}

/// Answers the checks from what `known` tells of each Application.
pub fn assess<'a>(checks: &[Check<'_>], namespace: &str, known: impl Fn(&AppRef) -> Known<'a>) -> Health {
    let mut health = Health::default();
    for check in checks {
        if check.kind != KIND {
            health.note(
                State::Unknown,
                format!("no health checker registered for health check kind {:?}", check.kind),
            );
            continue;
        }
        let apps = match check.input.get("apps") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(apps)) => apps.as_slice(),
            Some(_) => {
                health.note(
                    State::Unknown,
                    "the input of the argocd-update health check is malformed".to_owned(),
                );
                continue;
            }
        };
        let mut statuses = Vec::with_capacity(apps.len());
        for asked in apps {
            let name = reference(asked, namespace);
            let (state, issues, status) = match known(&name) {
                Known::Application(object) => {
                    let app = Application::new(object);
                    let (state, issues) = application(app, &desired(asked), &name);
                    if app.is_stale() && !app.is_refresh_requested() {
                        health.refresh.push(name.clone());
                    }
                    (state, issues, sanitize::status(app))
                }
                Known::Missing => {
                    (State::Unknown, vec![format!("unable to find {name}")], sanitize::unknown())
                }
                Known::Failed(why) => {
                    (State::Unknown, vec![format!("error finding {name}: {why}")], sanitize::unknown())
                }
                Known::Disabled => {
                    let issue = "Argo CD integration is disabled on this controller; cannot assess the health or sync \
                                 status of Argo CD Applications";
                    health.note(State::Unknown, issue.to_owned());
                    return health;
                }
            };
            health.state = health.state.max(state);
            health.issues.extend(issues);
            statuses.push(sanitize::named(&name, status));
        }
        health.output.push(json!({"applicationStatuses": statuses}));
    }
    health
}

impl Health {
    fn note(&mut self, state: State, issue: String) {
        self.state = self.state.max(state);
        self.issues.push(issue);
    }
}

fn reference(asked: &Value, namespace: &str) -> AppRef {
    let given = text(asked, &["namespace"]);
    AppRef::new(if given.is_empty() { namespace } else { given }, text(asked, &["name"]))
}

fn desired(asked: &Value) -> Vec<&str> {
    list(asked.get("desiredRevisions")).iter().map(|revision| revision.as_str().unwrap_or_default()).collect()
}

/// One Application: stale, broken, not at the desired revisions, or as healthy as it says; in this order.
pub fn application(app: Application<'_>, desired: &[&str], name: &AppRef) -> (State, Vec<String>) {
    if app.is_stale() {
        let issue = format!(
            "{name} was not reconciled after its most recent operation completed; Application health status not trusted"
        );
        return (State::Unknown, vec![issue]);
    }
    let broken: Vec<_> = app
        .error_conditions()
        .map(|condition| format!("{name} has {:?} condition: {}", condition.kind, condition.message))
        .collect();
    if !broken.is_empty() {
        return (State::Unhealthy, broken);
    }
    if let Some((state, issue)) = out_of_sync(app, desired, name) {
        return (state, vec![issue]);
    }
    match app.health() {
        "Healthy" => (State::Healthy, vec![]),
        "Progressing" | "" => (State::Progressing, vec![format!("{name} is progressing")]),
        "Suspended" => (State::Progressing, vec![format!("{name} is suspended")]),
        other => (State::Unhealthy, vec![format!("{name} has health state {other:?}")]),
    }
}

/// Whether the revisions that the Application was compared with are the desired ones.
fn out_of_sync(app: Application<'_>, desired: &[&str], name: &AppRef) -> Option<(State, String)> {
    if desired.iter().all(|revision| revision.is_empty()) {
        return None;
    }
    let finished = app.operation_state().and_then(OperationState::finished_at);
    if app.operation().is_some_and(Operation::is_sync) || finished.is_none() {
        return Some((State::Unknown, format!("{name} is being synced")));
    }
    let (sources, observed) = (app.sources(), app.revisions());
    for (count, what) in [(sources.len(), "sources"), (observed.len(), "observed revisions")] {
        if count != desired.len() {
            let issue = format!("{name} has {count} {what} but {} desired revisions", desired.len());
            return Some((State::Unknown, issue));
        }
    }
    let place = format!("Application {:?} in namespace {:?}", name.name, name.namespace);
    let issues: Vec<_> = (sources.iter().zip(&observed).zip(desired).enumerate())
        .filter(|(_, ((_, observed), desired))| !desired.is_empty() && observed != desired)
        .map(|(i, ((source, _), desired))| {
            let url = source.repo_url();
            format!(
                "Source {i} with RepoURL {url} of {place} does not match the desired revision {desired:?}."
            )
        })
        .collect();
    if issues.is_empty() {
        return None;
    }
    let issue = format!(
        "Not all sources of {place} are synced to the desired revisions. Issues: {}",
        issues.join("; ")
    );
    Some((State::Unhealthy, issue))
}

#[cfg(test)]
mod tests;
