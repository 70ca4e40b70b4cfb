//! Whether a Stage promotes by itself, what it would take, and where a person's choice holds that back.

use std::collections::BTreeMap;

use ferry_api::names::annotation;
use ferry_api::project_config::PromotionPolicy;
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{AutoPromotionHold, StageStatus};
use ferry_api::{Freight, FreightOrigin, ProjectConfig, Promotion, Stage};
use ferry_artifact::pattern::{self, NamePattern};
use jiff::Timestamp;

use crate::{availability, labels};

/// Holds by origin (`Warehouse/<name>`).
pub type Holds = BTreeMap<String, AutoPromotionHold>;

/// A policy that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Its pattern of Stage names.
    #[error("promotion policy {index}: name pattern {pattern:?}: {why}")]
    Name {
        /// Which policy.
        index: usize,
        /// The pattern.
        pattern: String,
        /// What is wrong.
        why: pattern::Error,
    },
    /// Its selector of Stage labels.
    #[error("promotion policy {index}: {why}")]
    Labels {
        /// Which policy.
        index: usize,
        /// What is wrong.
        why: labels::Error,
    },
}

/// Whether the first policy that matches a Stage lets it promote by itself.
pub fn is_enabled(stage: &Stage, config: Option<&ProjectConfig>) -> Result<bool, Error> {
    let Some(spec) = config.and_then(|c| c.spec.as_ref()) else { return Ok(false) };
    for (index, policy) in spec.promotion_policies.iter().enumerate() {
        if matches(index, policy, stage)? {
            return Ok(policy.auto_promotion_enabled.unwrap_or(false));
        }
    }
    Ok(false)
}

fn matches(index: usize, policy: &PromotionPolicy, stage: &Stage) -> Result<bool, Error> {
    let name = stage.metadata.name.as_deref().unwrap_or_default();
    let Some(selector) = &policy.stage_selector else {
        return Ok(policy.stage.as_deref().is_none_or(|s| s.is_empty() || s == name));
    };
    if let Some(text) = selector.name.as_deref().filter(|n| !n.is_empty()) {
        let pattern =
            NamePattern::parse(text).map_err(|why| Error::Name { index, pattern: text.to_owned(), why })?;
        if !pattern.matches(name) {
            return Ok(false);
        }
    }
    labels::matches(&selector.labels, stage.metadata.labels.as_ref())
        .map_err(|why| Error::Labels { index, why })
}

/// Everything that the choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The Stage, with the status that this pass has so far.
    pub stage: &'a Stage,
    /// That status.
    pub status: &'a StageStatus,
    /// The Project's Freight.
    pub freight: &'a [&'a Freight],
    /// The Stage's Promotions.
    pub promotions: &'a [&'a Promotion],
    /// The time.
    pub now: Timestamp,
}

/// What a Stage promotes by itself now: one piece per request that is neither held, nor there, nor on its way.
pub fn choose<'a>(situation: &Situation<'a>) -> Vec<&'a Freight> {
    let mut chosen: Vec<&Freight> = Vec::new();
    for request in &situation.stage.spec.requested_freight {
        if situation.status.effective_auto_promotion_holds.contains_key(&request.origin.to_string()) {
            continue;
        }
        let all = situation.freight.iter().copied();
        let Some(piece) = availability::candidate(situation.stage, request, all, situation.now) else {
            continue;
        };
        let name = piece.metadata.name.as_deref().unwrap_or_default();
        let twice = chosen.iter().any(|c| c.metadata.name == piece.metadata.name);
        if !twice && !is_current(situation.status, &request.origin, name) && !was_tried(situation, name) {
            chosen.push(piece);
        }
    }
    chosen
}

fn is_current(status: &StageStatus, origin: &FreightOrigin, freight: &str) -> bool {
    let has =
        status.freight_history.first().and_then(|c| c.of_origin(origin)).is_some_and(|r| r.name == freight);
    let promoting = status.current_promotion.as_ref().and_then(|p| p.freight.as_ref());
    has || promoting.is_some_and(|r| r.name == freight)
}

/// Whether a Promotion of this Freight waits, runs, is not yet taken note of, or was the last and did not succeed:
/// what failed once is promoted again only by a person. What was discarded for newer Freight was not tried.
fn was_tried(situation: &Situation<'_>, freight: &str) -> bool {
    let last = situation.status.last_promotion.as_ref().map_or("", |p| p.name.as_str());
    let name = |p: &Promotion| p.metadata.name.clone().unwrap_or_default();
    let of_freight: Vec<&&Promotion> =
        situation.promotions.iter().filter(|p| p.spec.freight.as_deref() == Some(freight)).collect();
    let unprocessed = of_freight.iter().any(|p| match p.phase() {
        Some(PromotionPhase::Succeeded) => name(p).as_str() > last,
        phase => !phase.is_some_and(PromotionPhase::is_terminal),
    });
    let newest = of_freight
        .iter()
        .filter(|p| p.is_terminal() && p.status.as_ref().is_none_or(|s| s.superseded_by.is_none()))
        .max_by_key(|p| (p.metadata.creation_timestamp.as_ref().map(|t| t.0), name(p)));
    unprocessed || newest.is_some_and(|p| p.phase() != Some(PromotionPhase::Succeeded))
}

/// Takes note of what a Promotion that ended says about holds.
pub fn record_hold(holds: &mut Holds, stage: &Stage, promotion: &Promotion) {
    if promotion.phase() == Some(PromotionPhase::Aborted) {
        return;
    }
    apply_hold(holds, stage, promotion);
}

fn apply_hold(holds: &mut Holds, stage: &Stage, promotion: &Promotion) {
    let annotation = |key: &str| promotion.metadata.annotations.as_ref()?.get(key).cloned();
    let requested = |key: &String| stage.spec.requested_freight.iter().find(|r| r.origin.to_string() == *key);
    if let Some(key) = annotation(annotation::AUTO_PROMOTION_HOLD)
        && let Some(request) = requested(&key)
    {
        let hold = AutoPromotionHold {
            freight_name: promotion.spec.freight.clone().unwrap_or_default(),
            origin: request.origin.clone(),
            promotion_name: promotion.metadata.name.clone().unwrap_or_default(),
            actor: annotation(annotation::CREATE_ACTOR).unwrap_or_default(),
            created_at: promotion.metadata.creation_timestamp.clone(),
        };
        holds.insert(key, hold);
    } else if let Some(key) = annotation(annotation::AUTO_PROMOTION_RESUME) {
        holds.remove(&key);
    }
}

/// Drops holds of origins that the Stage no longer asks for, and all where it does not promote by itself.
pub fn prune_holds(holds: &mut Holds, stage: &Stage, enabled: bool) {
    holds.retain(|key, _| {
        enabled && stage.spec.requested_freight.iter().any(|r| r.origin.to_string() == *key)
    });
}

/// The holds with what Promotions that are not taken note of will say: the newest counts.
pub fn effective_holds(stage: &Stage, status: &StageStatus, promotions: &[&Promotion]) -> Holds {
    let last = status.last_promotion.as_ref().map_or("", |p| p.name.as_str());
    let mut newer: Vec<&&Promotion> = promotions
        .iter()
        .filter(|p| p.metadata.name.as_deref().unwrap_or_default() > last)
        .filter(|p| p.phase() != Some(PromotionPhase::Aborted))
        .collect();
    newer.sort_by_key(|p| p.metadata.name.clone());
    let mut holds = status.auto_promotion_holds.clone();
    for promotion in newer {
        apply_hold(&mut holds, stage, promotion);
    }
    holds
}
