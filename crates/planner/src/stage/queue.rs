//! The queue of a Stage's Promotions: which one may run, and what one that ended leaves behind.

use std::collections::BTreeSet;

use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{HealthState, PromotionReference, StageStatus};
use ferry_api::verification::{VerificationInfo, VerificationPhase};
use ferry_api::{Promotion, Stage, Time, history, order};
use serde_json::{Map, Value};

use super::{Action, Decision, Snapshot, policy};
use crate::auto_promotion;

/// The Promotions in the order of their turns: who runs, who was let run and may be about to, who has waited longest;
/// behind them those that have ended, the newest first.
fn order<'a>(current: Option<&str>, promotions: &[&'a Promotion]) -> Vec<&'a Promotion> {
    let turn = |p: &Promotion| {
        let waits = p.phase() != Some(PromotionPhase::Running);
        (p.is_terminal(), waits, !p.is_terminal() && p.metadata.name.as_deref() != current)
    };
    let mut sorted = promotions.to_vec();
    sorted.sort_by(|a, b| turn(a).cmp(&turn(b)).then_with(|| order::compare_promotions(a, b)));
    sorted
}

/// Those of a Stage's Promotions that have not ended, in the order of their turns.
pub fn turns<'a>(stage: Option<&Stage>, all: &[&'a Promotion]) -> Vec<&'a Promotion> {
    let current = stage.and_then(|s| s.status.as_ref()).and_then(|s| s.current_promotion.as_ref());
    let open: Vec<&Promotion> = all.iter().copied().filter(|p| !p.is_terminal()).collect();
    order(current.map(|p| p.name.as_str()), &open)
}

/// Those whose turn comes before that of one.
pub fn ahead<'a>(stage: Option<&Stage>, promotion: &Promotion, all: &[&'a Promotion]) -> Vec<&'a Promotion> {
    let name = promotion.metadata.name.as_ref();
    turns(stage, all).into_iter().take_while(|p| p.metadata.name.as_ref() != name).collect()
}

pub(super) fn sync(snapshot: &Snapshot<'_>, enabled: bool, decision: &mut Decision) {
    let current = decision.status.current_promotion.as_ref().map(|p| p.name.clone());
    let queue = contenders(snapshot, current.as_deref());
    if current.is_some() && current != first(&queue).and_then(|p| p.metadata.name.clone()) {
        decision.status.current_promotion = None;
        take_note_of_ended(snapshot, enabled, &queue, decision);
    }
    if decision.status.current_promotion.is_none() {
        conditions::remove(&mut decision.status.conditions, ConditionType::Promoting);
    }
    admit_next(snapshot, decision);
}

/// All but those that are to be discarded for a newer one, in the order of their turns.
fn contenders<'a>(snapshot: &Snapshot<'a>, current: Option<&str>) -> Vec<&'a Promotion> {
    let discarded = policy::superseded(snapshot.stage, snapshot.promotions, &|name| {
        policy::origin_of(snapshot.freight, name)
    });
    let stays = |p: &&Promotion| p.metadata.name.as_deref().is_none_or(|name| !discarded.contains_key(name));
    let all: Vec<&Promotion> = snapshot.promotions.iter().copied().filter(stays).collect();
    order(current, &all)
}

/// Whose turn it is.
fn first<'a>(queue: &[&'a Promotion]) -> Option<&'a Promotion> {
    queue.first().copied().filter(|p| !p.is_terminal())
}

/// Lets the first Promotion of the queue run, unless the current Freight must be verified first. Says whether there
/// is one now that was not there before.
pub(super) fn admit_next(snapshot: &Snapshot<'_>, decision: &mut Decision) -> bool {
    let current = decision.status.current_promotion.as_ref().map(|p| p.name.as_str());
    let Some(next) = first(&contenders(snapshot, current)) else { return false };
    let is_new = decision.status.current_promotion.is_none();
    if is_new && waits_for_verification(&decision.status) {
        decision.why.push("the next Promotion waits until the current Freight is verified".to_owned());
        return false;
    }
    if is_new {
        skip_verification(snapshot, next, decision);
    }
    admit(snapshot, next, decision);
    is_new
}

/// Freight that never became healthy is not verified once the next Promotion begins: that is said, not left open.
fn skip_verification(snapshot: &Snapshot<'_>, next: &Promotion, decision: &mut Decision) {
    let Some(collection) = decision.status.freight_history.first_mut() else { return };
    if collection.current_verification().is_some() {
        return;
    }
    let now = Some(Time(snapshot.now));
    let name = next.metadata.name.as_deref().unwrap_or_default();
    collection.record_verification(VerificationInfo {
        id: snapshot.uuid.to_owned(),
        phase: Some(VerificationPhase::Aborted),
        message: format!("Verification skipped: Promotion {name:?} began before the Stage was healthy"),
        start_time: now.clone(),
        finish_time: now,
        ..VerificationInfo::default()
    });
}

