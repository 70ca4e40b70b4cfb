//! The decisions against the recorded life of Applications: beginnings and ends of operations, and what a sync leaves.

use ferry_vectors::{Verdict, difference, tally};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::application::{at, operation_state, text};
use super::comparison::{Observed, Target, compared, stale_first};
use super::operation::{self, Outcome, automatic, begin, end, phase};
use super::resource::{Key, Resource};
use super::spec::{Stops, Wrong};
use super::sync::{Done, Request, Task, entries, failed, plan, succeeded};
use super::{merge, resource};

fn now() -> Timestamp {
    "2026-03-04T10:00:00Z".parse().unwrap()
}

/// Every recorded version with its spec.
fn versions(line: &Value) -> Vec<Value> {
    let mut spec = Value::Null;
    let trace = line.pointer("/want/trace").and_then(Value::as_array).unwrap();
    let whole = |version: &Value| {
        let mut object = version["object"].clone();
        match object.get("spec") {
            Some(own) => spec = own.clone(),
            None => object["spec"] = spec.clone(),
        }
        object
    };
    trace.iter().map(whole).collect()
}

/// The object without what differs from run to run.
fn timeless(app: &Value) -> Value {
    let mut app = app.clone();
    for path in [["status", "operationState", "startedAt"], ["status", "operationState", "finishedAt"]] {
        if at(&app, &format!("/{}", path.join("/"))).is_some() {
            merge::set(&mut app, &path, json!("<time>"));
        }
    }
    for entry in app.pointer_mut("/status/history").and_then(Value::as_array_mut).into_iter().flatten() {
        entry["deployStartedAt"] = json!("<time>");
        entry["deployedAt"] = json!("<time>");
    }
    app
}

/// How the recorded attempt ended, as the decision is told of it.
fn recorded_outcome(ended: &Value, remembered: bool) -> Outcome {
    let message = text(ended, "/status/operationState/message");
    let message = message.split(" (retried ").next().unwrap_or(message);
    let phase = ["Succeeded", "Failed", "Error"].into_iter().find(|known| *known == phase(ended)).unwrap();
    Outcome {
        phase,
        message: message.to_owned(),
        result: at(ended, "/status/operationState/syncResult").cloned(),
        remembered,
    }
}

fn operations(line: &Value) -> Verdict {
    let versions = versions(line);
    let mut seen = 0;
    for (i, pair) in versions.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let begun =
            phase(after) == "Running" && operation_state(before).is_none_or(|_| operation_is_over(before));
        let ended =
            operation_is_over(after) && before.get("operation").is_some() && after.get("operation").is_none();
        let ours = if begun && at(after, "/status/operationState/retryCount").is_none() {
            begin(before, now())
        } else if ended && phase(before) == "Running" {
            let back = usize::from(at(before, "/status/history") != at(&versions[i - 1], "/status/history"));
            let ours = end(&versions[i - back], &recorded_outcome(after, back == 1), false, now());
            if ours.len() != back + 1 {
                return Verdict::Different(format!("version {}: {} versions", i + 1, ours.len()));
            }
            ours.last().cloned().unwrap_or_default()
        } else {
            continue;
        };
        seen += 1;
        // Informative texts of failures are not among the recordings.
        let (mut want, mut got) = (timeless(after), timeless(&ours));
        if phase(after) != "Succeeded" {
            merge::remove(&mut want, &["status", "operationState", "message"]);
            merge::remove(&mut got, &["status", "operationState", "message"]);
        }
        if let Some(what) = difference(&want, &got) {
            return Verdict::Different(format!("version {}: {what}", i + 1));
        }
    }
    if seen == 0 { Verdict::NotCovered("no operation begins or ends".to_owned()) } else { Verdict::Equal }
}

fn operation_is_over(app: &Value) -> bool {
    super::application::is_over(phase(app))
}

#[test]
fn vectors_transitions_beginnings_and_ends_of_operations() {
    // The file's line is printed by the test that lives the whole lives again.
    if let Some(tally) = tally("argocd/transitions", |case| operations(&case.line)) {
        assert!(tally.different.is_empty(), "{}", tally.list(20));
        assert!(tally.equal > 0 || tally.not_covered.len() < 10, "nothing was compared");
    }
}

const OWNER: &str = "shop";

fn manifest(name: &str, leaf: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"leaf": leaf},
        "metadata": {"name": name, "namespace": "tea", "annotations": {resource::TRACKING_ID: format!("{OWNER}:/ConfigMap:tea/{name}")}},
    })
}

fn app() -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.test/a.git", "path": "app", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "tea"},
        },
    })
}

fn observed(resources: Vec<Resource>) -> Observed {
    let target =
        Target { revisions: vec!["c1".into()], types: vec!["Directory".into()], manifests: Vec::new() };
    Observed { invalid: None, target: Ok(target), resources, may_sync: true }
}

