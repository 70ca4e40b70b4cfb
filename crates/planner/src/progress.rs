//! The machine that moves a Promotion through its steps: what comes next, and what an attempt's result means.
//!
//! It works on the Promotion's status alone. The engine asks [`next`], does it, reports with [`gate`], [`start`]
//! and [`settle`], and stores the status in between.

use std::time::Duration;

use ferry_api::conditions::truncate_message;
use ferry_api::duration;
use ferry_api::promotion::{
    HealthCheck, PromotionPhase, PromotionSpec, PromotionStatus, PromotionStep, StepExecutionMetadata,
    StepStatus,
};
use ferry_api::{Time, Waiting};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::expressions::task_of;

/// How long a waiting step sleeps where it does not say.
pub const DEFAULT_RECHECK: Duration = Duration::from_mins(5);
/// The shortest sleep between two looks that a step may ask for.
pub const SHORTEST_RECHECK: Duration = Duration::from_secs(10);
/// The sleep after the first error; it doubles with each further one, up to [`LONGEST_BACKOFF`].
pub const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest sleep after an error.
pub const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

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

/// The name under which a step's output is found.
pub fn alias(step: &PromotionStep, index: usize) -> String {
    match step.alias.as_deref().map(str::trim) {
        Some(alias) if !alias.is_empty() => alias.to_owned(),
        _ => format!("step-{}", index + 1),
    }
}

/// Finds a step's record.
pub fn metadata<'a>(status: &'a PromotionStatus, alias: &str) -> Option<&'a StepExecutionMetadata> {
    status.step_execution_metadata.iter().find(|m| m.alias == alias)
}

fn record<'a>(status: &'a mut PromotionStatus, alias: &str) -> &'a mut StepExecutionMetadata {
    let list = &mut status.step_execution_metadata;
    let at = list.iter().position(|m| m.alias == alias).unwrap_or_else(|| {
        list.push(StepExecutionMetadata { alias: alias.to_owned(), ..Default::default() });
        list.len() - 1
    });
    &mut list[at]
}

/// Whether nothing more happens with a step.
fn is_through(metadata: &StepExecutionMetadata) -> bool {
    match metadata.status {
        Some(StepStatus::Succeeded | StepStatus::Skipped) => true,
        Some(StepStatus::Failed | StepStatus::Errored | StepStatus::Aborted) => {
            metadata.finished_at.is_some() || metadata.started_at.is_none()
        }
        Some(StepStatus::Running) | None => false,
    }
}

