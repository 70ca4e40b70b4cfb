//! A status that no run can have written: somebody edited it. What was done is not known then.

use ferry_api::promotion::{LedgerEntry, PromotionSpec, PromotionStatus};

use super::record::{is_through, record};

/// More attempts than any step makes.
const MOST_ATTEMPTS: i64 = 1 << 40;

/// In what the status of a Promotion that runs contradicts itself or its steps, if it does.
pub fn contradiction(spec: &PromotionSpec, status: &PromotionStatus) -> Option<String> {
    let count = spec.steps.len();
    let current = usize::try_from(status.current_step).ok().filter(|at| *at < count.max(1));
    let Some(current) = current else {
        return Some(format!("currentStep is {}, and there are {count} steps", status.current_step));
    };
    // One of Kargo's, or of an early version, knows its place alone.
    let keeps_books = status.ledger.is_some() || !status.step_execution_metadata.is_empty();
    let open = (0..current).find(|i| !record(status, &spec.steps, *i).is_some_and(is_through));
    if let Some(open) = open.filter(|_| keeps_books) {
        return Some(format!("currentStep is {current}, and step {open} has not ended"));
    }
    let mut entries = status.ledger.iter().flat_map(|l| &l.entries).enumerate();
    let is_wrong = |(n, entry): &(usize, &LedgerEntry)| {
        let beyond = usize::try_from(entry.step).map_or(true, |step| step > current);
        let twice = status.ledger.iter().flat_map(|l| &l.entries).take(*n).any(|e| e.step == entry.step);
        let counts =
            (1..MOST_ATTEMPTS).contains(&entry.attempt) && (0..MOST_ATTEMPTS).contains(&entry.resumed);
        beyond || twice || !counts
    };
    let (_, entry) = entries.find(is_wrong)?;
    Some(format!("the ledger has attempt {} of step {} at step {current}", entry.attempt, entry.step))
}

#[cfg(test)]
mod tests {
    use ferry_api::promotion::{Ledger, PromotionStep, StepExecutionMetadata, StepStatus};

    use super::*;

    fn at_second_step() -> (PromotionSpec, PromotionStatus) {
        let step = |alias: &str| PromotionStep { alias: Some(alias.into()), ..PromotionStep::default() };
        let spec = PromotionSpec { steps: vec![step("a"), step("b")], ..PromotionSpec::default() };
        let ended = StepExecutionMetadata {
            alias: "a".into(),
            status: Some(StepStatus::Skipped),
            ..StepExecutionMetadata::default()
        };
        let entry = LedgerEntry { step: 1, alias: "b".into(), attempt: 3, ..LedgerEntry::default() };
        let ledger = Ledger { entries: vec![entry], ..Ledger::default() };
        let status = PromotionStatus {
            current_step: 1,
            step_execution_metadata: vec![ended],
            ledger: Some(ledger),
            ..PromotionStatus::default()
        };
        (spec, status)
    }

    #[test]
    fn what_a_run_writes_is_no_contradiction() {
        let (spec, status) = at_second_step();
        assert_eq!(contradiction(&spec, &status), None);
        assert_eq!(contradiction(&spec, &PromotionStatus::default()), None);
        assert_eq!(contradiction(&PromotionSpec::default(), &PromotionStatus::default()), None);
        let of_kargo = PromotionStatus { current_step: 1, ..PromotionStatus::default() };
        assert_eq!(contradiction(&spec, &of_kargo), None);
    }

    #[test]
    fn what_no_run_writes_is_one() {
        let edits: [fn(&mut PromotionStatus); 9] = [
            |s| s.current_step = 99,
            |s| s.current_step = -5,
            |s| s.step_execution_metadata.clear(),
            |s| s.step_execution_metadata[0].status = Some(StepStatus::Running),
            |s| s.ledger.as_mut().unwrap().entries[0].step = -1,
            |s| s.ledger.as_mut().unwrap().entries[0].step = 2,
            |s| s.ledger.as_mut().unwrap().entries[0].attempt = i64::MAX,
            |s| s.ledger.as_mut().unwrap().entries[0].resumed = -1,
            |s| s.ledger.as_mut().unwrap().entries.extend_from_within(..),
        ];
        for (n, edit) in edits.iter().enumerate() {
            let (spec, mut status) = at_second_step();
            edit(&mut status);
            assert!(contradiction(&spec, &status).is_some(), "edit {n}");
        }
    }
}
