//! `kargo/argocd-update` and `kargo/argocd-wait` through the steps themselves, over Applications in memory.

use std::sync::Arc;

use ferry_argocd::update::{Answer, Ask, Config, Context, Finished, Run, Seen};
use ferry_argocd::{AppRef, Application};
use ferry_engine::applications::{Applications as _, ArgoCd};
use ferry_engine::{Outcome, StepResult};
use ferry_vectors::{Case, Rule, Verdict, difference, judge, replay_with};
use serde_json::{Map, Value, json};

use crate::argocd::{Memory, desk};
use crate::bench::{Bench, told, wanted};

const PROMOTION: &str = "dev.01hzz0000000000000000000aa.abc1234";

const WAITED_FOR: Rule = Rule {
    name: "an Application that is not there yet",
    reason: "failure-modes 27: an Application that does not exist yet is waited for (Kargo: Errored at once)",
    applies: |case| {
        let result = &case.want.as_ref().unwrap()["result"];
        result["status"] == "Errored" && result["terminal"] != true && case.input["argocdDisabled"] != true
    },
    instead: |_, answer| answer.as_ref().is_ok_and(|a| a["result"]["status"] == "Running"),
};

#[test]
fn vectors_argocd_wait_through_the_step() {
    replay_with("kargo/argocd-wait", |case| {
        let (bench, memory) = world(case);
        let context = &case.input["context"];
        let alias = context["alias"].as_str().unwrap_or("step-under-test");
        let result = bench.run_in("argocd-wait", case.input["config"].clone(), |ctx| {
            ctx.previous = context["state"].get(alias).cloned();
            if let Some(namespace) = case.input["argocdNamespace"].as_str() {
                Arc::make_mut(&mut ctx.settings).argocd_namespace = namespace.to_owned();
            }
        });
        let want = case.want.as_ref().unwrap();
        let refreshes = want["patches"].as_array().map_or(0, Vec::len);
        let keys = ["status", "terminal", "output"];
        let reduced = json!({"result": wanted(&want["result"], &keys), "patches": refreshes});
        let answer = json!({"result": told(&result), "patches": memory.patches().len()});
        judge(&Case { want: Some(reduced), ..case.clone() }, &Ok(answer), &[WAITED_FOR])
    });
}

/// What the step decides is judged, with its accepted differences, where it is decided (`ferry-argocd`). The step does
/// and says just that.
const AS_DECIDED: &str = "as ferry-argocd decides, whose own replay of this file has the rules";

#[test]
fn vectors_argocd_update_through_the_step() {
    replay_with("kargo/argocd-update", |case| {
        let given = &case.input["context"];
        let text = |key: &str, otherwise: &str| given[key].as_str().unwrap_or(otherwise).to_owned();
        let context = Context {
            project: text("project", "demo"),
            stage: text("stage", "dev"),
            promotion: text("promotion", PROMOTION),
            actor: given["actor"].as_str().map(str::to_owned),
            namespace: case.input["argocdNamespace"].as_str().unwrap_or("argocd").to_owned(),
        };
        let (bench, memory) = world(case);
        let result = bench.run_in("argocd-update", case.input["config"].clone(), |ctx| {
            ctx.project.clone_from(&context.project);
            ctx.stage.clone_from(&context.stage);
            ctx.promotion.clone_from(&context.promotion);
            ctx.actor.clone_from(&context.actor);
            Arc::make_mut(&mut ctx.settings).argocd_namespace.clone_from(&context.namespace);
        });
        let ours = done(&said(&result), &memory);
        let want = recorded(case.want.as_ref().unwrap());
        let Some(different) = difference(&want, &ours) else { return Verdict::Equal };
        let Some(decided) = decided(case, &context) else { return Verdict::Different(different) };
        match difference(&decided, &ours) {
            None => Verdict::Accepted(AS_DECIDED),
            Some(_) => Verdict::Different(different),
        }
    });
}

