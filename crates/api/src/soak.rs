//! Where Freight is and how long it has stayed there: the rules of `status.currentlyIn` and `status.verifiedIn`.

use std::time::Duration;

use crate::duration;
use crate::freight::{CurrentStage, Freight, FreightStatus, VerifiedStage};
use crate::{Time, freight::ApprovedStage};

impl Freight {
    /// Whether a Stage has verified it.
    pub fn is_verified_in(&self, stage: &str) -> bool {
        self.status.as_ref().is_some_and(|status| status.verified_in.contains_key(stage))
    }

    /// Whether somebody approved it for a Stage.
    pub fn is_approved_for(&self, stage: &str) -> bool {
        self.status.as_ref().is_some_and(|status| status.approved_for.contains_key(stage))
    }

    /// Whether a Stage has it now.
    pub fn is_currently_in(&self, stage: &str) -> bool {
        self.status.as_ref().is_some_and(|status| status.currently_in.contains_key(stage))
    }

    /// The longest stay in a Stage that verified it; nothing where none did.
    pub fn longest_soak(&self, stage: &str, now: &Time) -> Duration {
        self.status.as_ref().map_or(Duration::ZERO, |status| status.longest_soak(stage, now))
    }

    /// Whether it has stayed long enough in a Stage that verified it; where no time is asked for it always has.
    pub fn has_soaked_in(&self, stage: &str, required: Option<Duration>, now: &Time) -> bool {
        required
            .is_none_or(|required| self.is_verified_in(stage) && self.longest_soak(stage, now) >= required)
    }
}

impl FreightStatus {
    /// [`Freight::longest_soak`].
    pub fn longest_soak(&self, stage: &str, now: &Time) -> Duration {
        let Some(verified) = self.verified_in.get(stage) else { return Duration::ZERO };
        let current = self.currently_in.get(stage).map_or(Duration::ZERO, |current| stay(current, now));
        completed(verified).max(current)
    }

    /// Notes that a Stage has the Freight since now, unless that is known. Says whether anything changed.
    pub fn add_current_stage(&mut self, stage: &str, now: &Time) -> bool {
        if self.currently_in.contains_key(stage) {
            return false;
        }
        self.currently_in.insert(stage.to_owned(), CurrentStage { since: Some(now.clone()) });
        true
    }

    /// Notes that a Stage has the Freight no more, and how long it stayed where it was verified. Says whether
    /// anything changed.
    pub fn remove_current_stage(&mut self, stage: &str, now: &Time) -> bool {
        let Some(current) = self.currently_in.remove(stage) else { return false };
        let soak = stay(&current, now);
        if let Some(verified) = self.verified_in.get_mut(stage)
            && (soak > completed(verified) || verified.longest_soak.is_none())
        {
            verified.longest_soak = Some(duration::format(soak));
        }
        true
    }

    /// Notes that a Stage has verified the Freight, unless that is known. Says whether anything changed.
    pub fn add_verified_stage(&mut self, stage: &str, at: &Time) -> bool {
        if self.verified_in.contains_key(stage) {
            return false;
        }
        let verified = VerifiedStage { verified_at: Some(at.clone()), longest_soak: None };
        self.verified_in.insert(stage.to_owned(), verified);
        true
    }

    /// Notes that somebody approved the Freight for a Stage, unless that is known. Says whether anything changed.
    pub fn add_approved_stage(&mut self, stage: &str, at: &Time) -> bool {
        if self.approved_for.contains_key(stage) {
            return false;
        }
        self.approved_for.insert(stage.to_owned(), ApprovedStage { approved_at: Some(at.clone()) });
        true
    }
}

fn completed(verified: &VerifiedStage) -> Duration {
    verified.longest_soak.as_deref().and_then(|text| duration::parse(text).ok()).unwrap_or_default()
}

fn stay(current: &CurrentStage, now: &Time) -> Duration {
    let Some(since) = &current.since else { return Duration::ZERO };
    Duration::try_from(now.0.duration_since(since.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Time {
        crate::Time::from(jiff::Timestamp::from_second(1_900_000_000 + 60 * minute).unwrap())
    }

    fn minutes(n: u64) -> Duration {
        Duration::from_secs(60 * n)
    }

    #[test]
    fn fm_50_only_a_stay_in_a_stage_that_verified_counts() {
        let mut freight = Freight { status: Some(FreightStatus::default()), ..Freight::default() };
        freight.status.as_mut().unwrap().add_current_stage("uat", &at(0));
        assert_eq!(freight.longest_soak("uat", &at(60)), Duration::ZERO);
        assert!(!freight.has_soaked_in("uat", Some(Duration::ZERO), &at(60)));
        assert!(freight.has_soaked_in("uat", None, &at(60)));

        freight.status.as_mut().unwrap().add_verified_stage("uat", &at(10));
        assert_eq!(freight.longest_soak("uat", &at(60)), minutes(60));
        assert!(freight.has_soaked_in("uat", Some(minutes(60)), &at(60)));
        assert!(!freight.has_soaked_in("uat", Some(minutes(61)), &at(60)));
    }

    #[test]
    fn fm_50_freight_no_longer_current_keeps_its_longest_soak() {
        let mut status = FreightStatus::default();
        status.add_current_stage("uat", &at(0));
        status.add_verified_stage("uat", &at(1));
        assert!(status.remove_current_stage("uat", &at(90)));
        assert_eq!(status.verified_in["uat"].longest_soak.as_deref(), Some("1h30m0s"));
        assert!(!status.remove_current_stage("uat", &at(99)));

        status.add_current_stage("uat", &at(100));
        status.remove_current_stage("uat", &at(105));
        assert_eq!(status.longest_soak("uat", &at(200)), minutes(90));
    }

    #[test]
    fn a_clock_that_went_back_is_no_soak() {
        let mut status = FreightStatus::default();
        status.add_verified_stage("uat", &at(0));
        status.add_current_stage("uat", &at(50));
        assert_eq!(status.longest_soak("uat", &at(0)), Duration::ZERO);
    }
}
