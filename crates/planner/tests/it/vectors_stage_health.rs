//! A Stage's health and the condition that says it, through a whole pass.

use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{Health, StageStatus};
use ferry_api::{Promotion, Stage, conditions};
use ferry_planner::decision::Requeue;
use ferry_planner::stage::{Checked, Snapshot, decide};
use ferry_vectors::{Answer, Case, Rule, judge, replay_with};
use serde_json::{Value, json};

use crate::build;
use crate::recorded::{now, read, tidy};

const RULES: &[Rule] = &[Rule {
    name: "a state between well and unwell is put into words",
    reason: "design §5: every object that waits says on what",
    applies: |case| {
        let state = case.input["checkerResult"]["status"].as_str().unwrap_or_default();
        !matches!(state, "Healthy" | "Unhealthy")
    },
    instead: |case, answer| {
        let (Ok(answer), Some(want)) = (answer, &case.want) else { return false };
        let mut answer = answer.clone();
        answer["conditions"][0]["message"] = json!("");
        answer == *want
    },
}];

#[test]
fn vectors_stage_health() {
    replay_with("kargo/stage-health", |case| {
        let want = case.want.as_ref().map(|w| tidy(&healthy_only(w)));
        let mut answer = answer(case);
        // Where the words were left out of the recording they inform only.
        if let (Ok(answer), Some(want)) = (&mut answer, &want)
            && want["conditions"][0].get("message").is_none()
        {
            answer["conditions"][0].as_object_mut().unwrap().remove("message");
        }
        judge(&Case { want, ..case.clone() }, &answer, RULES)
    });
}

/// The pass sets the other conditions, too.
fn healthy_only(want: &Value) -> Value {
    let all = want["conditions"].as_array().into_iter().flatten();
    let healthy: Vec<_> = all.filter(|c| c["type"] == "Healthy").cloned().collect();
    json!({"health": want["health"], "conditions": healthy})
}

fn answer(case: &Case) -> Answer {
    let stage: Stage = read(&case.input["stage"])?;
    let health = match &case.input["checkerResult"] {
        Value::Null => None,
        said => Some(Checked { health: read::<Health>(said)?, recheck: Requeue::OnChange }),
    };
    let running = stage.status.as_ref().and_then(|s| s.current_promotion.as_ref()).map(|current| {
        let mut promotion = build::promotion("uat", 1, "f1", Some(PromotionPhase::Running));
        promotion.metadata.name = Some(current.name.clone());
        promotion
    });
    let promotions: Vec<&Promotion> = running.iter().collect();
    let snapshot = Snapshot {
        stage: &stage,
        promotions: &promotions,
        freight: &[],
        config: None,
        missing: &[],
        health,
        uuid: "uuid",
        now: now(),
    };
    Ok(shown(&decide(&snapshot).status))
}

fn shown(status: &StageStatus) -> Value {
    let condition = conditions::get(&status.conditions, conditions::ConditionType::Healthy);
    let condition = condition
        .map(|c| json!({"type": c.type_, "status": c.status, "reason": c.reason, "message": c.message}));
    tidy(&json!({"health": status.health, "conditions": condition.into_iter().collect::<Vec<_>>()}))
}
