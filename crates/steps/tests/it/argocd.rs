//! `argocd-update` and `argocd-wait` over Applications in memory: what they ask, what they wait for, what they say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferry_argocd::selector::Selector;
use ferry_argocd::{AppRef, Application};
use ferry_engine::applications::{Applications, ArgoCd, Error};
use ferry_engine::{Outcome, StepError, StepResult};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::bench::Bench;

/// Applications in memory.
#[derive(Default)]
pub struct Memory {
    apps: Mutex<Vec<Value>>,
    /// Answered to the next calls, before anything is done.
    errors: Mutex<Vec<Error>>,
    /// Answered to the next patches.
    refusals: Mutex<Vec<Error>>,
    patches: Mutex<Vec<Value>>,
    events: Mutex<Vec<Value>>,
}

impl Memory {
    fn refuse(&self) -> Result<(), Error> {
        self.errors.lock().pop().map_or(Ok(()), Err)
    }

    /// What was sent.
    pub fn patches(&self) -> Vec<Value> {
        self.patches.lock().clone()
    }

    /// What was told.
    pub fn events(&self) -> Vec<Value> {
        self.events.lock().clone()
    }

    /// The Applications as they are.
    pub fn applications(&self) -> Vec<Value> {
        self.apps.lock().clone()
    }

    fn change(&self, f: impl FnOnce(&mut Value)) {
        f(&mut self.apps.lock()[0]);
    }
}

#[async_trait]
impl Applications for Memory {
    async fn get(&self, app: &AppRef) -> Result<Option<Value>, Error> {
        self.refuse()?;
        Ok(self.apps.lock().iter().find(|o| AppRef::from(Application::new(o)) == *app).cloned())
    }

    async fn list(&self, namespace: &str, selector: &Selector) -> Result<Vec<Value>, Error> {
        self.refuse()?;
        let apps = self.apps.lock();
        let fits = |a: Application<'_>| a.namespace() == namespace && selector.matches(a);
        Ok(apps.iter().filter(|o| fits(Application::new(o))).cloned().collect())
    }

    async fn patch(&self, app: &AppRef, patch: &Value) -> Result<(), Error> {
        self.refuse()?;
        self.refusals.lock().pop().map_or(Ok(()), Err)?;
        self.patches.lock().push(patch.clone());
        let mut apps = self.apps.lock();
        let found = apps.iter_mut().find(|o| AppRef::from(Application::new(o)) == *app).unwrap();
        json_patch::merge(found, patch);
        Ok(())
    }

    async fn record(&self, _: &str, event: Value) {
        self.events.lock().push(event);
    }
}

pub fn application() -> Value {
    json!({
        "metadata": {
            "name": "shop", "namespace": "argocd", "resourceVersion": "7", "labels": {"team": "a"},
            "annotations": {"kargo.akuity.io/authorized-stage": "demo:test"},
        },
        "spec": {"source": {"repoURL": "https://git.example.test/shop.git", "targetRevision": "main", "path": "."}},
        "status": {"history": [{"id": 4, "revision": "old"}]},
    })
}

pub fn desk(apps: Vec<Value>) -> (Bench, Arc<Memory>) {
    let memory = Arc::new(Memory { apps: Mutex::new(apps), ..Memory::default() });
    let mut bench = Bench::new();
    let applications: Arc<dyn Applications> = memory.clone();
    bench.services = bench.services.clone().with(Arc::new(ArgoCd { applications: Some(applications) }));
    (bench, memory)
}

fn run(bench: &Bench, config: Value) -> StepResult {
    bench.run_in("argocd-update", config, |ctx| {
        "demo".clone_into(&mut ctx.project);
        "test".clone_into(&mut ctx.stage);
        "test.1.abc".clone_into(&mut ctx.promotion);
    })
}

fn by_name() -> Value {
    json!({"apps": [{"name": "shop", "sources": [
        {"repoURL": "https://git.example.test/shop.git", "desiredRevision": "new"},
    ]}]})
}

/// What Argo CD does with an operation that was requested.
fn complete(app: &mut Value) {
    let operation = app.as_object_mut().unwrap().remove("operation").unwrap();
    app["status"]["operationState"] = json!({
        "operation": operation, "phase": "Succeeded", "finishedAt": "2031-01-01T00:00:00Z",
        "syncResult": {"revision": "new"},
    });
    app["status"]["history"].as_array_mut().unwrap().push(json!({
        "id": 5, "revision": "new", "initiatedBy": {"username": "kargo-controller", "automated": true},
    }));
}

