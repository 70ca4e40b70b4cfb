//! A Promotion before its steps: whether it may start, and with what it starts.

use std::time::Duration;

use ferry_api::names::annotation;
use ferry_api::promotion::{PromotionPhase, PromotionStatus};
use ferry_api::{Freight, FreightCollection, Promotion, Stage, Time, Waiting};
use jiff::Timestamp;
use serde_json::Value;

use crate::availability;
use crate::stage::waits_for_verification;

/// What to do with a Promotion for which nothing runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing: it has ended, or its phase is a word that only another version knows.
    Ended,
    /// It waits: store this status.
    Wait(Box<PromotionStatus>),
    /// It was stopped before it ran: store this status.
    Abort(Box<PromotionStatus>),
    /// A newer one takes its place in the queue: store this status.
    Discard(Box<PromotionStatus>),
    /// Its turn: run it, or go on where it stopped.
    Run,
}

/// Decides.
pub fn decide(
    promotion: &Promotion,
    stage: Option<&Stage>,
    ahead: &[&Promotion],
    superseded_by: Option<&str>,
    now: Timestamp,
) -> Decision {
    if promotion.is_terminal() {
        return Decision::Ended;
    }
    if let Some(actor) = abort_request(promotion) {
        let mut status = promotion.status.clone().unwrap_or_default();
        crate::progress::abort(&promotion.spec, &mut status, &actor, now);
        return Decision::Abort(Box::new(status));
    }
    match promotion.phase() {
        Some(PromotionPhase::Running) => return Decision::Run,
        Some(PromotionPhase::Unknown) => return Decision::Ended,
        _ => {}
    }
    if let Some(newer) = superseded_by {
        return Decision::Discard(Box::new(discarded(promotion, newer, now)));
    }
    let name = promotion.metadata.name.as_deref().unwrap_or_default();
    let why = match stage.map(|s| s.status.as_ref().and_then(|s| s.current_promotion.as_ref())) {
        None => format!("Stage {:?} does not exist", promotion.spec.stage),
        Some(Some(current)) if current.name == name => return Decision::Run,
        Some(Some(current)) if ahead.len() <= 1 => {
            format!("Promotion {} of the same Stage is at work", current.name)
        }
        Some(None) if ahead.is_empty() => {
            let verifies = stage.and_then(|s| s.status.as_ref()).is_some_and(waits_for_verification);
            if verifies {
                "the verification of the Freight that the Stage has".to_owned()
            } else {
                "the Stage has not taken note of it yet".to_owned()
            }
        }
        // No names, no numbers: or each Promotion that ends would have the whole queue written anew.
        Some(_) => "other Promotions of the same Stage are ahead".to_owned(),
    };
    let before = promotion.status.clone().unwrap_or_default();
    let since = before.waiting.as_ref().filter(|w| w.reason == why).and_then(|w| w.since.clone());
    let waiting =
        Waiting { reason: why, since: Some(since.unwrap_or(Time(now))), next_check: None, deadline: None };
    Decision::Wait(Box::new(PromotionStatus {
        phase: Some(PromotionPhase::Pending),
        waiting: Some(waiting),
        last_handled_refresh: refresh_token(promotion).or_else(|| before.last_handled_refresh.clone()),
        ..before
    }))
}

fn discarded(promotion: &Promotion, newer: &str, now: Timestamp) -> PromotionStatus {
    let mut status = promotion.status.clone().unwrap_or_default();
    let message = format!("discarded for the newer Promotion {newer} (queue policy latestOnly)");
    crate::progress::end(&mut status, PromotionPhase::Aborted, &message, now);
    status.superseded_by = Some(newer.to_owned());
    status
}

/// For how long a Promotion that has not ended is at what it is at: its step, or the queue.
pub fn age(promotion: &Promotion, now: Timestamp) -> Option<Duration> {
    if promotion.is_terminal() {
        return None;
    }
    let status = promotion.status.as_ref();
    let step = status.and_then(|s| {
        let index = usize::try_from(s.current_step).ok()?;
        crate::progress::record(s, &promotion.spec.steps, index)?.started_at.clone()
    });
    let since = step.or_else(|| status.and_then(|s| s.started_at.clone()));
    let since = since.or_else(|| promotion.metadata.creation_timestamp.clone())?;
    Some(Duration::try_from(now.duration_since(since.0)).unwrap_or_default())
}

/// The token of the refresh that was asked for last.
pub fn refresh_token(promotion: &Promotion) -> Option<String> {
    promotion.metadata.annotations.as_ref()?.get(annotation::REFRESH).cloned()
}

