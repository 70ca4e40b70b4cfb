//! Which Freight a Stage may have: straight from its Warehouse, through upstream Stages that verified it long
//! enough, or because somebody approved it.
//!
//! One function answers for a single piece and for lists. Soak counts only in the upstream Stages that the request
//! names; `All` means each of them, and without any it holds for all Freight.

use std::time::Duration;

use ferry_api::stage::{AvailabilityStrategy, FreightRequest, SelectionPolicy};
use ferry_api::{Freight, Stage, Time, duration};
use jiff::Timestamp;

/// Whether a Stage may have a piece of Freight now.
pub fn is_available(stage: &Stage, freight: &Freight, now: Timestamp) -> bool {
    stage.spec.requested_freight.iter().any(|request| answers(stage, request, freight, now))
}

/// Whether one request of a Stage is answered by a piece of Freight.
pub fn answers(stage: &Stage, request: &FreightRequest, freight: &Freight, now: Timestamp) -> bool {
    if freight.metadata.namespace != stage.metadata.namespace || freight.origin != request.origin {
        return false;
    }
    let name = stage.metadata.name.as_deref().unwrap_or_default();
    if request.sources.direct || freight.is_approved_for(name) {
        return true;
    }
    let soak = required_soak(request);
    let now = Time(now);
    let passes =
        |upstream: &String| freight.is_verified_in(upstream) && freight.has_soaked_in(upstream, soak, &now);
    match request.sources.availability_strategy {
        Some(AvailabilityStrategy::All) => request.sources.stages.iter().all(passes),
        Some(AvailabilityStrategy::OneOf | AvailabilityStrategy::Unset) | None => {
            request.sources.stages.iter().any(passes)
        }
    }
}

/// The soak time that a request asks for.
pub fn required_soak(request: &FreightRequest) -> Option<Duration> {
    request.sources.required_soak_time.as_deref().and_then(|text| duration::parse(text).ok())
}

/// When a piece of Freight that is verified upstream will have soaked long enough, if only time is missing.
pub fn soaked_at(stage: &Stage, freight: &Freight, now: Timestamp) -> Option<Timestamp> {
    stage
        .spec
        .requested_freight
        .iter()
        .filter(|r| freight.origin == r.origin && freight.metadata.namespace == stage.metadata.namespace)
        .filter(|r| !answers(stage, r, freight, now))
        .filter_map(|request| {
            let soak = required_soak(request)?;
            let mut ends = request.sources.stages.iter().map(|s| soak_ends(freight, s, soak, now));
            match request.sources.availability_strategy {
                Some(AvailabilityStrategy::All) => ends.collect::<Option<Vec<_>>>()?.into_iter().max(),
                _ => ends.by_ref().flatten().min(),
            }
        })
        .min()
}

/// When the soak in one Stage is over: now, where it is.
fn soak_ends(freight: &Freight, stage: &str, soak: Duration, now: Timestamp) -> Option<Timestamp> {
    if !freight.is_verified_in(stage) {
        return None;
    }
    if freight.has_soaked_in(stage, Some(soak), &Time(now)) {
        return Some(now);
    }
    let status = freight.status.as_ref()?;
    status.currently_in.get(stage)?.since.as_ref()?.0.checked_add(soak).ok()
}

/// The Freight that answers one request, in the order given. `MatchUpstream` keeps only what the one upstream Stage
/// has now.
pub fn available<'a>(
    stage: &Stage,
    request: &FreightRequest,
    freight: impl IntoIterator<Item = &'a Freight>,
    now: Timestamp,
) -> Vec<&'a Freight> {
    let upstream =
        (policy(request) == SelectionPolicy::MatchUpstream).then(|| request.sources.stages.first());
    freight
        .into_iter()
        .filter(|piece| answers(stage, request, piece, now))
        .filter(|piece| match upstream {
            None => true,
            Some(first) => first.is_some_and(|s| piece.is_currently_in(s)),
        })
        .collect()
}

/// How a request picks among what is available.
pub fn policy(request: &FreightRequest) -> SelectionPolicy {
    let options = request.sources.auto_promotion_options.as_ref();
    options.and_then(|o| o.selection_policy).filter(|_| !request.sources.direct).unwrap_or_default()
}

/// What auto-promotion would take for a request: the newest (by discovery, then by name). `MatchUpstream` takes
/// nothing where it has a choice.
pub fn candidate<'a>(
    stage: &Stage,
    request: &FreightRequest,
    freight: impl IntoIterator<Item = &'a Freight>,
    now: Timestamp,
) -> Option<&'a Freight> {
    let available = available(stage, request, freight, now);
    if policy(request) == SelectionPolicy::MatchUpstream && available.len() > 1 {
        return None;
    }
    available.into_iter().max_by_key(|piece| (discovered(piece), piece.metadata.name.as_deref()))
}

/// When Freight was found: its own record, or else its creation.
pub fn discovered(freight: &Freight) -> Option<Timestamp> {
    freight.discovered_at.as_ref().or(freight.metadata.creation_timestamp.as_ref()).map(|t| t.0)
}
