//! Policies, the queue, holds and what a Stage promotes by itself. Recorded sub-step by sub-step; ours is one pass, in
//! which each sees what the one before it wrote.

use ferry_api::conditions::{self, ConditionType};
use ferry_api::{Freight, ProjectConfig, Promotion, Stage};
use ferry_planner::auto_promotion;
use ferry_planner::stage::{Action, Decision, Snapshot, decide};
use ferry_vectors::{Answer, Case, Rule, judge, replay_with};
use serde_json::{Value, json};

use crate::recorded::{now, objects, read, tidy};

const UUID: &str = "uuid-of-this-pass";

const RULES: &[Rule] = &[
    Rule {
        name: "a Warehouse that is gone",
        reason: "failure-modes 64: it has no Freight, and the other requests go on",
        applies: |case| case.want.as_ref().is_some_and(|w| w.get("autoPromoteError").is_some()),
        instead: |case, answer| {
            let mut want = case.want.clone().unwrap_or_default();
            want.as_object_mut().map(|w| w.remove("autoPromoteError"));
            answer.as_ref().is_ok_and(|a| *a == want)
        },
    },
    Rule {
        name: "a Promotion at work that is gone",
        reason: "failure-modes 4: the Stage does not wait for an object that was deleted",
        applies: |case| {
            let current = &case.input["stage"]["status"]["currentPromotion"]["name"];
            let objects = case.input["objects"].as_array().into_iter().flatten();
            current.is_string() && !objects.into_iter().any(|o| o["metadata"]["name"] == *current)
        },
        instead: |case, answer| {
            let (Ok(answer), Some(want)) = (answer, &case.want) else { return false };
            let gone = &case.input["stage"]["status"]["currentPromotion"]["freight"]["name"];
            let mut answer = answer.clone();
            let again = answer.as_object_mut().unwrap().remove("createdPromotions");
            again.is_none_or(|list| list[0]["freight"] == *gone) && answer == *want
        },
    },
    Rule {
        name: "the next Promotion begins in the same pass",
        reason: "failure-modes 2 and 22: nothing is left to wait for once what ended is taken note of, and the \
                 Freight it brought is verified",
        applies: |case| {
            let want = case.want.clone().unwrap_or_default();
            want["syncPromotions"]["hasNonTerminalPromotions"] == json!(true)
                && want["syncPromotions"].get("currentPromotion").is_none()
        },
        instead: |case, answer| {
            let (Ok(answer), Some(want)) = (answer, &case.want) else { return false };
            let mut answer = answer.clone();
            let sync = answer["syncPromotions"].as_object_mut().unwrap();
            let began = sync.remove("currentPromotion").is_some();
            sync.remove("conditions");
            began && answer == *want
        },
    },
];

#[test]
fn vectors_auto_promotion() {
    replay_with("kargo/auto-promotion", |case| {
        let error = case.want.as_ref().and_then(|w| w.get("policyError")).cloned();
        let want = case.want.as_ref().map(comparable).filter(|_| error.is_none());
        judge(&Case { want, error: error.or(case.error.clone()), ..case.clone() }, &answer(case), RULES)
    });
}

/// Of the recorded conditions only Promoting outlives the pass; words inform.
fn comparable(want: &Value) -> Value {
    let mut want = want.clone();
    if let Some(list) = want["syncPromotions"]["conditions"].as_array_mut() {
        list.retain(|c| c["type"] == "Promoting");
        for condition in list {
            condition.as_object_mut().unwrap().remove("message");
        }
    }
    // An empty list of actions and an empty answer of a sub-step are the same.
    tidy(&want)
}

fn answer(case: &Case) -> Answer {
    let stage: Stage = read(&case.input["stage"])?;
    let project = stage.metadata.namespace.clone().unwrap_or_default();
    let configs: Vec<ProjectConfig> = objects(&case.input, "ProjectConfig")?;
    let config = configs.iter().find(|c| c.metadata.name.as_deref() == Some(&project));
    let promotions: Vec<Promotion> = objects(&case.input, "Promotion")?;
    let name = stage.metadata.name.as_deref().unwrap_or_default();
    let promotions: Vec<&Promotion> = promotions.iter().filter(|p| p.spec.stage == name).collect();
    let freight: Vec<Freight> = objects(&case.input, "Freight")?;
    let freight: Vec<&Freight> = freight.iter().collect();
    let enabled = auto_promotion::is_enabled(&stage, config).map_err(|e| e.to_string())?;
    let decision = decide(&Snapshot {
        stage: &stage,
        promotions: &promotions,
        freight: &freight,
        config,
        missing: &[],
        health: None,
        uuid: UUID,
        now: now(),
    });
    let waiting = promotions.iter().any(|p| !p.is_terminal());
    Ok(tidy(&shown(name, enabled, waiting, &decision)))
}

fn shown(stage: &str, enabled: bool, waiting: bool, decision: &Decision) -> Value {
    let status = &decision.status;
    let created: Vec<Value> = decision
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Promote { freight } => Some(json!({"freight": freight, "stage": stage})),
            _ => None,
        })
        .collect();
    let mut history = status.freight_history.clone();
    for collection in &mut history {
        collection.verification_history.retain(|v| v.id != UUID);
    }
    let promoting = conditions::get(&status.conditions, ConditionType::Promoting);
    let promoting = promoting.map(|c| json!([{"type": c.type_, "status": c.status, "reason": c.reason}]));
    let current = status.current_promotion.as_ref();
    json!({
        "autoPromotionEnabled": enabled,
        "createdPromotions": created,
        "effectiveAutoPromotionHolds": status.effective_auto_promotion_holds,
        "syncPromotions": {
            "autoPromotionHolds": status.auto_promotion_holds,
            "conditions": promoting,
            "currentPromotion": current.map(|c| json!({"name": c.name, "freight": c.freight})),
            "freightHistory": history,
            "hasNonTerminalPromotions": waiting,
            "lastPromotion": status.last_promotion.as_ref().map(|p| &p.name),
        },
    })
}
