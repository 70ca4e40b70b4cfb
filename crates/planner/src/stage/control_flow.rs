//! A Stage without steps: it has nothing itself, it only passes on what is available to it.

use ferry_api::Time;
use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::names::annotation;
use ferry_api::stage::StageStatus;

use super::{Action, Decision, Snapshot};
use crate::availability;
use crate::decision::Requeue;

pub(super) fn decide(snapshot: &Snapshot<'_>, decision: &mut Decision) {
    let name = snapshot.stage.metadata.name.as_deref().unwrap_or_default();
    let before = std::mem::take(&mut decision.status);
    decision.status = StageStatus {
        conditions: before.conditions,
        last_handled_refresh: before.last_handled_refresh,
        metadata: before.metadata,
        observed_generation: snapshot.stage.metadata.generation,
        freight_summary: Some("N/A".to_owned()),
        ..StageStatus::default()
    };
    let annotations = snapshot.stage.metadata.annotations.as_ref();
    if annotations.is_some_and(|a| a.contains_key(annotation::ARGOCD_CONTEXT)) {
        decision.actions.push(Action::AnnotateApplications(None));
    }
    for piece in snapshot.freight {
        if availability::is_available(snapshot.stage, piece, snapshot.now) && !piece.is_verified_in(name) {
            let freight = piece.metadata.name.clone().unwrap_or_default();
            decision.actions.push(Action::MarkVerified { freight, at: Time(snapshot.now) });
        }
        if let Some(moment) = availability::soaked_at(snapshot.stage, piece, snapshot.now) {
            decision.requeue = decision.requeue.sooner(Requeue::at(moment, snapshot.now));
        }
    }
    for kind in [
        ConditionType::Promoting,
        ConditionType::Healthy,
        ConditionType::Verified,
        ConditionType::Reconciling,
    ] {
        conditions::remove(&mut decision.status.conditions, kind);
    }
    conditions::set(
        &mut decision.status.conditions,
        ConditionType::Ready,
        ConditionStatus::True,
        "Ready",
        "",
        snapshot.stage.metadata.generation,
        &Time(snapshot.now),
    );
}
