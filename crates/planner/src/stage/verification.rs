//! Verification of the Freight that a Stage has. A Stage that names no verification verifies at once, when healthy.

use ferry_api::Time;
use ferry_api::conditions::{ConditionStatus, ConditionType};
use ferry_api::stage::HealthState;
use ferry_api::verification::{VerificationInfo, VerificationPhase};

use super::{Action, Decision, Snapshot};

pub(super) fn verify(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    if decision.status.current_promotion.is_some() {
        return;
    }
    let is_healthy = decision.status.health.as_ref().and_then(|h| h.status) == Some(HealthState::Healthy);
    let Some(collection) = decision.status.freight_history.first_mut() else {
        decision.say(
            snapshot,
            ConditionType::Verified,
            ConditionStatus::Unknown,
            "NoFreight",
            "Stage has no current Freight to verify",
        );
        return;
    };
    if collection.current_verification().is_none() && is_healthy {
        collection.record_verification(start(snapshot));
    }
    let history = &collection.verification_history;
    let verified = history.iter().any(|v| v.phase == Some(VerificationPhase::Successful));
    let latest = history.first().map(|v| (v.phase, v.message.clone()));
    let (status, reason, message) = match latest {
        _ if verified => (ConditionStatus::True, "Verified", "Freight has been verified".to_owned()),
        None => (
            ConditionStatus::Unknown,
            "WaitingForVerification",
            "Verification starts when the Stage is healthy".to_owned(),
        ),
        Some((phase, said)) => {
            let (status, reason, message) = word(phase);
            let said = if status == ConditionStatus::False { said } else { message.to_owned() };
            (status, reason, said)
        }
    };
    decision.say(snapshot, ConditionType::Verified, status, reason, &message);
}

/// Status, reason and words of a phase; where it is bad, the verification's own words count.
fn word(phase: Option<VerificationPhase>) -> (ConditionStatus, &'static str, &'static str) {
    use ConditionStatus::{False, True, Unknown};
    match phase {
        None => (Unknown, "UnknownVerificationPhase", "Freight verification is in an unknown phase"),
        Some(VerificationPhase::Pending) => {
            (Unknown, "VerificationPending", "Freight is pending verification")
        }
        Some(VerificationPhase::Running) => {
            (Unknown, "VerificationRunning", "Freight is currently being verified")
        }
        Some(VerificationPhase::Inconclusive) => {
            (Unknown, "VerificationInconclusive", "Verification result is inconclusive")
        }
        Some(VerificationPhase::Failed) => (False, "VerificationFailed", ""),
        Some(VerificationPhase::Error) => (False, "VerificationError", ""),
        Some(VerificationPhase::Aborted) => (False, "VerificationAborted", ""),
        Some(VerificationPhase::Successful) => (True, "Verified", "Freight has been verified"),
    }
}

/// Analysis runs come with a later version: until then a Stage that asks for one says so instead of passing Freight
/// on unverified.
fn start(snapshot: &Snapshot<'_>) -> VerificationInfo {
    let now = Time(snapshot.now);
    let (phase, message) = match snapshot.stage.spec.verification {
        None => (VerificationPhase::Successful, ""),
        Some(_) => (
            VerificationPhase::Error,
            "Rollouts integration is disabled on this controller: cannot start verification",
        ),
    };
    VerificationInfo {
        id: snapshot.uuid.to_owned(),
        start_time: Some(now.clone()),
        phase: Some(phase),
        message: message.to_owned(),
        finish_time: Some(now),
        ..VerificationInfo::default()
    }
}

/// Notes on the Freight that it is verified here.
pub(super) fn mark(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let stage = snapshot.stage.metadata.name.as_deref().unwrap_or_default();
    let is_healthy = decision.status.health.as_ref().and_then(|h| h.status) == Some(HealthState::Healthy);
    let Some(collection) = decision.status.freight_history.first() else { return };
    let Some(latest) = collection.current_verification() else { return };
    let good = latest.phase == Some(VerificationPhase::Successful) && !collection.has_pending_verification();
    if !is_healthy || !good {
        return;
    }
    let at = latest.finish_time.clone().unwrap_or(Time(snapshot.now));
    let unmarked = snapshot
        .freight
        .iter()
        .filter(|f| f.metadata.namespace == snapshot.stage.metadata.namespace && !f.is_verified_in(stage))
        .filter_map(|f| f.metadata.name.clone())
        .filter(|name| collection.items.values().any(|item| item.name == *name));
    decision.actions.extend(unmarked.map(|freight| Action::MarkVerified { freight, at: at.clone() }));
}
