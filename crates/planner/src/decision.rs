//! What the deciders have in common: when to look again, and why things are as they are.

use std::time::Duration;

use jiff::Timestamp;

/// When the next look is due, should no watch bring one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requeue {
    /// Only a change brings the next look.
    #[default]
    OnChange,
    /// At the latest after this long.
    After(Duration),
}

impl Requeue {
    /// The earlier of the two.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::After(a), Self::After(b)) => Self::After(a.min(b)),
            (Self::OnChange, x) | (x, Self::OnChange) => x,
        }
    }

    /// The look that is due at a moment.
    pub fn at(moment: Timestamp, now: Timestamp) -> Self {
        Self::After(Duration::try_from(moment.duration_since(now)).unwrap_or_default())
    }
}
