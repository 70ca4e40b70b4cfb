//! The table of decisions for one Application.

use serde_json::{Value, json};

use super::*;
use crate::update::Seen;

fn context() -> Context {
    Context { promotion: "mine".to_owned(), ..Context::default() }
}

/// An Application whose latest operation was for `promotion` (nobody's when empty), in `phase`, at `revision`.
fn app(promotion: &str, phase: &str, revision: &str) -> Value {
    let info = match promotion {
        "" => json!(null),
        promotion => json!([{"name": "kargo.akuity.io/promotion", "value": promotion}]),
    };
    json!({
        "metadata": {"name": "shop", "namespace": "argocd"},
        "status": {"operationState": {
            "phase": phase, "message": "op text",
            "operation": {"info": info, "initiatedBy": {"username": if promotion.is_empty() { "admin" } else { "k" }}},
            "syncResult": {"revision": revision},
        }},
    })
}

fn decided(object: &Value, desired: &[&str], seen: Option<&SeenApp>) -> Result<Decision, Error> {
    let desired: Vec<_> = desired.iter().map(|d| (*d).to_owned()).collect();
    decide(Application::new(object), &context(), &desired, seen)
}

fn word(decision: &Decision) -> String {
    match decision {
        Decision::Update(_) => "update".to_owned(),
        Decision::Wait { phase, .. } => format!("wait {phase}"),
        Decision::Done => "done".to_owned(),
        Decision::Failed { phase, .. } => format!("failed {phase}"),
    }
}

#[test]
fn whose_operation_it_is_and_how_it_goes_decides() {
    for (promotion, phase, desired, want) in [
        ("mine", "Running", "aaa", "wait Running"),
        ("mine", "Terminating", "bbb", "wait Terminating"),
        ("mine", "Succeeded", "aaa", "done"),
        ("mine", "Succeeded", "", "done"),
        ("mine", "Succeeded", "bbb", "update"),
        ("mine", "Failed", "aaa", "failed Failed"),
        ("mine", "Error", "", "failed Error"),
        ("mine", "Failed", "bbb", "update"),
        ("mine", "", "aaa", "wait "),
        ("mine", "Weird", "aaa", "wait Weird"),
        ("other", "Running", "aaa", "wait Running"),
        ("other", "Succeeded", "aaa", "update"),
        ("other", "", "aaa", "wait Running"),
        ("", "Running", "aaa", "wait Running"),
        ("", "Failed", "aaa", "update"),
        ("", "", "aaa", "wait Running"),
    ] {
        let decision = decided(&app(promotion, phase, "aaa"), &[desired], None).unwrap();
        assert_eq!(word(&decision), want, "{promotion} {phase} {desired}");
    }
}

#[test]
fn without_an_operation_or_without_its_result_it_is_requested() {
    let never = json!({"metadata": {"name": "shop"}});
    assert_eq!(word(&decided(&never, &[""], None).unwrap()), "update");
    let mut no_result = app("mine", "Succeeded", "aaa");
    no_result["status"]["operationState"]["syncResult"] = Value::Null;
    assert_eq!(word(&decided(&no_result, &["aaa"], None).unwrap()), "update");
}

#[test]
fn fm_28_a_failed_operation_says_what_argo_cd_says() {
    let decision = decided(&app("mine", "Error", "aaa"), &["aaa"], None).unwrap();
    assert_eq!(decision, Decision::Failed { phase: Phase::Error, message: "op text".to_owned() });
    let mut waiting = app("mine", "Running", "aaa");
    waiting["status"]["conditions"] = json!([{"type": "ComparisonError", "message": "no such path"}]);
    let Decision::Wait { why, .. } = decided(&waiting, &["aaa"], None).unwrap() else { panic!("it waits") };
    assert!(why.contains("op text; ComparisonError: no such path"), "{why}");
}

#[test]
fn fm_30_a_foreign_operation_is_waited_for_also_before_it_starts() {
    let Decision::Wait { why, .. } = decided(&app("", "Running", "aaa"), &["aaa"], None).unwrap() else {
        panic!("it waits")
    };
    assert!(why.contains("initiated by \"admin\"") && why.contains("op text"), "{why}");
    for state in [Value::Null, app("other", "Succeeded", "aaa")["status"]["operationState"].clone()] {
        let requested = json!({
            "operation": {"initiatedBy": {"username": "ann"}, "sync": {}}, "status": {"operationState": state},
        });
        assert_eq!(word(&decided(&requested, &["aaa"], None).unwrap()), "wait Running");
    }
}

