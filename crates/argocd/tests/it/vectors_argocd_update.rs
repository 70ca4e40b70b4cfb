//! The whole step `argocd-update`, and each of its decisions, over Applications in memory.

use ferry_argocd::application::Source;
use ferry_argocd::update::{
    Config, Context, Decision, Error, Finished, Run, Seen, Status, decide, desired_revisions, desired_sources,
};
use ferry_argocd::{Application, authorization};
use ferry_artifact::urls::normalize_git;
use ferry_vectors::{Answer, Case, Rule, Verdict, replay_with};
use serde_json::{Value, json};

use crate::compare::judge;
use crate::memory::{Memory, PROMOTION, text_or};

const RULES: &[Rule] = &[
    Rule {
        name: "application-not-there-yet",
        reason: "failure-modes 27: an Application that does not exist yet is waited for (Kargo: Errored at once)",
        applies: |case| {
            updates(case).iter().any(|update| targets(case, update).is_empty() && is_usable(update))
        },
        instead: |_, answer| status(answer) == "Running",
    },
    Rule {
        name: "foreign-operation-without-phase",
        reason: "surprises.md, Argo CD: a foreign operation with an empty phase gives Errored: mend (wait)",
        applies: |case| {
            apps(case).iter().any(|app| {
                let state = &app["status"]["operationState"];
                state.is_object()
                    && state["phase"].as_str().unwrap_or_default().is_empty()
                    && !is_ours(case, state)
            })
        },
        instead: |_, answer| status(answer) == "Running",
    },
    Rule {
        name: "one-operation-a-promotion",
        reason: "design §4 and failure-modes 6, 30: an operation that was requested and has not begun is waited for, \
                 ours is found by its info entry and not requested again, another's is not replaced",
        applies: |case| {
            let names: Vec<_> = updates(case).iter().flat_map(|update| targets(case, update)).collect();
            let twice =
                names.iter().enumerate().any(|(i, name)| names.iter().skip(i + 1).any(|other| other == name));
            twice || apps(case).iter().any(|app| app["operation"].is_object())
        },
        instead: |case, answer| {
            let count = |value: &Value| value["patches"].as_array().map_or(0, Vec::len);
            let recorded = count(case.want.as_ref().unwrap_or(&Value::Null));
            status(answer) == "Running" && answer.as_ref().is_ok_and(|ours| count(ours) < recorded)
        },
    },
    Rule {
        name: "revisions-by-normalised-url",
        reason: "surprises.md, Argo CD: desired revisions are matched by the raw URL, source updates by the \
                 normalised one: use the normalised for both",
        applies: |case| {
            let urls = apps(case).into_iter().flat_map(|app| {
                let urls: Vec<_> =
                    Application::new(app).sources().iter().map(|s| s.repo_url().to_owned()).collect();
                urls
            });
            let sources: Vec<_> = urls.collect();
            updates(case).iter().flat_map(|update| update["sources"].as_array().into_iter().flatten()).any(
                |source| {
                    let url = source["repoURL"].as_str().unwrap_or_default();
                    source["desiredRevision"].is_string()
                        && source["chart"].is_null()
                        && sources
                            .iter()
                            .any(|other| other != url && normalize_git(other) == normalize_git(url))
                },
            )
        },
        instead: |case, answer| {
            let desired = |answer: &Value| {
                let decisions = answer["decisions"].as_array().into_iter().flatten();
                let revisions = decisions
                    .flat_map(|decision| decision["desiredRevisions"].as_array().into_iter().flatten());
                revisions.filter(|revision| revision.as_str() != Some("")).count()
            };
            let recorded = desired(case.want.as_ref().unwrap_or(&Value::Null));
            answer.as_ref().is_ok_and(|ours| desired(ours) > recorded)
        },
    },
    Rule {
        name: "more-revisions-than-sources",
        reason: "surprises.md, Argo CD: more observed revisions than desired ones panic: mend (a clear error)",
        applies: |case| {
            apps(case).iter().any(|app| {
                let applied =
                    app["status"]["operationState"]["syncResult"]["revisions"].as_array().map_or(1, Vec::len);
                applied > Application::new(app).sources().len()
            })
        },
        instead: |_, answer| status(answer) == "Errored",
    },
];

fn updates(case: &Case) -> Vec<&Value> {
    case.input["config"]["apps"].as_array().into_iter().flatten().collect()
}

fn apps(case: &Case) -> Vec<&Value> {
    case.input["applications"].as_array().into_iter().flatten().collect()
}

/// The Applications that an entry of the config means, by namespace and name.
fn targets<'a>(case: &'a Case, update: &Value) -> Vec<(&'a str, &'a str)> {
    let default = text_or(&case.input, "argocdNamespace", "argocd");
    let namespace = text_or(update, "namespace", &default);
    let selector: Option<ferry_argocd::selector::Selector> =
        serde_json::from_value(update["selector"].clone()).ok();
    let all = apps(case).into_iter().map(Application::new).filter(|app| app.namespace() == namespace);
    let fitting = all.filter(|app| match &selector {
        Some(selector) => selector.matches(*app),
        None => update["name"] == app.name(),
    });
    fitting.map(|app| (app.namespace(), app.name())).collect()
}