fn waits_for(result: &StepResult) -> &str {
    match result {
        Ok(Outcome::Waiting { why, .. }) => why,
        other => panic!("not waiting: {other:?}"),
    }
}

#[test]
fn an_operation_is_requested_once_and_then_waited_for() {
    let (bench, memory) = desk(vec![application()]);
    assert!(waits_for(&run(&bench, by_name())).contains("requested"));
    waits_for(&run(&bench, by_name()));
    memory.change(complete);
    let Ok(Outcome::Succeeded(output)) = run(&bench, by_name()) else { panic!() };
    assert_eq!(
        Value::Object(output.values.unwrap()),
        json!({"apps": [{"name": "shop", "namespace": "argocd"}]})
    );
    let check = output.health_check.unwrap();
    assert_eq!(check.uses, "argocd-update");
    assert_eq!(check.config.unwrap()["apps"][0]["desiredRevisions"], json!(["new"]));
    let patches = memory.patches.lock();
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0]["metadata"]["resourceVersion"], "7");
    let info = patches[0]["operation"]["info"].as_array().unwrap();
    assert!(info.contains(&json!({"name": "kargo.akuity.io/promotion", "value": "test.1.abc"})));
    let events = memory.events.lock();
    assert_eq!(events.len(), 1);
    assert!(events[0]["metadata"]["name"].as_str().unwrap().starts_with("shop."));
}

/// Argo CD healed the Application by an operation of its own right after ours, while this process was down.
#[test]
fn fm_06_an_operation_that_was_replaced_by_self_heal_is_found_in_the_history() {
    let (bench, memory) = desk(vec![application()]);
    run(&bench, by_name()).unwrap();
    memory.change(complete);
    memory.change(|app| {
        app["status"]["operationState"] = json!({
            "operation": {"initiatedBy": {"automated": true}}, "phase": "Succeeded", "syncResult": {"revision": "new"},
        });
    });
    assert!(matches!(run(&bench, by_name()), Ok(Outcome::Succeeded(_))));
    assert_eq!(memory.patches.lock().len(), 1);
}

#[test]
fn fm_27_application_not_there_yet() {
    let (bench, memory) = desk(vec![]);
    for config in [by_name(), json!({"apps": [{"selector": {"matchLabels": {"team": "a"}}}]})] {
        let result = run(&bench, config);
        let Ok(Outcome::Waiting { why, wake, .. }) = &result else { panic!("{result:?}") };
        assert!(why.contains("waiting for"), "{why}");
        assert_eq!(wake.application_namespaces, ["argocd"]);
    }
    memory.apps.lock().push(application());
    assert!(waits_for(&run(&bench, by_name())).contains("requested"));
}

/// Somebody changes the Application before the first patch arrives.
struct Once(Arc<Memory>);
#[async_trait]
impl Applications for Once {
    async fn get(&self, app: &AppRef) -> Result<Option<Value>, Error> {
        self.0.get(app).await
    }

    async fn list(&self, namespace: &str, selector: &Selector) -> Result<Vec<Value>, Error> {
        self.0.list(namespace, selector).await
    }

    async fn patch(&self, app: &AppRef, patch: &Value) -> Result<(), Error> {
        if patch["metadata"]["resourceVersion"] == "7" {
            self.0.change(|app| app["metadata"]["resourceVersion"] = json!("8"));
            return Err(Error::Conflict);
        }
        self.0.patch(app, patch).await
    }

    async fn record(&self, namespace: &str, event: Value) {
        self.0.record(namespace, event).await;
    }
}

#[test]
fn fm_29_a_conflict_is_retried_with_fresh_state() {
    let (bench, memory) = desk(vec![application()]);
    let mut bench = bench;
    let applications: Arc<dyn Applications> = Arc::new(Once(memory.clone()));
    bench.services = bench.services.clone().with(Arc::new(ArgoCd { applications: Some(applications) }));
    waits_for(&run(&bench, by_name()));
    assert_eq!(memory.patches.lock()[0]["metadata"]["resourceVersion"], "8");
}