/// Lets a Promotion run.
fn admit(snapshot: &Snapshot<'_>, promotion: &Promotion, decision: &mut Decision) {
    let name = promotion.metadata.name.clone().unwrap_or_default();
    let freight = promotion.status.as_ref().and_then(|s| s.freight.clone());
    decision.status.current_promotion =
        Some(PromotionReference { name: name.clone(), freight, status: None, finished_at: None });
    let phase = promotion.phase().map_or("Pending", PromotionPhase::as_str);
    conditions::set(
        &mut decision.status.conditions,
        ConditionType::Promoting,
        ConditionStatus::True,
        "ActivePromotion",
        &format!("Promotion {name:?} is currently {phase}"),
        snapshot.stage.metadata.generation,
        &Time(snapshot.now),
    );
}

/// Freight that has arrived and is healthy (or of unknown health) is verified before the next one arrives.
pub fn waits_for_verification(status: &StageStatus) -> bool {
    let Some(collection) = status.freight_history.first() else { return false };
    if collection.has_pending_verification() {
        return true;
    }
    let health = status.health.as_ref().and_then(|h| h.status);
    let may_still_be_verified = matches!(health, None | Some(HealthState::Healthy));
    may_still_be_verified && collection.current_verification().is_none_or(|v| !v.is_terminal())
}

fn take_note_of_ended(snapshot: &Snapshot<'_>, enabled: bool, queue: &[&Promotion], decision: &mut Decision) {
    let last = decision.status.last_promotion.as_ref().map_or(String::new(), |p| p.name.clone());
    let mut ended: Vec<&&Promotion> = queue
        .iter()
        .filter(|p| p.is_terminal() && p.metadata.name.as_deref().unwrap_or_default() > last.as_str())
        .collect();
    ended.sort_by_key(|p| p.metadata.name.as_deref().unwrap_or_default());
    for promotion in ended {
        take_note_of(snapshot, enabled, promotion, decision);
    }
}

fn take_note_of(snapshot: &Snapshot<'_>, enabled: bool, promotion: &Promotion, decision: &mut Decision) {
    let status = &mut decision.status;
    if enabled {
        auto_promotion::record_hold(&mut status.auto_promotion_holds, snapshot.stage, promotion);
    }
    let mut ended = promotion.status.clone().unwrap_or_default();
    // What is ours alone stays the Promotion's own business: a Stage remembers no ledger and no wait.
    ended.ledger = None;
    ended.waiting = None;
    ended.superseded_by = None;
    if ended.started_at.is_none() && ended.freight_collection.is_none() {
        ended.freight_collection = status
            .last_promotion
            .as_ref()
            .and_then(|p| p.status.as_ref())
            .and_then(|s| s.freight_collection.clone());
    }
    let succeeded = ended.phase == Some(PromotionPhase::Succeeded);
    let collection = ended.freight_collection.clone();
    if succeeded {
        decision.actions.push(Action::AnnotateApplications(applications(promotion)));
    }
    status.last_promotion = Some(PromotionReference {
        name: promotion.metadata.name.clone().unwrap_or_default(),
        freight: ended.freight.clone(),
        finished_at: ended.finished_at.clone(),
        status: Some(ended),
    });
    if let (true, Some(collection)) = (succeeded, collection) {
        history::record(&mut status.freight_history, collection);
        status.health = None;
        let waits = [
            (ConditionType::Healthy, "WaitingForHealthCheck", "health check"),
            (ConditionType::Verified, "WaitingForVerification", "verification"),
        ];
        for (kind, reason, what) in waits {
            conditions::set(
                &mut status.conditions,
                kind,
                ConditionStatus::Unknown,
                reason,
                &format!("Waiting for {what} to be performed after successful promotion"),
                snapshot.stage.metadata.generation,
                &Time(snapshot.now),
            );
        }
    }
}

/// The Applications that a Promotion touched, as JSON for the Stage's annotation.
fn applications(promotion: &Promotion) -> Option<String> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut collect = |value: Option<&Value>| {
        for app in value.and_then(|v| v.get("apps")).and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| app.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let pair = (text("name"), text("namespace"));
            if !pair.0.is_empty() && seen.insert(pair.clone()) {
                found.push(pair);
            }
        }
    };
    let status = promotion.status.as_ref();
    let no_state = Map::new();
    let state = status.and_then(|s| s.state.as_ref()).unwrap_or(&no_state);
    for (index, step) in promotion.spec.steps.iter().enumerate() {
        if matches!(step.uses.as_deref(), Some("argocd-update" | "argocd-wait")) {
            collect(state.get(&crate::progress::alias(step, index)));
        }
    }
    for check in status.map(|s| s.health_checks.as_slice()).unwrap_or_default() {
        collect(check.config.as_ref());
    }
    let list: Vec<Value> = found
        .into_iter()
        .map(|(name, namespace)| serde_json::json!({"name": name, "namespace": namespace}))
        .collect();
    (!list.is_empty()).then(|| Value::Array(list).to_string())
}