fn is_usable(update: &Value) -> bool {
    match serde_json::from_value::<ferry_argocd::selector::Selector>(update["selector"].clone()) {
        Ok(selector) => selector.check().is_ok(),
        Err(_) => update["name"].is_string(),
    }
}

fn is_ours(case: &Case, state: &Value) -> bool {
    let promotion = text_or(&case.input["context"], "promotion", PROMOTION);
    let info = state["operation"]["info"].as_array().into_iter().flatten();
    info.filter(|entry| entry["name"] == "kargo.akuity.io/promotion")
        .any(|entry| entry["value"] == promotion.as_str())
}

fn status(answer: &Answer) -> &str {
    answer.as_ref().ok().and_then(|ours| ours["result"]["status"].as_str()).unwrap_or_default()
}

#[test]
fn vectors_argocd_update() {
    replay_with("kargo/argocd-update", |case| match answer(&case.input) {
        Some(ours) => judge(case, RULES, ours),
        None => Verdict::NotCovered("the case has no config".to_owned()),
    });
}

fn answer(input: &Value) -> Option<Value> {
    let given = &input["context"];
    let context = Context {
        project: text_or(given, "project", "demo"),
        stage: text_or(given, "stage", "dev"),
        promotion: text_or(given, "promotion", PROMOTION),
        actor: given["actor"].as_str().map(str::to_owned),
        namespace: text_or(input, "argocdNamespace", "argocd"),
    };
    let config: Result<Config, _> = serde_json::from_value(input.get("config")?.clone());
    let config = match config {
        Ok(config) if config.check().is_ok() => config,
        _ => {
            let result = json!({"status": "Failed", "terminal": true, "error": true});
            return Some(json!({"result": result, "applications": input["applications"]}));
        }
    };
    let mut memory = Memory::new(input);
    let decisions = decisions(&config, &context, input["applications"].as_array().map_or(&[], Vec::as_slice));
    let result = if input["argocdDisabled"] == true {
        errored(&Error::Disabled)
    } else {
        told(memory.update(Run::new(&config, &context, Seen::default())))
    };
    let events: Vec<_> = memory.events.iter().map(event).collect();
    Some(json!({
        "decisions": decisions, "result": result, "patches": memory.patches, "events": events,
        "applications": memory.applications,
    }))
}

fn decisions(config: &Config, context: &Context, objects: &[Value]) -> Vec<Value> {
    let mut decisions = Vec::new();
    for (i, update) in config.apps.iter().enumerate() {
        let named = |object: &&Value| {
            update.name.as_deref().is_none_or(|name| Application::new(object).name() == name)
        };
        for object in objects.iter().filter(named) {
            let app = Application::new(object);
            let desired = desired_revisions(update, app);
            let (phase, must_update) = match decide(app, context, &desired, None) {
                Ok(Decision::Update(_)) => (String::new(), true),
                Ok(Decision::Wait { phase, .. } | Decision::Failed { phase, .. }) => {
                    (phase.to_string(), false)
                }
                Ok(Decision::Done) => ("Succeeded".to_owned(), false),
                Err(_) => (String::new(), false),
            };
            let mut decision = json!({
                "app": format!("{}/{}", app.namespace(), app.name()), "update": i,
                "authorized": authorization::authorize(app, &context.project, &context.stage).is_ok(),
                "desiredRevisions": desired, "phase": phase, "mustUpdate": must_update,
            });
            match desired_sources(update, app) {
                Ok(sources) => {
                    decision["desiredSources"] =
                        sources.iter().map(|source| Source::new(source).modelled()).collect();
                }
                Err(_) => decision["desiredSourcesError"] = true.into(),
            }
            decisions.push(decision);
        }
    }
    decisions
}

fn told(finished: Finished) -> Value {
    let status = match finished.result {
        Ok(Status::Succeeded) => "Succeeded",
        Ok(Status::Waiting(_)) => "Running",
        Err(error) => return errored(&error),
    };
    json!({
        "status": status, "output": finished.output,
        "healthCheck": {"kind": "argocd-update", "input": finished.health_check},
    })
}

fn errored(error: &Error) -> Value {
    json!({"status": "Errored", "terminal": false, "error": error.to_string()})
}

fn event(event: &Value) -> Value {
    json!({
        "annotations": event["metadata"]["annotations"], "namespace": event["metadata"]["namespace"],
        "source": event["source"]["component"], "involvedObject": event["involvedObject"], "count": event["count"],
        "message": event["message"], "reason": event["reason"], "type": event["type"],
    })
}