#[test]
fn fm_30_a_deny_window_is_reported() {
    let mut blocked = app("mine", "Running", "");
    blocked["status"]["operationState"]["message"] = "Sync operation blocked by sync window".into();
    let Decision::Wait { why, .. } = decided(&blocked, &["aaa"], None).unwrap() else { panic!("it waits") };
    assert!(why.ends_with("the operation is Running: Sync operation blocked by sync window"), "{why}");
}

#[test]
fn a_success_of_ours_counts_though_somebody_already_asked_for_the_next_operation() {
    let mut object = app("mine", "Succeeded", "aaa");
    object["operation"] = json!({"initiatedBy": {"username": "ann"}, "sync": {}});
    assert_eq!(word(&decided(&object, &["aaa"], None).unwrap()), "done");
    assert_eq!(word(&decided(&object, &["bbb"], None).unwrap()), "wait Running");
}

#[test]
fn fm_06_our_operation_is_not_requested_twice() {
    let info = json!([{"name": "kargo.akuity.io/promotion", "value": "mine"}]);
    let requested = json!({"operation": {"info": info, "sync": {}}, "status": {"operationState": null}});
    assert_eq!(word(&decided(&requested, &["aaa"], None).unwrap()), "wait Running");
}

#[test]
fn fewer_applied_revisions_pass_and_more_are_an_error() {
    let object = app("mine", "Succeeded", "aaa");
    assert_eq!(word(&decided(&object, &["aaa", "1.0.0"], None).unwrap()), "done");
    let mut more = object;
    more["status"]["operationState"]["syncResult"]["revisions"] = json!(["aaa", "bbb"]);
    let error = decided(&more, &["aaa"], None).unwrap_err().to_string();
    assert!(error.contains("applied 2 revisions but the Application has 1 sources"), "{error}");
    assert_eq!(word(&decided(&more, &[], None).unwrap()), "done");
}

#[test]
fn a_success_that_was_seen_still_counts_after_self_heal_replaced_it() {
    let desired = ["aaa".to_owned()];
    let ours = app("mine", "Succeeded", "aaa");
    let mut seen = Seen::default();
    seen.succeeded(Application::new(&ours), &desired);
    let seen = seen.of(&AppRef::new("argocd", "shop")).unwrap();
    let healing =
        json!({"metadata": ours["metadata"], "operation": {"initiatedBy": {"automated": true}, "sync": {}}});
    for replaced in [app("", "Running", "aaa"), app("", "Succeeded", "aaa"), healing] {
        assert_eq!(word(&decided(&replaced, &["aaa"], Some(seen)).unwrap()), "done");
        assert_ne!(word(&decided(&replaced, &["bbb"], Some(seen)).unwrap()), "done");
    }
    assert_eq!(word(&decided(&app("mine", "Running", "aaa"), &["aaa"], Some(seen)).unwrap()), "wait Running");
}

#[test]
fn a_success_that_only_the_history_tells_of_counts_too() {
    let entry = |id: i64, by: &str, revision: &str| json!({"id": id, "revision": revision, "initiatedBy": {"username": by, "automated": true}});
    let mut before = app("", "Succeeded", "old");
    before["status"]["history"] = json!([entry(3, "kargo-controller", "aaa")]);
    let mut seen = Seen::default();
    seen.requested(Application::new(&before));
    let seen = seen.of(&AppRef::new("argocd", "shop")).unwrap();
    for (newest, want) in [
        (entry(3, "kargo-controller", "aaa"), "update"),
        (entry(4, "kargo-controller", "aaa"), "done"),
        (entry(4, "kargo-controller", "bbb"), "update"),
        (entry(4, "ann", "aaa"), "update"),
    ] {
        let mut now = before.clone();
        now["status"]["history"] = json!([newest]);
        assert_eq!(word(&decided(&now, &["aaa"], Some(seen)).unwrap()), want, "{newest}");
    }
}
