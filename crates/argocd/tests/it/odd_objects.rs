//! Whatever stands in an Application, whoever may write one: nothing panics.

use ferry_argocd::freshness::{freshness, observe};
use ferry_argocd::health::{Check, KIND, Known, assess};
use ferry_argocd::update::{self, Context, Seen};
use ferry_argocd::{AppRef, Application, authorization, changes, wait};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "(Running|Succeeded|Failed|Healthy|Synced|r|[a-zA-Z0-9:,* -]{0,12})".prop_map(Value::from),
        Just("2031-01-01T00:00:00Z").prop_map(Value::from),
    ];
    let keys = "(metadata|annotations|labels|name|spec|source|sources|repoURL|helm|parameters|kustomize|images|status|sync\
                |comparedTo|health|operation|operationState|info|initiatedBy|phase|finishedAt|reconciledAt|syncResult\
                |revision|revisions|conditions|type|history|id|syncPolicy|retry|syncOptions\
                |kargo.akuity.io/authorized-stage)";
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn update() -> update::config::AppUpdate {
    serde_json::from_value(json!({"name": "shop", "sources": [{
        "repoURL": "r", "desiredRevision": "abc", "updateTargetRevision": true,
        "helm": {"images": [{"key": "k", "value": "v"}]}, "kustomize": {"images": [{"repoURL": "i", "tag": "1"}]},
    }]}))
    .unwrap()
}

proptest! {
    #[test]
    fn no_application_makes_anything_panic(object in odd(), other in odd(), input in odd()) {
        let (app, before) = (Application::new(&object), Application::new(&other));
        let context = Context { promotion: "p".to_owned(), ..Context::default() };
        let _ = authorization::authorize(app, "demo", "dev").map_err(|refusal| refusal.to_string());
        let desired = update::desired_revisions(&update(), app);
        let sources = update::desired_sources(&update(), app).unwrap_or_default();
        let _ = update::operation_patch(app, &sources, &context);
        let seen: Seen = serde_json::from_value(json!({"/": {"requested": {}}})).unwrap();
        let _ = update::decide(app, &context, &desired, seen.of(&AppRef::new("", "")));
        let _ = wait::decide(app, wait::Condition::DEFAULT, "Healthy");
        let _ = (changes::wakes_promotion(before, app), changes::wakes_stage(before, app), changes::stages(app));
        let observed = observe(None, app, Timestamp::UNIX_EPOCH);
        let _ = freshness(app, &["abc"], &observed, Timestamp::UNIX_EPOCH);
        let _ = assess(&[Check { kind: KIND, input: &input }], "argocd", |_| Known::Application(&object));
    }
}