fn world(case: &Case) -> (Bench, Arc<Memory>) {
    let mut apps = case.input["applications"].as_array().cloned().unwrap_or_default();
    // As the recording lists them.
    apps.sort_by_key(|object| AppRef::from(Application::new(object)));
    let (mut bench, memory) = desk(apps);
    if case.input["argocdDisabled"] == true {
        bench.services = bench.services.clone().with(Arc::new(ArgoCd { applications: None }));
    }
    (bench, memory)
}

/// A result with the health check that goes with it.
fn said(result: &StepResult) -> Map<String, Value> {
    let mut said = told(result);
    if let Ok(Outcome::Succeeded(output) | Outcome::Waiting { output, .. }) = result
        && let Some(check) = &output.health_check
    {
        said.insert("healthCheck".to_owned(), json!({"kind": check.uses, "input": check.config}));
    }
    said
}

/// What was said, and what was done to the Applications.
fn done(said: &Map<String, Value>, memory: &Memory) -> Value {
    let event = |event: Value| {
        json!({
            "annotations": event["metadata"]["annotations"], "involvedObject": event["involvedObject"],
            "message": event["message"], "reason": event["reason"], "type": event["type"],
        })
    };
    let mut applications = memory.applications();
    applications.iter_mut().for_each(ordered);
    json!({
        "result": said, "applications": applications, "patches": memory.patches().len(),
        "events": memory.events().into_iter().map(event).collect::<Vec<_>>(),
    })
}

/// The same of a recording.
fn recorded(want: &Value) -> Value {
    let keys = ["status", "terminal", "output", "healthCheck"];
    let mut result = wanted(&want["result"], &keys);
    result.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let mut applications = want["applications"].as_array().cloned().unwrap_or_default();
    applications.iter_mut().for_each(ordered);
    let events = want["events"].as_array().cloned().unwrap_or_default().into_iter();
    let event = |mut event: Value| {
        event
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !matches!(key.as_str(), "namespace" | "source" | "count"));
        event
    };
    json!({
        "result": result, "applications": applications,
        "patches": want["patches"].as_array().map_or(0, Vec::len), "events": events.map(event).collect::<Vec<_>>(),
    })
}

/// Parameters of Helm in the order of their names: in the recording it is accidental.
fn ordered(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                ordered(inner);
                if let Some(list) = inner.as_array_mut().filter(|_| key == "parameters") {
                    list.sort_by_key(|p| p["name"].as_str().unwrap_or_default().to_owned());
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(ordered),
        _ => {}
    }
}

/// The same as it is decided without the step.
fn decided(case: &Case, context: &Context) -> Option<Value> {
    let config: Config = serde_json::from_value(case.input["config"].clone()).ok()?;
    let (bench, memory) = world(case);
    let mut run = Run::new(&config, context, Seen::default());
    let mut ask = run.start();
    let finished = bench.runtime.block_on(async {
        loop {
            let answer = match ask {
                Ask::Get(app) => Answer::Application(memory.get(&app).await.unwrap()),
                Ask::List(namespace, selector) => {
                    Answer::Applications(memory.list(&namespace, &selector).await.unwrap())
                }
                Ask::Patch { app, patch, event } => {
                    memory.patch(&app, &patch).await.unwrap();
                    memory.record(&app.namespace, event).await;
                    Answer::Patched
                }
                Ask::Finished(finished) => return *finished,
            };
            ask = run.answer(answer);
        }
    });
    let Finished { result, output, health_check, .. } = finished;
    let mut said = Map::from_iter([("terminal".to_owned(), json!(false))]);
    let status = match result {
        Ok(ferry_argocd::update::Status::Succeeded) => "Succeeded",
        Ok(ferry_argocd::update::Status::Waiting(_)) => "Running",
        Err(_) => "Errored",
    };
    said.insert("status".to_owned(), json!(status));
    if status != "Errored" {
        said.insert("output".to_owned(), output);
        said.insert("healthCheck".to_owned(), json!({"kind": "argocd-update", "input": health_check}));
    }
    Some(done(&said, &memory))
}
