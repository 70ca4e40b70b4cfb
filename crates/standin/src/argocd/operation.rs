//! The life of an operation: how it begins, ends, is tried again, is remembered, and when one starts by itself.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::application::{
    at, flag, has_sources, is_over, list, operation, operation_state, sources, text, time, written,
};
use super::comparison::Target;
use super::sync::Request;
use super::{merge, windows};

/// How an attempt went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `Succeeded`, `Failed` or `Error`.
    pub phase: &'static str,
    pub message: String,
    /// `operationState.syncResult`, where there was something to sync.
    pub result: Option<Value>,
    /// Whether a success goes into the history: one that applied everything and not only for show.
    pub remembered: bool,
}

impl Outcome {
    /// An attempt that could not even begin.
    pub fn error(message: impl Into<String>) -> Self {
        Self { phase: "Error", message: message.into(), result: None, remembered: false }
    }
}

/// A new operation replaces the whole state.
pub fn begin(app: &Value, now: Timestamp) -> Value {
    let mut next = app.clone();
    let mut asked = operation(app).cloned().unwrap_or_default();
    for member in ["initiatedBy", "retry"] {
        if asked.get(member).is_none() {
            asked[member] = json!({});
        }
    }
    let state = json!({"operation": asked, "phase": "Running", "startedAt": written(now)});
    merge::set(&mut next, &["status", "operationState"], state);
    next
}

/// The versions in which an attempt ends: the history's entry, then the end itself, in which `operation` vanishes and
/// nothing else of the status changes. One that will be tried again stays `Running`.
///
/// `again`: an end may have been cut short after the entry, by a kill or by another writer; it is made again, the entry
/// is not.
pub fn end(app: &Value, outcome: &Outcome, again: bool, now: Timestamp) -> Vec<Value> {
    let mut versions = Vec::new();
    let mut next = app.clone();
    if outcome.remembered && outcome.phase == "Succeeded" {
        remember(&mut next, outcome.result.as_ref(), again, now);
        versions.push(next.clone());
    }
    let tried = at(app, "/status/operationState/retryCount").and_then(Value::as_i64).unwrap_or(0);
    let limit = at(app, "/status/operationState/operation/retry/limit").and_then(Value::as_i64).unwrap_or(0);
    let again = outcome.phase != "Succeeded" && (limit < 0 || tried < limit) && phase(app) != "Terminating";
    let mut state = operation_state(app).cloned().unwrap_or_default();
    state["finishedAt"] = json!(written(now));
    if let Some(result) = &outcome.result {
        state["syncResult"] = result.clone();
    }
    if again {
        state["retryCount"] = json!(tried + 1);
        let at = written(now.saturating_add(pause(app, tried + 1)).unwrap_or(now));
        state["message"] = json!(format!("{}. Retrying attempt #{} at {at}.", outcome.message, tried + 1));
    } else {
        let suffix = if tried > 0 && outcome.phase != "Succeeded" {
            format!(" (retried {tried} times).")
        } else {
            String::new()
        };
        state["message"] = json!(format!("{}{suffix}", outcome.message));
        state["phase"] = json!(outcome.phase);
        merge::remove(&mut next, &["operation"]);
    }
    merge::set(&mut next, &["status", "operationState"], state);
    versions.push(next);
    versions
}

/// It waits for somebody.
pub fn waiting(app: &Value, message: &str, result: Option<Value>) -> Value {
    let mut next = app.clone();
    if let Some(result) = result {
        merge::set(&mut next, &["status", "operationState", "syncResult"], result);
    }
    merge::set(&mut next, &["status", "operationState", "message"], json!(message));
    next
}

/// It waits for a window of its project.
pub fn blocked(app: &Value) -> Value {
    let sync = at(app, "/status/operationState/operation/sync");
    waiting(app, windows::BLOCKED, sync.map(|sync| Request::of(sync).result(app, None, &[])))
}

/// When an attempt that failed is to be tried again; `None` where none waits.
pub fn retry_at(app: &Value) -> Option<Timestamp> {
    let waits = phase(app) == "Running" && at(app, "/status/operationState/retryCount").is_some();
    let finished = time(app, "/status/operationState/finishedAt").filter(|_| waits)?;
    let tried = at(app, "/status/operationState/retryCount").and_then(Value::as_i64).unwrap_or(1);
    finished.saturating_add(pause(app, tried)).ok()
}

/// The next attempt begins.
pub fn retry(app: &Value) -> Value {
    let mut next = app.clone();
    let tried = at(app, "/status/operationState/retryCount").and_then(Value::as_i64).unwrap_or(1);
    merge::remove(&mut next, &["status", "operationState", "finishedAt"]);
    merge::remove(&mut next, &["status", "operationState", "syncResult"]);
    let message = json!(format!("Retrying operation. Attempt #{tried}"));
    merge::set(&mut next, &["status", "operationState", "message"], message);
    next
}

/// Whether the operation that ended last makes a comparison necessary: one that only showed, or had nothing to do, does not.
pub fn wants_comparison(app: &Value) -> bool {
    let synced = at(app, "/status/operationState/operation/sync").is_some();
    synced && !flag(app, "/status/operationState/operation/sync/dryRun")
}

