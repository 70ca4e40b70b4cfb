//! Histories with the newest first and ten entries at most: of a Stage's Freight, and of its verification.

use crate::freight::FreightCollection;
use crate::verification::VerificationInfo;

/// Entries that a history keeps.
pub const LIMIT: usize = 10;

/// Puts a collection at the head of a Stage's `status.freightHistory`.
pub fn record(history: &mut Vec<FreightCollection>, collection: FreightCollection) {
    history.insert(0, collection);
    history.truncate(LIMIT);
}

impl FreightCollection {
    /// Puts a verification at the head, or in the place of the one with its id.
    pub fn record_verification(&mut self, info: VerificationInfo) {
        if let Some(old) = self.verification_history.iter_mut().find(|old| old.id == info.id) {
            *old = info;
            return;
        }
        self.verification_history.insert(0, info);
        self.verification_history.truncate(LIMIT);
    }

    /// The newest verification.
    pub fn current_verification(&self) -> Option<&VerificationInfo> {
        self.verification_history.first()
    }

    /// Whether some verification has not ended.
    pub fn has_pending_verification(&self) -> bool {
        self.verification_history.iter().any(|info| !info.is_terminal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str, message: &str) -> VerificationInfo {
        VerificationInfo { id: id.into(), message: message.into(), ..VerificationInfo::default() }
    }

    #[test]
    fn verifications_are_replaced_in_place_and_capped() {
        let mut collection = FreightCollection::default();
        for n in 0..12 {
            collection.record_verification(info(&n.to_string(), "first"));
        }
        collection.record_verification(info("5", "again"));
        let ids: Vec<&str> = collection.verification_history.iter().map(|v| v.id.as_str()).collect();
        assert_eq!(ids, ["11", "10", "9", "8", "7", "6", "5", "4", "3", "2"]);
        assert_eq!(collection.verification_history[6].message, "again");
        assert_eq!(collection.current_verification().map(|v| v.id.as_str()), Some("11"));
    }
}
