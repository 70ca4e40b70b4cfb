//! Which Freight a Stage may have, and which auto-promotion would take.

use std::collections::BTreeMap;

use ferry_api::{Freight, Stage};
use ferry_planner::availability;
use ferry_vectors::{Answer, Case, Rule, replay};
use serde_json::{Value, json};

use crate::recorded::{now, objects, read};

const RULES: &[Rule] = &[
    Rule {
        name: "one function",
        reason: "surprises.md, Freight: ours is one function; soak counts only in the listed upstream Stages, \
                 All means each of the listed",
        applies: |case| requests(case).any(|r| r["sources"]["requiredSoakTime"].is_string()),
        instead: |case, answer| {
            let Ok(answer) = answer else { return false };
            let want = case.want.clone().unwrap_or_default();
            answer["isFreightAvailable"] == want["isFreightAvailable"] && agrees(answer)
        },
    },
    Rule {
        name: "an origin asked for twice",
        reason: "surprises.md, Freight: ours is one function, and any of the requests will do; admission refuses it",
        applies: |case| {
            let origins: Vec<_> = requests(case).map(|r| r["origin"].to_string()).collect();
            origins.iter().any(|o| origins.iter().filter(|x| *x == o).count() > 1)
        },
        instead: |case, answer| {
            let Ok(answer) = answer else { return false };
            answer["list"] == case.want.as_ref().map_or(Value::Null, |w| w["list"].clone()) && agrees(answer)
        },
    },
    Rule {
        name: "nothing to choose from is no error",
        reason: "failure-modes 64: a Warehouse that is gone, or MatchUpstream without a Stage (a panic there), \
                 leaves the other requests alone",
        applies: |case| {
            let want = case.want.clone().unwrap_or_default();
            want.get("listError").is_some() || want.get("listPanic").is_some()
        },
        instead: |case, answer| match answer {
            Ok(answer) => answer["list"] == json!([]),
            // The CRD knows no other word.
            Err(_) => case.input["stage"].to_string().contains("availabilityStrategy"),
        },
    },
];

fn requests(case: &Case) -> impl Iterator<Item = &Value> {
    case.input["stage"]["spec"]["requestedFreight"].as_array().into_iter().flatten()
}

/// Whether the list holds exactly what is available, and the candidates come from it.
fn agrees(answer: &Value) -> bool {
    let list: Vec<String> = read(&answer["list"]).unwrap_or_default();
    let available = answer["isFreightAvailable"].as_object().into_iter().flatten();
    let available = available.filter(|(_, is)| **is == json!(true));
    let available: Vec<String> =
        available.filter_map(|(name, _)| name.split_once('/').map(|(_, n)| n.to_owned())).collect();
    let candidates = answer["autoPromotionCandidates"].as_object().into_iter().flatten();
    available == list && candidates.into_iter().all(|(_, c)| list.iter().any(|n| c == n))
}

#[test]
fn vectors_freight_availability() {
    replay("kargo/freight-availability", RULES, |case| Some(answer(case)));
}

fn answer(case: &Case) -> Answer {
    let stage: Stage = read(&case.input["stage"])?;
    let freight: Vec<Freight> = objects(&case.input, "Freight")?;
    let name = |f: &Freight| f.metadata.name.clone().unwrap_or_default();
    let full = |f: &Freight| format!("{}/{}", f.metadata.namespace.clone().unwrap_or_default(), name(f));
    let is: BTreeMap<String, bool> =
        freight.iter().map(|f| (full(f), availability::is_available(&stage, f, now()))).collect();
    let mut list = Vec::new();
    let mut candidates = BTreeMap::new();
    for request in &stage.spec.requested_freight {
        list.extend(availability::available(&stage, request, &freight, now()).into_iter().map(name));
        if let Some(piece) = availability::candidate(&stage, request, &freight, now()) {
            candidates.entry(request.origin.to_string()).or_insert(name(piece));
        }
    }
    list.sort();
    list.dedup();
    Ok(json!({"isFreightAvailable": is, "list": list, "autoPromotionCandidates": candidates}))
}
