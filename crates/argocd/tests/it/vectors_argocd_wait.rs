//! The whole step `argocd-wait` over Applications in memory.

use ferry_argocd::update::{Error as Passing, Status};
use ferry_argocd::wait::{Config, Error, Run};
use ferry_argocd::{Application, selector::Selector};
use ferry_vectors::{Rule, Verdict, replay_with};
use serde_json::{Value, json};

use crate::compare::judge;
use crate::memory::{Memory, text_or};

const RULES: &[Rule] = &[Rule {
    name: "application-not-there-yet",
    reason: "failure-modes 27: an Application that does not exist yet is waited for (Kargo: Errored at once)",
    applies: |case| {
        let default = text_or(&case.input, "argocdNamespace", "argocd");
        let apps = || case.input["applications"].as_array().into_iter().flatten().map(Application::new);
        case.input["config"]["apps"].as_array().into_iter().flatten().any(|wait| {
            let namespace = text_or(wait, "namespace", &default);
            let selector: Option<Selector> = serde_json::from_value(wait["selector"].clone()).ok();
            !apps().any(|app| {
                let fits =
                    selector.as_ref().map_or(wait["name"] == app.name(), |selector| selector.matches(app));
                fits && app.namespace() == namespace
            })
        })
    },
    instead: |_, answer| answer.as_ref().is_ok_and(|ours| ours["result"]["status"] == "Running"),
}];

#[test]
fn vectors_argocd_wait() {
    replay_with("kargo/argocd-wait", |case| match answer(&case.input) {
        Some(ours) => judge(case, RULES, ours),
        None => Verdict::NotCovered("the case has no config".to_owned()),
    });
}

fn answer(input: &Value) -> Option<Value> {
    let config: Result<Config, _> = serde_json::from_value(input.get("config")?.clone());
    let config = match config {
        Ok(config) if config.check().is_ok() => config,
        _ => return Some(json!({"result": {"status": "Failed", "terminal": true, "error": true}})),
    };
    if input["argocdDisabled"] == true {
        let error = Passing::Disabled.to_string();
        return Some(json!({"result": {"status": "Errored", "terminal": false, "error": error}}));
    }
    let mut memory = Memory::new(input);
    let (alias, namespace) =
        (text_or(&input["context"], "alias", "step-under-test"), text_or(input, "argocdNamespace", "argocd"));
    let previous = input["context"]["state"].get(&alias);
    let finished = memory.wait(Run::new(&config, &namespace, previous));
    let result = match finished.result {
        Ok(Status::Succeeded) => json!({"status": "Succeeded", "output": finished.output}),
        Ok(Status::Waiting(_)) => json!({"status": "Running", "output": finished.output}),
        Err(Error::Final(text)) => {
            json!({"status": "Errored", "terminal": true, "error": text, "output": finished.output})
        }
        Err(Error::Passing(error)) => {
            json!({"status": "Errored", "terminal": false, "error": error.to_string()})
        }
    };
    Some(json!({"result": result, "patches": memory.patches}))
}
