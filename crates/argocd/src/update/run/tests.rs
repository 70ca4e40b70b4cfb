//! Whole attempts against Applications in memory.

use super::*;
use crate::authorization::ANNOTATION;

fn context() -> Context {
    Context {
        project: "demo".to_owned(),
        stage: "dev".to_owned(),
        promotion: "p1".to_owned(),
        actor: None,
        namespace: "argocd".to_owned(),
    }
}

fn config(value: Value) -> Config {
    serde_json::from_value(value).unwrap()
}

fn app(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "argocd", "annotations": {ANNOTATION: "demo:dev"}, "labels": {"t": "a"}},
        "spec": {"source": {"repoURL": "r", "targetRevision": "main"}}, "status": {},
    })
}

fn finished(ask: Ask) -> Finished {
    let Ask::Finished(finished) = ask else { panic!("{ask:?} is not the end") };
    *finished
}

#[test]
fn fm_27_application_not_there_yet() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}, {"name": "b"}]})), context());
    let mut run = Run::new(&config, &context, Seen::default());
    assert_eq!(run.start(), Ask::Get(AppRef::new("argocd", "a")));
    assert_eq!(run.answer(Answer::Application(None)), Ask::Get(AppRef::new("argocd", "b")));
    let ask = run.answer(Answer::Application(Some(app("b"))));
    assert!(matches!(&ask, Ask::Patch { app, .. } if app.name == "b"), "the other one is updated: {ask:?}");
    let finished = finished(run.answer(Answer::Patched));
    let Ok(Status::Waiting(why)) = finished.result else { panic!("it waits") };
    assert!(why.contains("unable to find Argo CD Application \"a\" in namespace \"argocd\""), "{why}");
    assert_eq!(finished.wake.namespaces, ["argocd"]);
    assert_eq!(finished.output, json!({"apps": [{"name": "b", "namespace": "argocd"}]}));
}

#[test]
fn fm_27_a_selector_that_finds_nothing_yet_waits() {
    let config = config(json!({"apps": [{"selector": {"matchLabels": {"t": "a"}}, "namespace": "x"}]}));
    let context = context();
    let mut run = Run::new(&config, &context, Seen::default());
    assert!(matches!(run.start(), Ask::List(namespace, _) if namespace == "x"));
    let finished = finished(run.answer(Answer::Applications(vec![])));
    assert!(matches!(finished.result, Ok(Status::Waiting(_))), "{:?}", finished.result);
}

#[test]
fn fm_29_a_conflict_is_answered_with_fresh_state() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}]})), context());
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    assert!(matches!(run.answer(Answer::Application(Some(app("a")))), Ask::Patch { .. }));
    assert_eq!(run.answer(Answer::Conflict), Ask::Get(AppRef::new("argocd", "a")));
    let mut changed = app("a");
    changed["metadata"]["resourceVersion"] = "8".into();
    let Ask::Patch { patch, .. } = run.answer(Answer::Application(Some(changed.clone()))) else {
        panic!("a patch")
    };
    assert_eq!(patch["metadata"]["resourceVersion"], "8");
    run.answer(Answer::Conflict);
    changed["operation"] = json!({"initiatedBy": {"username": "ann"}, "sync": {}});
    let finished = finished(run.answer(Answer::Application(Some(changed))));
    let Ok(Status::Waiting(why)) = finished.result else { panic!("it waits for ann") };
    assert!(why.contains("ann"), "{why}");
}

#[test]
fn fm_29_conflicts_without_end_end() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}]})), context());
    let mut run = Run::new(&config, &context, Seen::default());
    let mut ask = run.start();
    let mut asked = 0;
    let finished = loop {
        asked += 1;
        ask = match ask {
            Ask::Get(_) => run.answer(Answer::Application(Some(app("a")))),
            Ask::Patch { .. } => run.answer(Answer::Conflict),
            ask => break finished(ask),
        };
        assert!(asked < 20, "no end");
    };
    assert!(finished.result.unwrap_err().to_string().contains("changed by others 5 times"));
}

#[test]
fn fm_34_permission_is_asked_for_again_after_a_conflict() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}]})), context());
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    run.answer(Answer::Application(Some(app("a"))));
    run.answer(Answer::Conflict);
    let mut withdrawn = app("a");
    withdrawn["metadata"]["annotations"] = json!({});
    let error = finished(run.answer(Answer::Application(Some(withdrawn)))).result.unwrap_err().to_string();
    assert!(error.ends_with("add the annotation kargo.akuity.io/authorized-stage: \"demo:dev\""), "{error}");
}

#[test]
fn fm_31_with_auto_sync_on_it_does_not_sync_twice() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}]})), context());
    let mut object = app("a");
    object["spec"]["syncPolicy"] = json!({"automated": {}});
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    assert!(matches!(run.answer(Answer::Application(Some(object.clone()))), Ask::Patch { .. }));
    let seen = finished(run.answer(Answer::Patched)).seen;
    // Ours ended, self-heal took its place before anybody looked: only the history tells.
    object["status"] = json!({
        "history": [{"id": 0, "revision": "x", "initiatedBy": {"username": "kargo-controller", "automated": true}}],
        "operationState": {"phase": "Running", "operation": {"initiatedBy": {"automated": true}, "sync": {}}},
    });
    let mut run = Run::new(&config, &context, seen);
    run.start();
    let finished = finished(run.answer(Answer::Application(Some(object))));
    assert_eq!(finished.result, Ok(Status::Succeeded));
}

#[test]
fn fm_32_without_argo_cd_the_error_says_what_to_do() {
    let (config, context) = (config(json!({"apps": [{"name": "a"}]})), context());
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    let error = finished(run.answer(Answer::NotInstalled)).result.unwrap_err().to_string();
    assert!(error.contains("applications.argoproj.io") && error.contains("--argocd-kubeconfig"), "{error}");
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    let error = finished(run.answer(Answer::Failed("timed out".to_owned()))).result.unwrap_err().to_string();
    assert!(error.contains("read Argo CD Application \"a\"") && error.contains("timed out"), "{error}");
}

#[test]
fn incompatible_sources_update_none() {
    let config = config(
        json!({"apps": [{"selector": {"matchLabels": {"t": "a"}}, "sources": [{"repoURL": "other"}]}]}),
    );
    let context = context();
    let mut run = Run::new(&config, &context, Seen::default());
    run.start();
    let list = ["a", "b", "c", "d"].map(app).to_vec();
    let error = finished(run.answer(Answer::Applications(list))).result.unwrap_err().to_string();
    assert!(
        error.contains("4 incompatible") && error.contains("\"c\"") && !error.contains("\"d\""),
        "{error}"
    );
}
