//! The recorded life of Applications: whoever watches with our debounce never takes a passing state after an operation
//! for the truth, and is never left waiting.

use ferry_argocd::Application;
use ferry_argocd::freshness::{Freshness, freshness, observe};
use ferry_vectors::read;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// For how long after an operation what Argo CD writes may still be of before it.
const STALENESS: SignedDuration = SignedDuration::from_millis(400);

struct Version {
    object: Value,
    at: Timestamp,
    action: i64,
}

/// The stand-in replays this file; here only what watchers make of it.
#[test]
fn vectors_transitions_are_not_believed_too_early() {
    for case in read("argocd/transitions").unwrap_or_default() {
        let want = case.want.as_ref().unwrap();
        assert_eq!(watch(&versions(want)), Ok(()), "{}", case.name);
    }
}

fn watch(versions: &[Version]) -> Result<(), String> {
    let mut last = None;
    for (i, version) in versions.iter().enumerate() {
        let app = Application::new(&version.object);
        let observed = observe(last.as_ref(), app, version.at);
        let next = versions.get(i + 1).filter(|next| next.action == version.action);
        // Just before the next version comes, or long after the last one.
        let now = next.map_or(later(version.at, SignedDuration::from_secs(60)), |next| next.at);
        let verdict = freshness(app, &[], &observed, now);
        if next.is_none() && matches!(verdict, Freshness::Wait { .. }) {
            return Err(format!("version {i} is at rest and still waited for: {verdict:?}"));
        }
        if verdict == Freshness::Fresh && is_passing(versions, i) {
            return Err(format!("version {i} is taken for the truth"));
        }
        last = Some(observed);
    }
    Ok(())
}

/// Whether what the version reports changed once more soon after the operation ended, without another action.
fn is_passing(versions: &[Version], i: usize) -> bool {
    let reports = |version: &Version| {
        let app = Application::new(&version.object);
        let revisions: Vec<_> = app.revisions().into_iter().map(str::to_owned).collect();
        (app.health().to_owned(), app.sync().to_owned(), revisions)
    };
    let is_over = |version: &Version| {
        let state = Application::new(&version.object).operation_state();
        state.is_some_and(|state| state.phase().is_completed())
    };
    let Some(version) = versions.get(i).filter(|version| is_over(version)) else { return false };
    let same_action = || versions.iter().filter(|other| other.action == version.action);
    // Only an operation that ended in the course of this action leaves anything stale behind.
    let ends = versions.windows(2).find_map(|pair| match pair {
        [before, after] if after.action == version.action && !is_over(before) && is_over(after) => {
            Some(after.at)
        }
        _ => None,
    });
    let Some(ended) = ends else { return false };
    same_action().any(|other| {
        version.at >= ended
            && other.at > version.at
            && other.at <= later(ended, STALENESS)
            && is_over(other)
            && reports(other) != reports(version)
    })
}

/// The versions, with times for the placeholders and the whole `spec` in each.
fn versions(want: &Value) -> Vec<Version> {
    let start: Timestamp = "2031-01-01T00:00:00Z".parse().unwrap();
    let (mut spec, mut action, mut sent) = (Value::Null, 0, start);
    let mut versions: Vec<Version> = Vec::new();
    for version in want["trace"].as_array().into_iter().flatten() {
        let mut text = version["object"].to_string();
        for (name, offset) in want["seconds"].as_object().into_iter().flatten() {
            let time =
                later(start, SignedDuration::try_from_secs_f64(offset.as_f64().unwrap_or(0.0)).unwrap());
            text = text.replace(&format!("\"{name}\""), &format!("\"{time}\""));
        }
        let mut object: Value = serde_json::from_str(&text).unwrap();
        if object["spec"].is_object() {
            spec = object["spec"].clone();
        } else {
            object["spec"] = spec.clone();
        }
        let this = version["after_action"].as_i64().unwrap_or(0);
        if this != action {
            action = this;
            sent = versions.last().map_or(start, |last| later(last.at, SignedDuration::from_secs(60)));
        }
        let at = later(sent, SignedDuration::from_millis(version["ms"].as_i64().unwrap_or(0)));
        versions.push(Version { object, at, action });
    }
    versions
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap()
}
