//! On what a Promotion that runs waits, as its status says it: never nothing, until it has ended.

use ferry_api::conditions::truncate_message;
use ferry_api::promotion::{PromotionSpec, PromotionStatus};
use ferry_api::{Time, Waiting};
use jiff::Timestamp;

use super::attempt::PAST_DEADLINE;
use super::record::alias;

/// A wait with a reason. Since when is kept while the reason stays.
pub(super) fn for_what(
    before: Option<Waiting>,
    why: &str,
    next_check: Option<Timestamp>,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Waiting {
    let reason = truncate_message(why);
    let since = before.filter(|w| w.reason == reason).and_then(|w| w.since).unwrap_or(Time(now));
    Waiting {
        reason: reason.to_owned(),
        since: Some(since),
        next_check: next_check.map(Time),
        deadline: deadline.map(Time),
    }
}

/// A step that is at work, or begins next. None where there is no such step.
pub fn at_work(
    status: &PromotionStatus,
    spec: &PromotionSpec,
    index: usize,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Option<Waiting> {
    let step = spec.steps.get(index)?;
    let kind = step.uses.as_deref().unwrap_or_default();
    let why = format!("step {:?} ({kind}) is at work", alias(step, index));
    let check = deadline.and_then(|end| end.checked_add(PAST_DEADLINE).ok());
    Some(for_what(status.waiting.clone(), &why, check, deadline, now))
}

/// A step that could begin and has no place among those at work.
pub fn for_a_place(
    status: &PromotionStatus,
    spec: &PromotionSpec,
    index: usize,
    place: &str,
    now: Timestamp,
) -> Waiting {
    let alias = spec.steps.get(index).map(|step| alias(step, index)).unwrap_or_default();
    for_what(status.waiting.clone(), &format!("step {alias:?} waits for {place}"), None, None, now)
}
