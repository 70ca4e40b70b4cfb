//! The order of a Stage's Promotions: what runs, then the queue (oldest first), then what has ended (newest first).
//! Age is read from the names, which hold ULIDs.

use std::cmp::Ordering;

use crate::promotion::{Promotion, PromotionPhase};

impl Promotion {
    /// The phase; a brand-new Promotion has none.
    pub fn phase(&self) -> Option<PromotionPhase> {
        self.status.as_ref().and_then(|status| status.phase)
    }

    /// Whether nothing more will happen.
    pub fn is_terminal(&self) -> bool {
        self.phase().is_some_and(PromotionPhase::is_terminal)
    }
}

/// Compares phases for the queue: running, then not ended, then ended. Phases of one group are equal.
pub fn compare_phases(a: Option<PromotionPhase>, b: Option<PromotionPhase>) -> Ordering {
    let rank = |phase| match phase {
        Some(PromotionPhase::Running) => 0,
        None | Some(PromotionPhase::Pending | PromotionPhase::Unknown) => 1,
        Some(_) => 2,
    };
    rank(a).cmp(&rank(b))
}

/// Compares two Promotions of a Stage for its queue.
pub fn compare_promotions(a: &Promotion, b: &Promotion) -> Ordering {
    let by_name = || a.metadata.name.cmp(&b.metadata.name);
    compare_phases(a.phase(), b.phase())
        .then_with(|| if a.is_terminal() { by_name().reverse() } else { by_name() })
}