fn resource(target: Option<Value>, live: Option<Value>) -> Resource {
    Resource { key: Key::of(target.as_ref().or(live.as_ref()).unwrap()), target, live, is_permitted: true }
}

fn status_of(app: &Value, observed: &Observed) -> Value {
    compared(app, observed, OWNER, "argocd", true, now())["status"].clone()
}

#[test]
fn a_first_comparison_finds_everything_missing() {
    let status = status_of(&app(), &observed(vec![resource(Some(manifest("menu", "mint")), None)]));
    let spec = app()["spec"].clone();
    assert_eq!(
        status,
        json!({
            "controllerNamespace": "argocd",
            "health": {"lastTransitionTime": "2026-03-04T10:00:00Z", "status": "Missing"},
            "reconciledAt": "2026-03-04T10:00:00Z",
            "resourceHealthSource": "appTree",
            "resources": [{"kind": "ConfigMap", "name": "menu", "namespace": "tea", "status": "OutOfSync", "version": "v1"}],
            "sourceType": "Directory",
            "sync": {
                "comparedTo": {"destination": spec["destination"], "source": spec["source"]},
                "revision": "c1",
                "status": "OutOfSync",
            },
        })
    );
}

#[test]
fn what_git_has_no_longer_requires_pruning() {
    let both = [
        resource(Some(manifest("menu", "mint")), Some(manifest("menu", "mint"))),
        resource(None, Some(manifest("old", "x"))),
    ];
    let status = status_of(&app(), &observed(both.to_vec()));
    assert_eq!(status["sync"]["status"], "OutOfSync");
    assert_eq!(status["resources"][1]["requiresPruning"], true);
    assert_eq!(status["health"]["status"], "Healthy");
}

#[test]
fn a_repository_error_shows_as_unknown_and_healthy() {
    let mut observed = observed(vec![resource(None, Some(manifest("menu", "mint")))]);
    observed.target = Err("no answer".to_owned());
    let status = status_of(&app(), &observed);
    assert_eq!(status["sync"]["status"], "Unknown");
    assert_eq!(status["sync"]["revision"], "main", "the name stands where the commit is not known");
    assert_eq!(status["health"]["status"], "Healthy");
    assert_eq!(status["conditions"][0]["type"], "ComparisonError");
    assert_eq!(status["resources"][0]["status"], "Unknown");
    assert_eq!(status.get("sourceType"), None);
}

#[test]
fn an_invalid_spec_never_gets_a_time_of_comparison() {
    let status = status_of(
        &app(),
        &Observed {
            may_sync: true,
            invalid: Some(Wrong { what: "no such project".to_owned(), stops: Stops::Project }),
            ..observed(Vec::new())
        },
    );
    assert_eq!(status.get("reconciledAt"), None);
    assert_eq!(status["sync"], json!({"status": "Unknown"}));
    assert_eq!(status["health"]["status"], "Unknown");
    assert_eq!(status["conditions"][0]["type"], "InvalidSpecError");
}

#[test]
fn times_move_only_with_what_they_speak_of() {
    let synced = || observed(vec![resource(Some(manifest("menu", "mint")), Some(manifest("menu", "mint")))]);
    let first = compared(&app(), &synced(), OWNER, "argocd", true, now());
    let later = "2026-03-04T11:00:00Z".parse().unwrap();
    assert_eq!(
        compared(&first, &synced(), OWNER, "argocd", false, later),
        first,
        "nothing was asked, nothing changed"
    );
    let full = compared(&first, &synced(), OWNER, "argocd", true, later);
    assert_eq!(
        merge::between(&first, &full),
        Some(json!({"status": {"reconciledAt": "2026-03-04T11:00:00Z"}}))
    );
}

#[test]
fn a_stale_version_has_the_new_time_and_the_old_findings() {
    let missing = compared(
        &app(),
        &observed(vec![resource(Some(manifest("menu", "a")), None)]),
        OWNER,
        "argocd",
        true,
        now(),
    );
    let later = "2026-03-04T10:00:05Z".parse().unwrap();
    let found = observed(vec![resource(Some(manifest("menu", "a")), Some(manifest("menu", "a")))]);
    let fresh = compared(&missing, &found, OWNER, "argocd", true, later);
    let stale = stale_first(&missing, &fresh).unwrap();
    assert_eq!(stale["status"]["reconciledAt"], "2026-03-04T10:00:05Z");
    assert_eq!(stale["status"]["sync"]["status"], "OutOfSync");
    assert_eq!(fresh["status"]["sync"]["status"], "Synced");
}

