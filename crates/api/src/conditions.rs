//! `status.conditions`: the types, and how a list of them is changed without churn.

use crate::{Condition, Time};

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// The roll-up: all is as asked for.
    Ready,
    /// Work is going on.
    Reconciling,
    /// A person is needed.
    Stalled,
    /// The thing is in good health.
    Healthy,
    /// A Promotion is going on.
    Promoting,
    /// The current Freight is verified.
    Verified,
    /// The expression that gates Freight creation holds.
    FreightCreationCriteriaSatisfied,
    /// Freight was created by the last pass.
    FreightCreated,
}

impl ConditionType {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Healthy => "Healthy",
            Self::Promoting => "Promoting",
            Self::Verified => "Verified",
            Self::FreightCreationCriteriaSatisfied => "FreightCreationCriteriaSatisfied",
            Self::FreightCreated => "FreightCreated",
        }
    }
}

/// True, false, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Messages above this many bytes are refused by the API server.
pub const MESSAGE_LIMIT_BYTES: usize = 32_768;

/// Cuts a text to the limit of condition and status messages, at a character's edge.
pub fn truncate_message(message: &str) -> &str {
    if message.len() <= MESSAGE_LIMIT_BYTES {
        return message;
    }
    let end = (0..=MESSAGE_LIMIT_BYTES).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
    message.get(..end).unwrap_or_default()
}

/// Finds a condition.
pub fn get(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|c| c.type_ == kind.as_str())
}

/// Sets a condition; `lastTransitionTime` moves only where the status does.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: ConditionType,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    observed_generation: Option<i64>,
    now: &Time,
) {
    let mut new = Condition {
        type_: kind.as_str().to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.to_owned(),
        message: truncate_message(message).to_owned(),
        observed_generation,
        last_transition_time: now.clone(),
    };
    match conditions.iter_mut().find(|c| c.type_ == new.type_) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time.clone();
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

/// Removes a condition.
pub fn remove(conditions: &mut Vec<Condition>, kind: ConditionType) {
    conditions.retain(|c| c.type_ != kind.as_str());
}

/// Puts conditions that were taken away and set again back in their places, with the moment of their last change.
pub fn keep(before: &[Condition], after: &mut [Condition]) {
    let place = |c: &Condition| before.iter().position(|old| old.type_ == c.type_);
    for condition in after.iter_mut() {
        let old = place(condition).and_then(|i| before.get(i)).filter(|old| old.status == condition.status);
        if let Some(old) = old {
            condition.last_transition_time = old.last_transition_time.clone();
        }
    }
    after.sort_by_key(|condition| place(condition).unwrap_or(usize::MAX));
}
