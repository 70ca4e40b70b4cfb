//! A Promotion's records of its steps. A step is known by its alias; where several steps have the same, the n-th of
//! them has the n-th record.

use ferry_api::promotion::{PromotionStatus, PromotionStep, StepExecutionMetadata, StepStatus};

/// The name under which a step's output is found.
pub fn alias(step: &PromotionStep, index: usize) -> String {
    match step.alias.as_deref().map(str::trim) {
        Some(alias) if !alias.is_empty() => alias.to_owned(),
        _ => format!("step-{}", index + 1),
    }
}

/// The latest record of an alias.
pub fn metadata<'a>(status: &'a PromotionStatus, alias: &str) -> Option<&'a StepExecutionMetadata> {
    status.step_execution_metadata.iter().rfind(|m| m.alias == alias)
}

/// The record of the step at an index.
pub fn record<'a>(
    status: &'a PromotionStatus,
    steps: &[PromotionStep],
    index: usize,
) -> Option<&'a StepExecutionMetadata> {
    let alias = alias(steps.get(index)?, index);
    let mut own = status.step_execution_metadata.iter().filter(|m| m.alias == alias);
    own.nth(namesakes(steps, &alias, index))
}

/// How many earlier steps have the same alias.
fn namesakes(steps: &[PromotionStep], name: &str, index: usize) -> usize {
    steps.iter().enumerate().take(index).filter(|(i, step)| alias(step, *i) == name).count()
}

/// The record of the step at an index, made where there is none.
pub(super) fn record_mut<'a>(
    status: &'a mut PromotionStatus,
    steps: &[PromotionStep],
    index: usize,
) -> Option<&'a mut StepExecutionMetadata> {
    let alias = alias(steps.get(index)?, index);
    let before = namesakes(steps, &alias, index);
    let list = &mut status.step_execution_metadata;
    let have = list.iter().filter(|m| m.alias == alias).count();
    for _ in have..=before {
        list.push(StepExecutionMetadata { alias: alias.clone(), ..StepExecutionMetadata::default() });
    }
    list.iter_mut().filter(|m| m.alias == alias).nth(before)
}

/// Whether nothing more happens with a step.
pub(super) fn is_through(metadata: &StepExecutionMetadata) -> bool {
    match metadata.status {
        Some(StepStatus::Succeeded | StepStatus::Skipped) => true,
        Some(StepStatus::Failed | StepStatus::Errored | StepStatus::Aborted) => {
            metadata.finished_at.is_some() || metadata.started_at.is_none()
        }
        Some(StepStatus::Running) | None => false,
    }
}