#[test]
fn a_sync_tells_what_became_of_each_object() {
    let request = Request::of(&json!({}));
    let tasks = plan(
        &request,
        &[resource(Some(manifest("menu", "a")), None), resource(None, Some(manifest("old", "x")))],
    );
    let done: Vec<(Task, Done)> = tasks.into_iter().zip([Done::Applied("created"), Done::Kept]).collect();
    let entries = entries(&request, &done);
    assert_eq!(entries[0]["message"], "configmap/menu created");
    assert_eq!(entries[1]["status"], "PruneSkipped");
    let ended = succeeded(&request, false, request.result(&app(), Some(&["c1".to_owned()]), &entries));
    assert_eq!((ended.phase, ended.remembered), ("Succeeded", true));
    assert_eq!(ended.result.unwrap()["revision"], "c1");
}

#[test]
fn one_refused_object_fails_the_sync() {
    let request = Request::of(&json!({}));
    let task = || plan(&request, &[resource(Some(manifest("menu", "a")), None)]).remove(0);
    for (done, before, part) in [
        (Done::UnknownKind, true, "failed to discover server resources for group version v1"),
        (
            Done::Refused("namespaces \"tea\" not found".to_owned()),
            true,
            "one or more objects failed to apply, reason: namespaces",
        ),
        (Done::Refused("is invalid".to_owned()), false, "completed unsuccessfully, reason: is invalid"),
        (Done::Forbidden("tea".to_owned()), true, "is not permitted in project tea"),
    ] {
        let ended = failed(&[(task(), done)], Value::Null, before);
        assert_eq!((ended.phase, ended.remembered), ("Failed", false));
        assert!(ended.message.contains(part), "{} should say {part}", ended.message);
    }
}

#[test]
fn a_partial_or_dry_sync_is_not_remembered() {
    for sync in [json!({"dryRun": true}), json!({"resources": [{"kind": "ConfigMap", "name": "menu"}]})] {
        let request = Request::of(&sync);
        assert!(!succeeded(&request, false, Value::Null).remembered, "{sync}");
    }
    let only = Request::of(&json!({"resources": [{"kind": "ConfigMap", "name": "menu"}]}));
    let both = [resource(Some(manifest("menu", "a")), None), resource(Some(manifest("side", "a")), None)];
    assert_eq!(plan(&only, &both).len(), 1);
}

#[test]
fn a_sync_starts_by_itself_where_the_policy_says_so() {
    let target =
        || Target { revisions: vec!["c1".into()], types: vec!["Directory".into()], manifests: Vec::new() };
    let behind = |policy: Value| {
        let mut app = app();
        app["spec"]["syncPolicy"] = json!({"automated": policy});
        compared(
            &app,
            &observed(vec![resource(Some(manifest("menu", "a")), None)]),
            OWNER,
            "argocd",
            true,
            now(),
        )
    };
    assert_eq!(automatic(&behind(Value::Null), &target(), now()), None);
    assert_eq!(automatic(&behind(json!({"enabled": false})), &target(), now()), None);
    let asked = automatic(&behind(json!({"prune": true})), &target(), now()).unwrap();
    assert_eq!(
        asked,
        json!({
            "initiatedBy": {"automated": true}, "retry": {"limit": 5},
            "sync": {"prune": true, "revision": "c1", "source": app()["spec"]["source"]},
        })
    );
    // What was tried at this revision is not tried again, unless it is to be healed.
    let tried = |policy: Value| {
        let mut app = behind(policy);
        let result = json!({"revision": "c1", "source": app["spec"]["source"]});
        app["status"]["operationState"] =
            json!({"phase": "Succeeded", "operation": asked, "syncResult": result});
        app
    };
    assert_eq!(automatic(&tried(json!({})), &target(), now()), None);
    let healing = automatic(&tried(json!({"selfHeal": true})), &target(), now()).unwrap();
    assert_eq!(healing["sync"]["autoHealAttemptsCount"], 1);
    assert_eq!(healing["sync"]["resources"], json!([{"kind": "ConfigMap", "name": "menu"}]));
}

#[test]
fn a_failed_attempt_waits_and_is_tried_again_up_to_the_limit() {
    let mut app = app();
    app["operation"] = json!({"sync": {}, "retry": {"limit": 1, "backoff": {"duration": "2s"}}});
    let begun = begin(&app, now());
    let refused = Outcome { phase: "Failed", message: "no".to_owned(), result: None, remembered: false };
    let waiting = end(&begun, &refused, false, now()).remove(0);
    assert_eq!(
        (phase(&waiting), waiting["status"]["operationState"]["retryCount"].clone()),
        ("Running", json!(1))
    );
    assert!(waiting.get("operation").is_some());
    assert_eq!(operation::retry_at(&waiting), Some("2026-03-04T10:00:04Z".parse().unwrap()));
    let last = end(&operation::retry(&waiting), &refused, false, now()).remove(0);
    assert_eq!(phase(&last), "Failed");
    assert_eq!(last.get("operation"), None);
    assert_eq!(text(&last, "/status/operationState/message"), "no (retried 1 times).");
}