/// Who asked for an end, if somebody did.
pub fn abort_request(promotion: &Promotion) -> Option<String> {
    let text = promotion.metadata.annotations.as_ref()?.get(annotation::ABORT)?;
    if text.trim() == "terminate" {
        return Some("unknown actor".to_owned());
    }
    let request: Value = serde_json::from_str(text).ok()?;
    let word = |key: &str| request.get(key).and_then(Value::as_str);
    (word("action") == Some("terminate"))
        .then(|| word("actor").filter(|a| !a.is_empty()).unwrap_or("unknown actor").to_owned())
}

/// Who asked for the Promotion; nobody where Ferry did by itself.
pub fn actor(promotion: &Promotion) -> Option<&str> {
    let actor = promotion.metadata.annotations.as_ref()?.get(annotation::CREATE_ACTOR)?;
    (!actor.is_empty() && !actor.starts_with("controller:")).then_some(actor.as_str())
}

/// The status with which a Promotion starts, or why it cannot: its Freight must exist and be available.
pub fn begin(
    promotion: &Promotion,
    stage: &Stage,
    freight: Option<&Freight>,
    now: Timestamp,
) -> Result<PromotionStatus, String> {
    let mut status = promotion.status.clone().unwrap_or_default();
    let stage_name = stage.metadata.name.as_deref().unwrap_or_default();
    let name = promotion.spec.freight.as_deref().unwrap_or_default();
    let Some(freight) = freight else {
        return Err(format!("Freight {name:?} does not exist; promote one that does"));
    };
    if !availability::is_available(stage, freight, now) {
        return Err(format!(
            "Freight {name:?} is not available to Stage {stage_name:?}: verify it upstream or approve it"
        ));
    }
    status.phase = Some(PromotionPhase::Running);
    status.started_at.get_or_insert(Time(now));
    status.freight = Some(freight.reference());
    status.freight_collection = Some(collection(stage, freight));
    status.waiting = crate::progress::at_work(&status, &promotion.spec, 0, None, now);
    Ok(status)
}

/// The Freight, and what the Stage's last Promotion had of the other origins that the Stage asks for.
fn collection(stage: &Stage, freight: &Freight) -> FreightCollection {
    let last = stage.status.as_ref().and_then(|s| s.last_promotion.as_ref()).and_then(|p| p.status.as_ref());
    let before = last.and_then(|s| s.freight_collection.as_ref());
    let others = stage
        .spec
        .requested_freight
        .iter()
        .filter(|_| stage.spec.requested_freight.len() > 1)
        .filter_map(|request| before?.of_origin(&request.origin))
        .cloned();
    FreightCollection::of(others.chain([freight.reference()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion(annotation: Option<&str>) -> Promotion {
        let mut promotion = Promotion::default();
        promotion.metadata.name = Some("test.01a.abc".into());
        promotion.spec.stage = "test".into();
        promotion.metadata.annotations =
            annotation.map(|a| [(annotation::ABORT.to_owned(), a.to_owned())].into());
        promotion
    }

    #[test]
    fn an_abort_is_read_in_both_forms() {
        let json = r#"{"action":"terminate","actor":"admin","controlPlane":true}"#;
        assert_eq!(abort_request(&promotion(Some(json))).as_deref(), Some("admin"));
        assert_eq!(abort_request(&promotion(Some("terminate"))).as_deref(), Some("unknown actor"));
        for text in ["", "{", "stop", r#"{"action":"pause"}"#] {
            assert_eq!(abort_request(&promotion(Some(text))), None, "{text}");
        }
    }

    #[test]
    fn it_waits_for_its_turn_and_says_why() {
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        let mut stage = Stage::default();
        stage.status.get_or_insert_default().current_promotion =
            Some(ferry_api::stage::PromotionReference { name: "test.00x.def".into(), ..Default::default() });
        let Decision::Wait(status) = decide(&promotion(None), Some(&stage), &[], None, now) else { panic!() };
        assert_eq!(status.phase, Some(PromotionPhase::Pending));
        assert!(status.waiting.unwrap().reason.contains("test.00x.def"));
        // Further back nothing changes with each one that ends.
        let others = [promotion(None), promotion(None), promotion(None)];
        let reason = |ahead: &[&Promotion]| match decide(&promotion(None), Some(&stage), ahead, None, now) {
            Decision::Wait(status) => status.waiting.unwrap().reason,
            other => panic!("{other:?}"),
        };
        let [a, b, c] = &others;
        assert_eq!(reason(&[a, b, c]), reason(&[a, b]));
        stage.status.as_mut().unwrap().current_promotion.as_mut().unwrap().name = "test.01a.abc".into();
        assert_eq!(decide(&promotion(None), Some(&stage), &[], None, now), Decision::Run);
    }
}
