//! What an attempt of a step came to, and what that means for the step.

use std::time::Duration;

use ferry_api::conditions::truncate_message;
use ferry_api::promotion::{
    HealthCheck, PromotionSpec, PromotionStatus, PromotionStep, StepExecutionMetadata, StepStatus,
};
use ferry_api::{Time, duration};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::record::{alias, metadata, record_mut};
use super::waiting;
use crate::expressions::task_of;

/// How long a waiting step sleeps where it does not say.
pub const DEFAULT_RECHECK: Duration = Duration::from_mins(5);
/// The shortest sleep between two looks that a step may ask for.
pub const SHORTEST_RECHECK: Duration = Duration::from_secs(10);
/// How long past its deadline a step is looked at for the last time: stored moments are whole seconds.
pub(super) const PAST_DEADLINE: Duration = Duration::from_secs(1);
/// The sleep after the first error; it doubles with each further one, up to [`LONGEST_BACKOFF`].
pub const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest sleep after an error.
pub const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Done.
    Succeeded,
    /// There was nothing to do.
    Skipped,
    /// Not yet; look again after this long at the latest.
    Waiting(Option<Duration>),
    /// The answer is no. Terminal: no further attempt.
    Failed {
        /// Whether it ends the step at once.
        terminal: bool,
    },
    /// It broke.
    Errored {
        /// Whether it ends the step at once.
        terminal: bool,
    },
    /// It was stopped.
    Aborted,
}

/// An attempt's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// What it came to.
    pub verdict: Verdict,
    /// Words: of an error its text.
    pub message: String,
    /// The output; none is stored as null.
    pub output: Option<Map<String, Value>>,
    /// What the Stage's health is made of if the step succeeds.
    pub health_check: Option<HealthCheck>,
}

/// What holds for a step besides what it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepRules {
    /// How long it may take in all; none is for ever.
    pub timeout: Option<Duration>,
    /// How many errors end it; 0 counts as 1.
    pub error_threshold: u64,
    /// Whether, inside a task, its output is the task's too.
    pub propagates_output: bool,
}

impl StepRules {
    /// The kind's rules with what the step says on top: a zero or negative timeout is none.
    pub fn of(step: &PromotionStep, timeout: Option<Duration>, propagates_output: bool) -> Self {
        let retry = step.retry.as_ref();
        let timeout = match retry.and_then(|r| r.timeout.as_deref()) {
            Some(text) => duration::parse(text).ok().filter(|d| !d.is_zero()),
            None => timeout,
        };
        let threshold =
            retry.and_then(|r| r.error_threshold).and_then(|t| u64::try_from(t).ok()).unwrap_or(0);
        Self { timeout, error_threshold: threshold.max(1), propagates_output }
    }
}

/// Whether a step is through after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It is.
    Through,
    /// It is not: try again.
    Again {
        /// After this long at the latest.
        after: Duration,
        /// On what it waits, in words.
        why: String,
        /// When its time is over.
        deadline: Option<Timestamp>,
        /// Whether an error, not a wait, is behind it.
        error: bool,
    },
}

/// When the step's time is over.
pub fn deadline(status: &PromotionStatus, alias: &str, rules: StepRules) -> Option<Timestamp> {
    let started = metadata(status, alias)?.started_at.as_ref()?.0;
    started.checked_add(rules.timeout?).ok()
}

/// Records an attempt's result and says whether the step is through.
pub fn settle(
    spec: &PromotionSpec,
    status: &mut PromotionStatus,
    index: usize,
    attempt: Attempt,
    rules: StepRules,
    now: Timestamp,
) -> Settled {
    let Some(step) = spec.steps.get(index) else { return Settled::Through };
    let alias = alias(step, index);
    store_output(status, &alias, &attempt, rules);
    if attempt.verdict == Verdict::Succeeded {
        status.health_checks.extend(attempt.health_check);
    }
    let deadline = deadline(status, &alias, rules);
    let Some(record) = record_mut(status, &spec.steps, index) else { return Settled::Through };
    let finished = finish(record, &alias, &attempt.verdict, &attempt.message, rules, deadline, now);
    match finished {
        None => {
            record.finished_at = Some(Time(now));
            status.waiting = waiting::at_work(status, spec, index + 1, None, now);
            Settled::Through
        }
        Some((after, error)) => {
            let after = deadline.map_or(after, |end| after.min(until(end, now) + PAST_DEADLINE));
            let why =
                if record.message.is_empty() { format!("step {alias:?}") } else { record.message.clone() };
            let check = now.checked_add(after).ok();
            status.waiting = Some(waiting::for_what(status.waiting.take(), &why, check, deadline, now));
            Settled::Again { after, why, deadline, error }
        }
    }
}