/// The operation that starts by itself after a comparison, where the policy wants one. `next` has the new status.
pub fn automatic(next: &Value, target: &Target, now: Timestamp) -> Option<Value> {
    let policy = at(next, "/spec/syncPolicy/automated")?;
    let off = policy.get("enabled").and_then(Value::as_bool) == Some(false);
    let busy = operation(next).is_some() || !matches!(phase(next), "" | "Succeeded" | "Failed" | "Error");
    let leaving = at(next, "/metadata/deletionTimestamp").is_some();
    if off || busy || leaving || text(next, "/status/sync/status") != "OutOfSync" {
        return None;
    }
    let prune = flag(policy, "/prune");
    let behind = list(next, "/status/resources").iter().filter(|entry| text(entry, "/status") == "OutOfSync");
    let doable: Vec<&Value> = behind.filter(|entry| prune || !flag(entry, "/requiresPruning")).collect();
    if doable.is_empty() {
        return None;
    }
    let mut sync = Map::new();
    if prune {
        sync.insert("prune".to_owned(), json!(true));
    }
    if let Some(options) = at(next, "/spec/syncPolicy/syncOptions") {
        sync.insert("syncOptions".to_owned(), options.clone());
    }
    if was_tried(next, target) {
        let healed = heal(next, policy, now)?;
        sync.insert("autoHealAttemptsCount".to_owned(), json!(healed));
        let named = |entry: &&Value| {
            let mut named = json!({"kind": entry["kind"], "name": entry["name"]});
            if let Some(group) = entry.get("group") {
                named["group"] = group.clone();
            }
            named
        };
        sync.insert("resources".to_owned(), doable.iter().map(named).collect());
    }
    if has_sources(next) {
        sync.insert("revisions".to_owned(), json!(target.revisions));
        sync.insert("sources".to_owned(), json!(sources(next)));
    } else {
        sync.insert("revision".to_owned(), json!(target.revisions.first()));
        sync.insert("source".to_owned(), json!(sources(next).first()));
    }
    let retry = at(next, "/spec/syncPolicy/retry").cloned().unwrap_or_else(|| json!({"limit": 5}));
    Some(json!({"initiatedBy": {"automated": true}, "retry": retry, "sync": sync}))
}

/// Where the last or the running operation stands, empty where there was none.
pub fn phase(app: &Value) -> &str {
    text(app, "/status/operationState/phase")
}

/// Whether these revisions of these sources were synced or tried already.
fn was_tried(app: &Value, target: &Target) -> bool {
    let Some(result) = at(app, "/status/operationState/syncResult") else { return false };
    let same = if has_sources(app) {
        result.get("revisions") == Some(&json!(target.revisions))
            && result.get("sources") == Some(&json!(sources(app)))
    } else {
        result.get("revision") == target.revisions.first().map(|r| json!(r)).as_ref()
            && result.get("source") == sources(app).first()
    };
    same && is_over(phase(app))
}

/// Which attempt at healing this would be; `None` where healing is not wanted, or too soon after the one before.
fn heal(app: &Value, policy: &Value, now: Timestamp) -> Option<i64> {
    if !flag(policy, "/selfHeal") {
        return None;
    }
    let before = at(app, "/status/operationState/operation/sync/autoHealAttemptsCount")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let finished = time(app, "/status/operationState/finishedAt").unwrap_or(now);
    let seconds =
        if before == 0 { 0 } else { 3_i64.saturating_pow(u32::try_from(before - 1).unwrap_or(9)).min(300) };
    let ready = finished.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(finished);
    (now >= ready).then_some(before + 1)
}

/// The pause before an attempt: 5 s, doubled each time, at most 3 min, unless the operation says otherwise.
fn pause(app: &Value, attempt: i64) -> SignedDuration {
    let backoff = "/status/operationState/operation/retry/backoff";
    let seconds = |member: &str, otherwise| {
        let given = text(app, &format!("{backoff}/{member}")).parse::<SignedDuration>().ok();
        given.unwrap_or(SignedDuration::from_secs(otherwise)).as_secs().max(0)
    };
    let factor = at(app, &format!("{backoff}/factor")).and_then(Value::as_i64).unwrap_or(2).max(1);
    let times = factor.saturating_pow(u32::try_from(attempt).unwrap_or(0));
    SignedDuration::from_secs(seconds("duration", 5).saturating_mul(times).min(seconds("maxDuration", 180)))
}

/// How many entries the history keeps, unless the spec says otherwise.
const HISTORY: u64 = 10;

fn remember(app: &mut Value, result: Option<&Value>, again: bool, now: Timestamp) {
    let mut history = list(app, "/status/history").to_vec();
    let id = history.last().and_then(|entry| entry.get("id")?.as_i64()).map_or(0, |id| id + 1);
    let mut entry = json!({
        "id": id,
        "deployStartedAt": text(app, "/status/operationState/startedAt"),
        "deployedAt": written(now),
        "initiatedBy": at(app, "/status/operationState/operation/initiatedBy").cloned().unwrap_or_else(|| json!({})),
    });
    let member = |name: &str| result.and_then(|result| result.get(name)).cloned();
    if let (Some(revisions), Some(sources)) = (member("revisions"), member("sources")) {
        entry["revisions"] = revisions;
        entry["sources"] = sources;
        entry["source"] = json!({"repoURL": ""});
    } else {
        entry["revision"] = member("revision").unwrap_or_default();
        entry["source"] = member("source").unwrap_or_default();
    }
    let same = |last: &Value| {
        ["deployStartedAt", "revision", "revisions", "source", "sources"]
            .iter()
            .all(|member| last.get(member) == entry.get(member))
    };
    if again && history.last().is_some_and(same) {
        return;
    }
    history.push(entry);
    let most = at(app, "/spec/revisionHistoryLimit").and_then(Value::as_u64).unwrap_or(HISTORY);
    let too_many = history.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
    history.drain(..too_many);
    merge::set(app, &["status", "history"], Value::from(history));
}
