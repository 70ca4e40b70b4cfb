//! Steps of a template or a task: their names, and what the schema cannot say of them.

use std::sync::LazyLock;

use ferry_api::duration;
use ferry_api::promotion::PromotionStep;
use serde_json::{Value, json};

use crate::outcome::Cause;
use crate::request::Context;
use crate::rules::{self, Pattern};

/// Names that are made of a step's place.
pub(crate) static RESERVED: Pattern = LazyLock::new(|| rules::compiled(r"^(step|task)-\d+$"));

/// Names are unique and not of the form that we make; times can be read.
pub(crate) fn check(steps: &[PromotionStep], field: &str, causes: &mut Vec<Cause>) {
    let alias = |step: &PromotionStep| step.alias.as_deref().unwrap_or_default().trim().to_owned();
    for (index, step) in steps.iter().enumerate() {
        let name = alias(step);
        let at = format!("{field}[{index}]");
        if !name.is_empty() {
            let first = steps.iter().take(index).position(|other| alias(other) == name);
            if rules::matches(&RESERVED, &name) {
                let why = "names of this form are given to steps without a name";
                causes.push(Cause::invalid(format!("{at}.as"), name, why));
            } else if let Some(first) = first {
                causes.push(Cause::invalid(
                    format!("{at}.as"),
                    name,
                    format!("{field}[{first}] has this name"),
                ));
            }
        }
        check_retry(step, &at, causes);
    }
}

fn check_retry(step: &PromotionStep, at: &str, causes: &mut Vec<Cause>) {
    let Some(retry) = &step.retry else { return };
    if let Some(timeout) = &retry.timeout
        && let Err(error) = duration::parse(timeout)
    {
        causes.push(Cause::invalid(format!("{at}.retry.timeout"), timeout.as_str(), error));
    }
    if let Some(threshold) = retry.error_threshold
        && threshold < 0
    {
        causes.push(Cause::invalid(
            format!("{at}.retry.errorThreshold"),
            threshold,
            "it must not be negative",
        ));
    }
}

/// A reference to a task takes no condition and no config.
pub(crate) fn check_references(steps: &[PromotionStep], field: &str, causes: &mut Vec<Cause>) {
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.task.is_some()) {
        if step.condition.as_deref().is_some_and(|condition| !condition.is_empty()) {
            causes.push(Cause::forbidden(
                format!("{field}[{index}].if"),
                "a condition belongs to the task's steps",
            ));
        }
        if step.config.is_some() {
            causes.push(Cause::forbidden(
                format!("{field}[{index}].config"),
                "a config belongs to the task's steps",
            ));
        }
    }
}

/// Warns of kinds of steps that nobody knows: they are accepted, and fail when they are run.
pub(crate) fn warn_of_unknown(
    steps: &[PromotionStep],
    field: &str,
    context: &Context<'_>,
    warnings: &mut Vec<String>,
) {
    if context.known_steps.is_empty() {
        return;
    }
    for (index, step) in steps.iter().enumerate() {
        if let Some(uses) = step.uses.as_deref().filter(|uses| !context.known_steps.contains(uses)) {
            warnings.push(format!(
                "{field}[{index}].uses: there is no step {uses:?}; a Promotion would end Errored there"
            ));
        }
    }
}

/// Steps as JSON, with times as Go writes them.
pub(crate) fn to_value(steps: &[PromotionStep]) -> Value {
    let mut steps = json!(steps);
    rewrite_durations(&mut steps);
    steps
}

/// Writes the times of steps as Go does.
pub(crate) fn rewrite_durations(steps: &mut Value) {
    for step in steps.as_array_mut().into_iter().flatten() {
        if let Some(timeout) = step.get_mut("retry").and_then(|retry| retry.get_mut("timeout")) {
            crate::metadata::rewrite_duration(timeout);
        }
    }
}
