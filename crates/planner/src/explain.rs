//! The story of a Promotion: where it stands, on what it waits, and what would let it go on.

use ferry_api::promotion::{PromotionPhase, PromotionStatus, StepStatus};
use ferry_api::{Promotion, Stage, Time, Waiting};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{progress, promotion as rules, stage};

/// How long after its creation, or after a check that was due, nothing need have happened yet.
const SLACK: SignedDuration = SignedDuration::from_secs(30);

/// The story.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The phase; `Pending` where nobody has looked at it yet.
    pub phase: PromotionPhase,
    /// Its own message, if it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// On what it waits, since when, when it is looked at next, and until when; none once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The Promotions of the same Stage that come before it.
    pub ahead: Vec<String>,
    /// Step by step.
    pub steps: Vec<StepStory>,
    /// The last error that a step reported, also one that was overcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What would let it go on, or what to do now that it has ended.
    pub unblock: Vec<String>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepStory {
    /// Its alias.
    pub alias: String,
    /// Its kind.
    pub uses: String,
    /// How it is; absent where it has not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StepStatus>,
    /// Which attempt it is at, from 1; 0 where it has not begun.
    pub attempt: i64,
    /// Errors so far.
    pub errors: i64,
    /// How many errors end it.
    pub error_threshold: u64,
    /// When its first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Tells it, from what is stored.
pub fn promotion(
    promotion: &Promotion,
    stage: Option<&Stage>,
    of_stage: &[&Promotion],
    now: Timestamp,
) -> Story {
    let status = promotion.status.clone().unwrap_or_default();
    let steps = steps(promotion, &status);
    let failed =
        |s: &&StepStory| s.errors > 0 || matches!(s.status, Some(StepStatus::Failed | StepStatus::Errored));
    let last_error = steps.iter().rfind(failed).map(|s| s.message.clone()).filter(|m| !m.is_empty());
    let mut story = Story {
        phase: status.phase.unwrap_or(PromotionPhase::Pending),
        message: status.message.clone(),
        waiting: status.waiting.clone().filter(|_| !promotion.is_terminal()),
        ahead: if promotion.is_terminal() { Vec::new() } else { ahead(promotion, stage, of_stage) },
        steps,
        last_error,
        unblock: Vec::new(),
    };
    story.unblock = unblock(promotion, stage, &story, now);
    story
}

fn ahead(promotion: &Promotion, stage: Option<&Stage>, of_stage: &[&Promotion]) -> Vec<String> {
    let before = stage::ahead(stage, promotion, of_stage).into_iter();
    before.filter_map(|p| p.metadata.name.clone()).collect()
}

fn steps(promotion: &Promotion, status: &PromotionStatus) -> Vec<StepStory> {
    let all = promotion.spec.steps.iter().enumerate();
    all.map(|(index, step)| {
        let record = progress::record(status, &promotion.spec.steps, index).cloned().unwrap_or_default();
        let entries = status.ledger.iter().flat_map(|l| &l.entries);
        let noted = entries.filter(|e| usize::try_from(e.step) == Ok(index)).map(|e| e.attempt).max();
        let begun = i64::from(record.started_at.is_some());
        let is_ended = record.finished_at.is_some();
        // Where no attempt is noted, each error was one, and one more is on its way unless it has ended.
        let counted = if is_ended { record.error_count.max(1) } else { record.error_count + 1 };
        StepStory {
            alias: progress::alias(step, index),
            uses: step.uses.clone().unwrap_or_default(),
            status: record.status,
            attempt: noted.unwrap_or(begun * counted),
            errors: record.error_count,
            error_threshold: progress::StepRules::of(step, None, false).error_threshold,
            started_at: record.started_at,
            finished_at: record.finished_at,
            message: record.message,
        }
    })
    .collect()
}

fn unblock(promotion: &Promotion, stage: Option<&Stage>, story: &Story, now: Timestamp) -> Vec<String> {
    let name = promotion.metadata.name.as_deref().unwrap_or_default();
    let project = promotion.metadata.namespace.as_deref().unwrap_or_default();
    if promotion.is_terminal() {
        return after_the_end(promotion, story, project);
    }
    let abort = format!("to give it up: ferry promote -p {project} --abort --name {name}");
    let mut said = Vec::new();
    if promotion.metadata.deletion_timestamp.is_some() {
        said.push("it is being deleted; nothing of it goes on".to_owned());
        return said;
    }
    if let Some(actor) = rules::abort_request(promotion) {
        said.push(format!("{actor} asked for its end, which takes some seconds"));
    }
    if story.phase == PromotionPhase::Unknown {
        said.push("its phase is a word of another version of Ferry or Kargo, which is left alone".to_owned());
    }
    said.extend(neglect(promotion, story, now));
    let at_work = promotion.phase() == Some(PromotionPhase::Running);
    said.extend(if at_work { of_running(story) } else { of_pending(promotion, stage, story, project) });
    said.push(abort);
    said
}

fn after_the_end(promotion: &Promotion, story: &Story, project: &str) -> Vec<String> {
    let again = || {
        let freight = promotion.spec.freight.as_deref().unwrap_or_default();
        let stage = &promotion.spec.stage;
        format!("to try again: ferry promote -p {project} --stage {stage} --freight {freight}")
    };
    let superseded = promotion.status.as_ref().and_then(|s| s.superseded_by.as_deref());
    match (story.phase, superseded) {
        (PromotionPhase::Succeeded, _) => Vec::new(),
        (_, Some(newer)) => vec![format!("nothing: {newer} took its place"), again()],
        (PromotionPhase::Aborted, None) => vec![again()],
        _ => vec![
            "mend what its message says; Ferry does not repeat what failed by itself".to_owned(),
            again(),
        ],
    }
}

/// Signs that nobody looks after it.
fn neglect(promotion: &Promotion, story: &Story, now: Timestamp) -> Option<String> {
    let late = |due: Option<Timestamp>| due.is_some_and(|due| now.duration_since(due) > SLACK);
    let created = promotion.metadata.creation_timestamp.as_ref().map(|t| t.0);
    let check = story.waiting.as_ref().and_then(|w| w.next_check.as_ref()).map(|t| t.0);
    let hint = "is `ferry up` running, with its controllers, for this shard? (see /readyz and its log)";
    if promotion.phase().is_none() && late(created) {
        return Some(format!("no controller has taken note of it: {hint}"));
    }
    late(check).then(|| format!("the check that was due has not happened: {hint}"))
}

fn of_pending(promotion: &Promotion, stage: Option<&Stage>, story: &Story, project: &str) -> Vec<String> {
    let name = &promotion.spec.stage;
    let Some(stage) = stage else {
        return vec![format!("create Stage {name:?} in Project {project}, or delete the Promotion")];
    };
    if stage.metadata.deletion_timestamp.is_some() {
        return vec![format!("Stage {name:?} is being deleted, and the Promotion with it")];
    }
    match story.ahead.as_slice() {
        [] if stage.status.as_ref().is_some_and(stage::waits_for_verification) => {
            let what = format!("the end of the verification of what Stage {name:?} has");
            vec![format!("{what}; see: ferry get stages -p {project} {name}")]
        }
        [] => Vec::new(),
        [first] => vec![format!("the end of {first}; see: ferry explain promotion -p {project} {first}")],
        [first, .., last] => vec![format!(
            "the ends of the {} before it, {first} to {last}; see: ferry explain promotion -p {project} {first}",
            story.ahead.len()
        )],
    }
}

fn of_running(story: &Story) -> Vec<String> {
    let at_work = |s: &&StepStory| s.started_at.is_some() && s.finished_at.is_none();
    let Some(step) = story.steps.iter().find(at_work) else { return Vec::new() };
    let mut said = Vec::new();
    let left = step.error_threshold.saturating_sub(u64::try_from(step.errors).unwrap_or(0));
    if step.errors > 0 {
        said.push(format!(
            "mend what step {:?} complains of: it is tried again by itself, {left} more {} it",
            step.alias,
            if left == 1 { "error ends" } else { "errors end" }
        ));
    }
    match story.waiting.as_ref().and_then(|w| w.deadline.as_ref()) {
        Some(end) => said.push(format!("it ends in an error at {} at the latest", end.0)),
        None => said.push(format!("step {:?} has no deadline (retry.timeout sets one)", step.alias)),
    }
    said
}

#[cfg(test)]
mod tests {
    use ferry_api::promotion::{PromotionStep, StepExecutionMetadata, StepRetry};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + second).unwrap()
    }

    fn promotion_named(name: &str) -> Promotion {
        let mut promotion = Promotion::default();
        promotion.metadata.name = Some(name.into());
        promotion.metadata.namespace = Some("demo".into());
        promotion.metadata.creation_timestamp = Some(Time(at(0)));
        promotion.spec.stage = "test".into();
        promotion.spec.freight = Some("f1".into());
        let retry = StepRetry { error_threshold: Some(3), timeout: None };
        promotion.spec.steps =
            vec![PromotionStep { uses: Some("http".into()), retry: Some(retry), ..PromotionStep::default() }];
        promotion
    }

    #[test]
    fn who_waits_in_the_queue_is_told_for_whom() {
        let (first, second, third) = (promotion_named("p1"), promotion_named("p2"), promotion_named("p3"));
        let all = [&third, &first, &second];
        let told = promotion(&third, Some(&Stage::default()), &all, at(1));
        assert_eq!(told.ahead, ["p1", "p2"]);
        assert!(told.unblock[0].contains("p1 to p2"), "{:?}", told.unblock);
        assert!(told.unblock.last().unwrap().contains("--abort --name p3"));
        let missing = promotion(&first, None, &all, at(1));
        assert!(missing.unblock[0].contains("create Stage \"test\""), "{:?}", missing.unblock);
        let late = promotion(&first, Some(&Stage::default()), &all, at(31));
        assert!(late.unblock[0].contains("no controller"), "{:?}", late.unblock);
    }

    #[test]
    fn a_retried_step_says_how_often_it_may_still_fail() {
        let mut p = promotion_named("p1");
        let status = p.status.get_or_insert_default();
        status.phase = Some(PromotionPhase::Running);
        status.step_execution_metadata = vec![StepExecutionMetadata {
            alias: "step-1".into(),
            started_at: Some(Time(at(0))),
            error_count: 1,
            status: Some(StepStatus::Errored),
            message: "host down; step will be retried".into(),
            ..StepExecutionMetadata::default()
        }];
        let told = promotion(&p, Some(&Stage::default()), &[&p], at(1));
        assert_eq!(
            (told.steps[0].attempt, told.last_error.as_deref()),
            (2, Some("host down; step will be retried"))
        );
        assert!(told.unblock[0].contains("2 more errors end it"), "{:?}", told.unblock);
        p.status.as_mut().unwrap().phase = Some(PromotionPhase::Errored);
        let ended = promotion(&p, None, &[], at(1));
        assert!(
            ended.waiting.is_none() && ended.unblock[1].contains("--stage test --freight f1"),
            "{ended:?}"
        );
    }
}
