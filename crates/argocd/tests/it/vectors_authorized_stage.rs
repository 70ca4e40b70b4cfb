//! Who may change an Application.

use ferry_argocd::{Application, authorization};
use ferry_vectors::replay;
use serde_json::{Value, json};

#[test]
fn vectors_authorized_stage() {
    replay("kargo/authorized-stage", &[], |case| {
        let input = &case.input;
        Some(match input["fn"].as_str()? {
            "parse" => authorization::parse(input["value"].as_str()?)
                .map(|stages| {
                    stages.iter().map(|s| json!({"project": s.project, "stage": s.stage})).collect()
                })
                .map_err(|error| error.to_string()),
            "authorize" => {
                let app = json!({"metadata": {"name": "app", "namespace": "argo", "annotations": input["annotations"]}});
                authorization::authorize(
                    Application::new(&app),
                    input["project"].as_str()?,
                    input["stage"].as_str()?,
                )
                .map(|()| Value::Bool(true))
                .map_err(|refusal| refusal.to_string())
            }
            _ => return None,
        })
    });
}