/// Whether a step before `index`, whose failure is not overlooked, failed: `failure()` in expressions.
pub fn has_failure(status: &PromotionStatus, steps: &[PromotionStep], index: usize) -> bool {
    steps.iter().enumerate().take(index).any(|(i, step)| {
        metadata(status, &alias(step, i)).is_some_and(|m| {
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
        let alias = alias(step, index);
        let known = metadata(status, &alias);
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
        skip(status, step, &alias);
        index += 1;
    }
    status.current_step = i64::try_from(spec.steps.len()).unwrap_or(i64::MAX).saturating_sub(1);
    Next::Conclude
}

fn skip(status: &mut PromotionStatus, step: &PromotionStep, alias: &str) {
    let record = record(status, alias);
    record.status = Some(StepStatus::Skipped);
    record.continue_on_error = step.continue_on_error.unwrap_or(false);
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
            skip(status, step, &alias);
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
    let Some(step) = spec.steps.get(index) else { return };
    let record = record(status, &alias(step, index));
    record.status = Some(StepStatus::Errored);
    record.continue_on_error = step.continue_on_error.unwrap_or(false);
    truncate_message(message).clone_into(&mut record.message);
}

/// Records that an attempt begins. The start of the first one counts for the timeout.
pub fn start(spec: &PromotionSpec, status: &mut PromotionStatus, index: usize, now: Timestamp) {
    let Some(step) = spec.steps.get(index) else { return };
    let record = record(status, &alias(step, index));
    record.continue_on_error = step.continue_on_error.unwrap_or(false);
    record.status = Some(StepStatus::Running);
    if record.started_at.is_none() {
        record.started_at = Some(Time(now));
    }
    status.waiting = None;
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
    let record = record(status, &alias);
    let finished = finish(record, &alias, &attempt.verdict, &attempt.message, rules, deadline, now);
    match finished {
        None => {
            record.finished_at = Some(Time(now));
            status.waiting = None;
            Settled::Through
        }
        Some((after, error)) => {
            let after = match deadline {
                Some(end) => after.min(Duration::try_from(end.duration_since(now)).unwrap_or_default()),
                None => after,
            };
            let why =
                if record.message.is_empty() { format!("step {alias:?}") } else { record.message.clone() };
            status.waiting = Some(waiting(status.waiting.take(), &why, now, after, deadline));
            Settled::Again { after, why, deadline, error }
        }
    }
}

fn waiting(
    before: Option<Waiting>,
    why: &str,
    now: Timestamp,
    after: Duration,
    deadline: Option<Timestamp>,
) -> Waiting {
    let since = before.filter(|w| w.reason == why).and_then(|w| w.since).unwrap_or(Time(now));
    Waiting {
        reason: truncate_message(why).to_owned(),
        since: Some(since),
        next_check: now.checked_add(after).ok().map(Time),
        deadline: deadline.map(Time),
    }
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
    if let (true, Some(task), Some(output)) =
        (rules.propagates_output, task_of(alias), attempt.output.as_ref())
    {
        let entry = state.entry(task.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        if let Some(entry) = entry.as_object_mut() {
            entry.extend(output.clone());
        }
    }
    let output = attempt.output.clone().map_or(Value::Null, Value::Object);
    state.insert(alias.to_owned(), output);
}

/// The final phase and its message: the worst of the steps whose failure is not overlooked.
pub fn conclude(spec: &PromotionSpec, status: &PromotionStatus) -> (PromotionPhase, String) {
    let mut worst = (PromotionPhase::Succeeded, "");
    for (index, step) in spec.steps.iter().enumerate() {
        let Some(record) = metadata(status, &alias(step, index)) else { continue };
        if step.continue_on_error.unwrap_or(false) {
            continue;
        }
        let phase = match record.status {
            None | Some(StepStatus::Succeeded | StepStatus::Skipped | StepStatus::Running) => continue,
            Some(StepStatus::Aborted) => PromotionPhase::Aborted,
            Some(StepStatus::Failed) => PromotionPhase::Failed,
            Some(StepStatus::Errored) => PromotionPhase::Errored,
        };
        if severity(phase) > severity(worst.0) {
            worst = (phase, &record.message);
        }
    }
    (worst.0, worst.1.to_owned())
}

fn severity(phase: PromotionPhase) -> u8 {
    match phase {
        PromotionPhase::Pending
        | PromotionPhase::Running
        | PromotionPhase::Succeeded
        | PromotionPhase::Unknown => 0,
        PromotionPhase::Aborted => 1,
        PromotionPhase::Failed => 2,
        PromotionPhase::Errored => 3,
    }
}

/// Ends a Promotion.
pub fn end(status: &mut PromotionStatus, phase: PromotionPhase, message: &str, now: Timestamp) {
    status.phase = Some(phase);
    truncate_message(message).clone_into(&mut status.message);
    status.finished_at = Some(Time(now));
    status.waiting = None;
}

/// Ends a Promotion because somebody asked for it: the step at work is Aborted, too.
pub fn abort(spec: &PromotionSpec, status: &mut PromotionStatus, actor: &str, now: Timestamp) {
    let index = usize::try_from(status.current_step).unwrap_or(0);
    if let Some(step) = spec.steps.get(index) {
        let alias = alias(step, index);
        if let Some(record) = status.step_execution_metadata.iter_mut().find(|m| m.alias == alias)
            && !is_through(record)
        {
            record.status = Some(StepStatus::Aborted);
            record.finished_at = Some(Time(now));
        }
    }
    end(status, PromotionPhase::Aborted, &format!("Promotion terminated by {actor}"), now);
}

#[cfg(test)]
mod tests;