#[test]
fn fm_32_argo_cd_that_is_away_is_waited_for() {
    let (bench, memory) = desk(vec![application()]);
    for (error, says) in [
        (Error::NotInstalled, "applications.argoproj.io"),
        (Error::Unavailable("no answer within 10s".to_owned()), "no answer within 10s"),
    ] {
        memory.errors.lock().push(error);
        let result = run(&bench, by_name());
        assert!(waits_for(&result).contains(says), "{result:?}");
        let Ok(Outcome::Waiting { wake, .. }) = result else { panic!() };
        assert_eq!(wake.after, Some(Duration::from_secs(15)));
    }
    assert!(waits_for(&run(&bench, by_name())).contains("requested"));
}

#[test]
fn fm_34_an_application_that_does_not_permit_it_is_left_alone() {
    let mut app = application();
    app["metadata"]["annotations"] = json!({});
    let (bench, memory) = desk(vec![app]);
    let error = run(&bench, by_name()).unwrap_err();
    assert!(matches!(error, StepError::Retryable(_)));
    assert!(error.to_string().contains("kargo.akuity.io/authorized-stage: \"demo:test\""), "{error}");
    assert!(memory.patches.lock().is_empty());
}

#[test]
fn without_a_connection_the_step_says_so() {
    let bench = Bench::new();
    let error = run(&bench, by_name()).unwrap_err();
    assert!(
        matches!(&error, StepError::Retryable(text) if text.contains("integration is disabled")),
        "{error}"
    );
}

fn wait(bench: &Bench) -> StepResult {
    bench.run("argocd-wait", json!({"apps": [{"name": "shop"}]}))
}

/// An Application that is as it should be.
fn ready() -> Value {
    let mut app = application();
    app["status"] = json!({"health": {"status": "Healthy"}, "sync": {"status": "Synced"}});
    app
}

#[test]
fn fm_27_argocd_wait_waits_for_an_application_that_is_not_there_yet() {
    let (bench, memory) = desk(vec![]);
    let by_label = bench.run("argocd-wait", json!({"apps": [{"selector": {"matchLabels": {"team": "a"}}}]}));
    for (result, says) in [(wait(&bench), "\"shop\""), (by_label, "no Argo CD Applications found")] {
        let Ok(Outcome::Waiting { why, wake, .. }) = &result else { panic!("{result:?}") };
        assert!(why.contains(says), "{why}");
        assert_eq!(wake.application_namespaces, ["argocd"]);
    }
    memory.apps.lock().push(ready());
    assert!(matches!(wait(&bench), Ok(Outcome::Succeeded(_))));
}

#[test]
fn fm_29_argocd_wait_asks_again_for_a_refresh_that_met_a_conflict() {
    let mut stale = ready();
    stale["status"]["operationState"] = json!({"phase": "Succeeded", "finishedAt": "2031-01-01T00:05:00Z"});
    stale["status"]["reconciledAt"] = json!("2031-01-01T00:04:59Z");
    let (bench, memory) = desk(vec![stale]);
    memory.refusals.lock().push(Error::Conflict);
    waits_for(&wait(&bench));
    assert!(memory.patches.lock().is_empty());
    waits_for(&wait(&bench));
    let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}});
    assert_eq!(*memory.patches.lock(), [refresh]);
    memory.change(|app| app["status"]["reconciledAt"] = json!("2031-01-01T00:05:00Z"));
    assert!(matches!(wait(&bench), Ok(Outcome::Succeeded(_))));
}

#[test]
fn fm_32_argocd_wait_waits_for_argo_cd_that_is_away() {
    let (bench, memory) = desk(vec![ready()]);
    for (error, says) in [
        (Error::NotInstalled, "applications.argoproj.io"),
        (Error::Unavailable("no answer within 10s".to_owned()), "no answer within 10s"),
    ] {
        memory.errors.lock().push(error);
        let result = wait(&bench);
        assert!(waits_for(&result).contains(says), "{result:?}");
        let Ok(Outcome::Waiting { wake, .. }) = result else { panic!() };
        assert_eq!(wake.after, Some(Duration::from_secs(15)));
    }
    assert!(matches!(wait(&bench), Ok(Outcome::Succeeded(_))));
}
