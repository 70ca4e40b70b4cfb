//! A Stage's health: that of what its last Promotion left to be checked.

use ferry_api::Time;
use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{Health, HealthState};

use super::{Decision, Snapshot};

pub(super) fn assess(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let last = decision.status.last_promotion.as_ref();
    let phase = last.and_then(|p| p.status.as_ref()).and_then(|s| s.phase);
    if decision.status.current_promotion.is_some() {
        let issue = "Cannot assess health because a Promotion is currently in progress";
        decision.status.health = Some(unknown(issue));
        say(
            snapshot,
            decision,
            ConditionStatus::Unknown,
            "ActivePromotion",
            "Stage has a Promotion in progress",
        );
    } else if last.is_none() {
        decision.status.health = None;
        say(snapshot, decision, ConditionStatus::Unknown, "NoFreight", "Stage has no current Freight");
    } else if phase != Some(PromotionPhase::Succeeded) {
        let word = phase.map_or("Unknown", PromotionPhase::as_str);
        let issue = "Cannot assess health because the last Promotion did not succeed";
        decision.status.health = Some(unknown(issue));
        let reason = format!("LastPromotion{word}");
        say(snapshot, decision, ConditionStatus::Unknown, &reason, "Last Promotion did not succeed");
    } else {
        let checked = snapshot.health.clone();
        let health = checked.as_ref().map_or_else(healthy, |c| c.health.clone());
        if let Some(checked) = checked {
            decision.requeue = decision.requeue.sooner(checked.recheck);
        }
        let state = health.status.unwrap_or(HealthState::Unknown);
        let status = match state {
            HealthState::Healthy => ConditionStatus::True,
            HealthState::Unhealthy => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        };
        let message = match (state, health.issues.len()) {
            (_, 0) => format!("Stage is {}", state.as_str().to_lowercase()),
            (_, 1) => health.issues.first().cloned().unwrap_or_default(),
            (_, n) => format!("Stage is {} with {n} issues", state.as_str().to_lowercase()),
        };
        decision.status.health = Some(health);
        say(snapshot, decision, status, state.as_str(), &message);
    }
}

fn unknown(issue: &str) -> Health {
    Health { status: Some(HealthState::Unknown), issues: vec![issue.to_owned()], config: None, output: None }
}

fn healthy() -> Health {
    Health { status: Some(HealthState::Healthy), ..Health::default() }
}

fn say(
    snapshot: &Snapshot<'_>,
    decision: &mut Decision,
    status: ConditionStatus,
    reason: &str,
    message: &str,
) {
    conditions::set(
        &mut decision.status.conditions,
        ConditionType::Healthy,
        status,
        reason,
        message,
        snapshot.stage.metadata.generation,
        &Time(snapshot.now),
    );
}