fn until(end: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}

/// Records a verdict. None: the step is through. Otherwise the sleep until the next attempt, and whether an error
/// is behind it.
fn finish(
    record: &mut StepExecutionMetadata,
    alias: &str,
    verdict: &Verdict,
    message: &str,
    rules: StepRules,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Option<(Duration, bool)> {
    let is_over = deadline.is_some_and(|end| now > end);
    let mut set = |status: StepStatus, message: &str| {
        record.status = Some(status);
        truncate_message(message).clone_into(&mut record.message);
    };
    let (status, terminal) = match verdict {
        Verdict::Succeeded => {
            set(StepStatus::Succeeded, message);
            return None;
        }
        Verdict::Skipped => {
            set(StepStatus::Skipped, message);
            return None;
        }
        Verdict::Aborted => {
            set(StepStatus::Aborted, message);
            return None;
        }
        Verdict::Waiting(_) if is_over => {
            set(StepStatus::Errored, &timed_out(alias, rules, message));
            return None;
        }
        Verdict::Waiting(after) => {
            set(StepStatus::Running, message);
            return Some((after.unwrap_or(DEFAULT_RECHECK).max(SHORTEST_RECHECK), false));
        }
        Verdict::Failed { terminal } => (StepStatus::Failed, *terminal),
        Verdict::Errored { terminal } => (StepStatus::Errored, *terminal),
    };
    let subject = if status == StepStatus::Failed { "step" } else { "error running step" };
    let said = if message.is_empty() { "no details given" } else { message };
    let message = format!("{subject} {alias:?}: {said}");
    if terminal {
        let prefix = if status == StepStatus::Failed { "" } else { "an unrecoverable error occurred: " };
        set(status, &format!("{prefix}{message}"));
        return None;
    }
    let errors = u64::try_from(record.error_count).unwrap_or(0).saturating_add(1);
    record.error_count = i64::try_from(errors).unwrap_or(i64::MAX);
    let mut set = |status: StepStatus, message: &str| {
        record.status = Some(status);
        truncate_message(message).clone_into(&mut record.message);
    };
    if errors >= rules.error_threshold {
        set(status, &format!("step {alias:?} met error threshold of {}: {message}", rules.error_threshold));
        return None;
    }
    if is_over {
        set(StepStatus::Errored, &timed_out(alias, rules, &message));
        return None;
    }
    set(status, &format!("{message}; step will be retried"));
    Some((backoff(errors), true))
}

fn timed_out(alias: &str, rules: StepRules, last: &str) -> String {
    let limit = duration::format(rules.timeout.unwrap_or_default());
    if last.is_empty() {
        format!("step {alias:?} timed out after {limit}")
    } else {
        format!("step {alias:?} timed out after {limit}: {last}")
    }
}

/// The sleep after the n-th error in a row.
pub fn backoff(errors: u64) -> Duration {
    let doublings = u32::try_from(errors.saturating_sub(1).min(16)).unwrap_or(16);
    FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF)
}

fn store_output(status: &mut PromotionStatus, alias: &str, attempt: &Attempt, rules: StepRules) {
    let state = status.state.get_or_insert_default();
    if let (true, Some(task)) = (rules.propagates_output, task_of(alias)) {
        let entry = state.entry(task.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        if let Some(entry) = entry.as_object_mut() {
            entry.extend(attempt.output.clone().into_iter().flatten());
        }
    }
    let output = attempt.output.clone().map_or(Value::Null, Value::Object);
    state.insert(alias.to_owned(), output);
}
