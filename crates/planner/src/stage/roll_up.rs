//! The condition `Ready`, which sums up the others, and `status.waiting`, which says on what the Stage waits.

use ferry_api::conditions::{self, ConditionStatus, ConditionType, truncate_message};
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::StageStatus;
use ferry_api::{Stage, Time, Waiting};
use jiff::Timestamp;

use super::{Decision, Snapshot};

pub(super) fn conclude(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let (ready, reason, mut message) = sum_up(decision);
    if !ready && reason == "NoFreight" && !snapshot.missing.is_empty() {
        message = format!("{message}: {}", snapshot.missing.join("; "));
    }
    conditions::remove(&mut decision.status.conditions, ConditionType::Reconciling);
    let status = if ready { ConditionStatus::True } else { ConditionStatus::False };
    decision.say(snapshot, ConditionType::Ready, status, &reason, &message);
    decision.status.observed_generation = snapshot.stage.metadata.generation;
    let waits = conditions::get(&decision.status.conditions, ConditionType::Promoting).is_some() || !ready;
    let on_what = in_words(decision, &reason, &message);
    wait(snapshot, decision, waits.then_some(on_what));
}

/// Notes on what the Stage waits; since when stays while the reason does.
fn wait(snapshot: &Snapshot<'_>, decision: &mut Decision, on_what: Option<String>) {
    let before = decision.status.waiting.take();
    decision.status.waiting = on_what.map(|reason| {
        let since = before.filter(|w| w.reason == reason).and_then(|w| w.since).or(Some(Time(snapshot.now)));
        Waiting { reason, since, next_check: None, deadline: None }
    });
}

/// On what the Stage waits: what the health checks complain of, where it is the health.
fn in_words(decision: &Decision, reason: &str, message: &str) -> String {
    let health = decision.status.health.as_ref();
    let issue =
        health.filter(|h| h.status.is_some_and(|s| s.as_str() == reason)).and_then(|h| h.issues.first());
    truncate_message(issue.map_or(message, String::as_str)).to_owned()
}

/// An error of the decision itself, e.g. a policy that cannot be read.
pub(super) fn fail(snapshot: &Snapshot<'_>, decision: &mut Decision, error: &str) {
    decision.say(snapshot, ConditionType::Ready, ConditionStatus::False, "ReconcileError", error);
    wait(snapshot, decision, Some(truncate_message(error).to_owned()));
}

/// Says that the Stage was not let promote by itself. The rest of the status stands.
pub fn refused(stage: &Stage, status: &mut StageStatus, why: &str, now: Timestamp) {
    let before = stage.status.as_ref();
    // From the condition as it is stored: what is said again did not change meanwhile.
    let ready = before.and_then(|s| conditions::get(&s.conditions, ConditionType::Ready)).cloned();
    conditions::remove(&mut status.conditions, ConditionType::Ready);
    status.conditions.extend(ready);
    let message = format!("auto-promotion was refused, it is tried again: {why}");
    conditions::set(
        &mut status.conditions,
        ConditionType::Ready,
        ConditionStatus::False,
        "ReconcileError",
        &message,
        stage.metadata.generation,
        &Time(now),
    );
    let reason = conditions::truncate_message(&message).to_owned();
    let since = before.and_then(|s| s.waiting.clone()).filter(|w| w.reason == reason).and_then(|w| w.since);
    let since = Some(since.unwrap_or(Time(now)));
    status.waiting = Some(Waiting { reason, since, next_check: None, deadline: None });
}

fn sum_up(decision: &Decision) -> (bool, String, String) {
    let conditions = &decision.status.conditions;
    let not_ready = |kind: ConditionType| {
        conditions::get(conditions, kind).map(|c| (c.reason.clone(), c.message.clone()))
    };
    if let Some((reason, message)) = not_ready(ConditionType::Promoting) {
        return (false, reason, message);
    }
    let last = decision.status.last_promotion.as_ref().and_then(|p| p.status.as_ref());
    if let Some((phase, message)) = last.and_then(|s| Some((s.phase?, s.message.clone())))
        && phase.is_terminal()
        && phase != PromotionPhase::Succeeded
    {
        return (false, format!("LastPromotion{}", phase.as_str()), message);
    }
    for (kind, fallback) in [(ConditionType::Healthy, "NotHealthy"), (ConditionType::Verified, "NotVerified")]
    {
        let condition = conditions::get(conditions, kind);
        if condition.is_none_or(|c| c.status != ConditionStatus::True.as_str()) {
            let (reason, message) =
                condition.map(|c| (c.reason.clone(), c.message.clone())).unwrap_or_default();
            let reason = if reason.is_empty() { fallback.to_owned() } else { reason };
            return (false, reason, message);
        }
    }
    let verified =
        conditions::get(conditions, ConditionType::Verified).map(|c| c.message.clone()).unwrap_or_default();
    (true, "Verified".to_owned(), verified)
}
