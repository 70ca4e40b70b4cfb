//! Health of single Applications and of several.

use super::*;

fn app(finished: Option<&str>, reconciled: Option<&str>, health: &str) -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"source": {"repoURL": "r"}},
        "status": {
            "health": {"status": health}, "reconciledAt": reconciled, "sync": {"status": "Synced", "revision": "aaa"},
            "operationState": {"phase": "Succeeded", "finishedAt": finished},
        },
    })
}

fn assessed(object: &Value, apps: &Value) -> Health {
    let input = json!({"apps": apps});
    assess(&[Check { kind: KIND, input: &input }], "argocd", |name| {
        if name.name == "shop" { Known::Application(object) } else { Known::Missing }
    })
}

#[test]
fn fm_33_health_counts_only_after_the_operation_was_compared() {
    let finished = Some("2031-01-01T00:05:00Z");
    for (reconciled, state, refresh) in [
        (None, State::Unknown, 1),
        (Some("2031-01-01T00:04:59Z"), State::Unknown, 1),
        (Some("2031-01-01T00:05:00Z"), State::Healthy, 0),
        (Some("2031-01-01T00:06:00+00:00"), State::Healthy, 0),
    ] {
        let health = assessed(&app(finished, reconciled, "Healthy"), &json!([{"name": "shop"}]));
        assert_eq!((health.state, health.refresh.len()), (state, refresh), "{reconciled:?}");
    }
    let mut asked = app(finished, None, "Healthy");
    asked["metadata"]["annotations"] = json!({crate::REFRESH_ANNOTATION: "hard"});
    assert!(assessed(&asked, &json!([{"name": "shop"}])).refresh.is_empty(), "it is asked for once");
}

#[test]
fn fm_35_a_new_comparison_alone_changes_nothing() {
    let at = |time| {
        assessed(&app(Some("2031-01-01T00:05:00Z"), Some(time), "Healthy"), &json!([{"name": "shop"}]))
    };
    assert_eq!(at("2031-01-01T00:06:00Z"), at("2031-01-01T00:09:00Z"));
}

#[test]
fn each_application_is_held_to_its_own_desired_revision() {
    let object = app(Some("2031-01-01T00:05:00Z"), Some("2031-01-01T00:06:00Z"), "Healthy");
    for (desired, state) in [("aaa", State::Healthy), ("bbb", State::Unhealthy), ("", State::Healthy)] {
        let health = assessed(&object, &json!([{"name": "shop", "desiredRevisions": [desired]}]));
        assert_eq!(health.state, state, "{desired}");
    }
}

#[test]
fn the_worst_counts_and_odd_input_does_not_fail() {
    let object = app(None, None, "Degraded");
    let health = assessed(&object, &json!([{"name": "other"}, {"name": "shop"}]));
    assert_eq!((health.state, health.issues.len()), (State::Unhealthy, 2));
    for apps in [json!(3), json!([3, null, {"name": 4}, {"name": "shop", "desiredRevisions": 7}])] {
        assert_ne!(assessed(&object, &apps).state, State::Healthy);
    }
    let input = json!({});
    let check = Check { kind: KIND, input: &input };
    assert!(applications(&[check], "argocd").is_empty());
    let disabled = json!({"apps": [{"name": "shop"}]});
    let health = assess(&[Check { kind: KIND, input: &disabled }], "argocd", |_| Known::Disabled);
    assert_eq!((health.state, health.issues.len(), health.output.len()), (State::Unknown, 1, 0));
}
