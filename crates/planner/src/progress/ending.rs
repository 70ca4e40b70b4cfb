//! How a Promotion ends.

use ferry_api::Time;
use ferry_api::conditions::truncate_message;
use ferry_api::promotion::{PromotionPhase, PromotionSpec, PromotionStatus, StepStatus};
use jiff::Timestamp;

use super::record::{is_through, record, record_mut};

/// The final phase and its message: the worst of the steps whose failure is not overlooked.
pub fn conclude(spec: &PromotionSpec, status: &PromotionStatus) -> (PromotionPhase, String) {
    let mut worst = (PromotionPhase::Succeeded, "");
    for (index, step) in spec.steps.iter().enumerate() {
        let Some(record) = record(status, &spec.steps, index) else { continue };
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
    let is_at_work = record(status, &spec.steps, index).is_some_and(|record| !is_through(record));
    if is_at_work && let Some(record) = record_mut(status, &spec.steps, index) {
        record.status = Some(StepStatus::Aborted);
        record.finished_at = Some(Time(now));
    }
    end(status, PromotionPhase::Aborted, &format!("Promotion terminated by {actor}"), now);
}
