//! A Stage's health: that of what its last Promotion left to be checked.

use ferry_api::conditions::{ConditionStatus, ConditionType};
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{Health, HealthState};

use super::{Decision, Snapshot};

pub(super) fn assess(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let last = decision.status.last_promotion.as_ref();
    let phase = last.and_then(|p| p.status.as_ref()).and_then(|s| s.phase);
    if decision.status.current_promotion.is_some() {
        let issue = "Cannot assess health because a Promotion is currently in progress";
        decision.status.health = Some(unknown(issue));
        decision.say(
            snapshot,
            ConditionType::Healthy,
            ConditionStatus::Unknown,
            "ActivePromotion",
            "Stage has a Promotion in progress",
        );
    } else if last.is_none() {
        decision.status.health = None;
        decision.say(
            snapshot,
            ConditionType::Healthy,
            ConditionStatus::Unknown,
            "NoFreight",
            "Stage has no current Freight",
        );
    } else if phase != Some(PromotionPhase::Succeeded) {
        let issue = "Cannot assess health because last Promotion did not succeed";
        decision.status.health = Some(unknown(issue));
        let reason = format!("LastPromotion{}", phase.map_or("", PromotionPhase::as_str));
        decision.say(snapshot, ConditionType::Healthy, ConditionStatus::Unknown, &reason, issue);
    } else {
        let checks = last.and_then(|p| p.status.as_ref()).map_or(0, |s| s.health_checks.len());
        take(snapshot, decision, checks);
    }
}

/// Takes over what the checks say.
fn take(snapshot: &Snapshot<'_>, decision: &mut Decision, checks: usize) {
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
    let word = state.as_str().to_lowercase();
    let message = match state {
        HealthState::Healthy => format!("Stage is {word} (performed {checks} health checks)"),
        _ => format!("Stage is {word} ({} issues in {checks} health checks)", health.issues.len()),
    };
    decision.status.health = Some(health);
    decision.say(snapshot, ConditionType::Healthy, status, state.as_str(), &message);
}

fn unknown(issue: &str) -> Health {
    Health { status: Some(HealthState::Unknown), issues: vec![issue.to_owned()], config: None, output: None }
}

fn healthy() -> Health {
    Health { status: Some(HealthState::Healthy), ..Health::default() }
}
