//! Stage health from Applications.

use ferry_argocd::health::{Check, Known, assess};
use ferry_argocd::{AppRef, Application};
use ferry_vectors::replay_with;
use serde_json::{Value, json};

use crate::compare::judge;
use crate::memory::{Memory, text_or};

#[test]
fn vectors_argocd_health() {
    replay_with("kargo/argocd-health", |case| judge(case, &[], answer(&case.input)));
}

fn answer(input: &Value) -> Value {
    let checks: Vec<_> = input["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|check| Check { kind: check["kind"].as_str().unwrap_or_default(), input: &check["input"] })
        .collect();
    let mut memory = Memory::new(input);
    let health = assess(&checks, &text_or(input, "argocdNamespace", "argocd"), |name| {
        if input["argocdDisabled"] == true {
            return Known::Disabled;
        }
        let apps = input["applications"].as_array().into_iter().flatten();
        let mut found = apps.filter(|object| AppRef::from(Application::new(object)) == *name);
        found.next().map_or(Known::Missing, Known::Application)
    });
    for app in &health.refresh {
        memory.patch(app, &ferry_argocd::refresh_patch());
    }
    let output = Some(health.output).filter(|output| !output.is_empty());
    json!({
        "health": {"status": health.state, "issues": health.issues, "output": output},
        "patches": memory.patches,
    })
}
