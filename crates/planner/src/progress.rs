//! The machine that moves a Promotion through its steps: what comes next, and what an attempt's result means.
//!
//! It works on the Promotion's status alone. The engine asks [`next`], does it, reports with [`gate`], [`start`]
//! and [`settle`], and stores the status in between.

mod attempt;
mod contradiction;
mod ending;
mod record;
mod waiting;

use ferry_api::Time;
use ferry_api::conditions::truncate_message;
use ferry_api::promotion::{
    PromotionSpec, PromotionStatus, PromotionStep, StepExecutionMetadata, StepStatus,
};
use jiff::Timestamp;

pub use attempt::{
    Attempt, DEFAULT_RECHECK, FIRST_BACKOFF, LONGEST_BACKOFF, SHORTEST_RECHECK, Settled, StepRules, Verdict,
    backoff, deadline, settle,
};
pub use contradiction::contradiction;
pub use ending::{abort, conclude, end};
pub use record::{alias, metadata, record};
use record::{is_through, record_mut};
pub use waiting::{at_work, for_a_place};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<'a> {
    /// Evaluate the `if` of a step that has not started, then call [`gate`].
    Gate {
        /// The step's index.
        index: usize,
        /// The template.
        condition: &'a str,
    },
    /// Run an attempt of a step.
    Run {
        /// The step's index.
        index: usize,
    },
    /// All steps are through: call [`conclude`].
    Conclude,
}

/// Whether a step before `index`, whose failure is not overlooked, failed: `failure()` in expressions.
pub fn has_failure(status: &PromotionStatus, steps: &[PromotionStep], index: usize) -> bool {
    (0..index).any(|i| {
        record(status, steps, i).is_some_and(|m| {
            !m.continue_on_error && matches!(m.status, Some(StepStatus::Failed | StepStatus::Errored))
        })
    })
}

/// What to do next. Steps that are skipped because an earlier one failed are recorded on the way.
pub fn next<'a>(spec: &'a PromotionSpec, status: &mut PromotionStatus) -> Next<'a> {
    status.state.get_or_insert_default();
    let mut index = usize::try_from(status.current_step).unwrap_or(0);
    while let Some(step) = spec.steps.get(index) {
        status.current_step = i64::try_from(index).unwrap_or(i64::MAX);
        let known = record(status, &spec.steps, index);
        if known.is_some_and(is_through) {
            index += 1;
            continue;
        }
        if known.is_some_and(|m| m.started_at.is_some()) {
            return Next::Run { index };
        }
        if let Some(condition) = step.condition.as_deref().filter(|c| !c.is_empty()) {
            return Next::Gate { index, condition };
        }
        if !has_failure(status, &spec.steps, index) {
            return Next::Run { index };
        }
        skip(spec, status, index);
        index += 1;
    }
    status.current_step = i64::try_from(spec.steps.len()).unwrap_or(i64::MAX).saturating_sub(1);
    Next::Conclude
}

fn skip(spec: &PromotionSpec, status: &mut PromotionStatus, index: usize) {
    note(spec, status, index, StepStatus::Skipped);
}

/// Records a status of a step, with what it says of failures.
fn note<'a>(
    spec: &PromotionSpec,
    status: &'a mut PromotionStatus,
    index: usize,
    word: StepStatus,
) -> Option<&'a mut StepExecutionMetadata> {
    let continues = spec.steps.get(index)?.continue_on_error.unwrap_or(false);
    let record = record_mut(status, &spec.steps, index)?;
    record.status = Some(word);
    record.continue_on_error = continues;
    Some(record)
}

/// Records what a step's `if` said. Answers whether the step runs.
pub fn gate(
    spec: &PromotionSpec,
    status: &mut PromotionStatus,
    index: usize,
    said: Result<bool, String>,
) -> bool {
    let Some(step) = spec.steps.get(index) else { return false };
    let alias = alias(step, index);
    match said {
        Ok(true) => true,
        Ok(false) => {
            skip(spec, status, index);
            false
        }
        Err(message) => {
            refuse(
                spec,
                status,
                index,
                &format!("error checking the condition of step {alias:?}: {message}"),
            );
            false
        }
    }
}

/// Ends a step that could not even start: it is Errored without a start.
pub fn refuse(spec: &PromotionSpec, status: &mut PromotionStatus, index: usize, message: &str) {
    if let Some(record) = note(spec, status, index, StepStatus::Errored) {
        truncate_message(message).clone_into(&mut record.message);
    }
}

/// Records that an attempt begins. The start of the first one counts for the timeout.
pub fn start(
    spec: &PromotionSpec,
    status: &mut PromotionStatus,
    index: usize,
    rules: StepRules,
    now: Timestamp,
) {
    let Some(record) = note(spec, status, index, StepStatus::Running) else { return };
    let is_first = record.started_at.is_none();
    record.started_at.get_or_insert(Time(now));
    // What an earlier attempt waits for stays until this one says otherwise: so it is known since when.
    if is_first || status.waiting.is_none() {
        let alias = spec.steps.get(index).map(|step| alias(step, index)).unwrap_or_default();
        let end = deadline(status, &alias, rules);
        status.waiting = at_work(status, spec, index, end, now);
    }
}

#[cfg(test)]
mod tests;
