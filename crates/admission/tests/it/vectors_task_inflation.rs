//! kargo/task-inflation: tasks become steps.

use std::collections::BTreeMap;

use ferry_api::Promotion;
use ferry_api::task::PromotionTaskSpec;
use ferry_planner::inflate::{TaskKind, inflate};
use ferry_vectors::{Answer, Case, Rule};
use serde_json::{Value, json};

/// With 3 or 5 to 7 defaults (where Go's shared slice has room to spare) the real steps overwrite each other's
/// variables.
fn has_shared_slice(case: &Case) -> bool {
    let tasks = case.input["objects"].as_array().unwrap();
    tasks.iter().any(|task| {
        let defaults = task["spec"]["vars"].as_array().map_or(0, Vec::len);
        let own =
            task["spec"]["steps"].as_array().unwrap().iter().filter(|step| step["vars"].is_array()).count();
        matches!(defaults, 3 | 5 | 6 | 7) && own > 1
    })
}

const RULES: &[Rule] = &[Rule {
    name: "variables of their own",
    reason: "surprises.md, tasks and the engine: steps that have vars of their own overwrite each other; mend",
    applies: has_shared_slice,
    instead: |case, answer| {
        // Each step's last variables are the ones that it brings itself.
        let steps = case.input["objects"][0]["spec"]["steps"].as_array().unwrap();
        let ours = answer.as_ref().unwrap()["steps"].as_array().unwrap();
        steps.iter().zip(ours).all(|(step, ours)| {
            let own = step["vars"].as_array().cloned().unwrap_or_default();
            ours["vars"].as_array().unwrap().ends_with(&own)
        })
    },
}];

#[test]
fn vectors_task_inflation() {
    ferry_vectors::replay("kargo/task-inflation", RULES, |case| Some(answer(case)));
}

fn answer(case: &Case) -> Answer {
    let promotion: Promotion = serde_json::from_value(case.input["promotion"].clone()).unwrap();
    let namespace = promotion.metadata.namespace.clone().unwrap_or_default();
    let mut tasks: BTreeMap<(TaskKind, String), PromotionTaskSpec> = BTreeMap::new();
    for object in case.input["objects"].as_array().unwrap() {
        let metadata = &object["metadata"];
        let kind = match object["kind"].as_str().unwrap() {
            "PromotionTask" if metadata["namespace"] == namespace.as_str() => TaskKind::PromotionTask,
            "ClusterPromotionTask" => TaskKind::ClusterPromotionTask,
            _ => continue,
        };
        let name = metadata["name"].as_str().unwrap().to_owned();
        tasks.insert((kind, name), serde_json::from_value(object["spec"].clone()).unwrap());
    }
    let find = |kind, name: &str| tasks.get(&(kind, name.to_owned()));
    let steps =
        inflate(&promotion.spec.steps, &promotion.spec.vars, find).map_err(|error| error.to_string())?;
    Ok::<Value, String>(json!({"steps": steps}))
}
