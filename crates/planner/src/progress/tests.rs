//! The machine's rules, one by one.

use std::time::Duration;

use ferry_api::promotion::{PromotionPhase, StepRetry};

use super::*;

fn steps(n: usize) -> PromotionSpec {
    let step = |i: usize| PromotionStep {
        uses: Some("x".into()),
        alias: Some(format!("s{i}")),
        ..Default::default()
    };
    PromotionSpec { steps: (0..n).map(step).collect(), ..Default::default() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

/// No timeout, one error ends it.
const RULES: StepRules = StepRules { timeout: None, error_threshold: 1, propagates_output: false };

fn attempt(verdict: Verdict, message: &str) -> Attempt {
    Attempt { verdict, message: message.into(), output: None, health_check: None }
}

/// Runs every step with what `verdicts` says of it, until the end or a wait.
fn drive(
    spec: &PromotionSpec,
    status: &mut PromotionStatus,
    verdicts: &dyn Fn(usize) -> Attempt,
) -> Option<Settled> {
    loop {
        match next(spec, status) {
            Next::Gate { index, .. } => {
                gate(spec, status, index, Ok(true));
                start(spec, status, index, RULES, at(0));
            }
            Next::Run { index } => {
                start(spec, status, index, RULES, at(0));
                let rules = StepRules::of(&spec.steps[index], None, false);
                let settled = settle(spec, status, index, verdicts(index), rules, at(1));
                if settled != Settled::Through {
                    return Some(settled);
                }
            }
            Next::Conclude => return None,
        }
    }
}

#[test]
fn a_failure_skips_the_rest_and_gives_the_message() {
    let spec = steps(3);
    let mut status = PromotionStatus::default();
    let ends = drive(&spec, &mut status, &|i| match i {
        1 => attempt(Verdict::Failed { terminal: true }, "no"),
        _ => attempt(Verdict::Succeeded, ""),
    });
    assert_eq!(ends, None);
    let kinds: Vec<_> = status.step_execution_metadata.iter().map(|m| m.status.unwrap()).collect();
    assert_eq!(kinds, [StepStatus::Succeeded, StepStatus::Failed, StepStatus::Skipped]);
    assert_eq!(conclude(&spec, &status), (PromotionPhase::Failed, "step \"s1\": no".into()));
    assert_eq!(status.current_step, 2);
}

#[test]
fn an_overlooked_failure_changes_nothing() {
    let mut spec = steps(2);
    spec.steps[0].continue_on_error = Some(true);
    let mut status = PromotionStatus::default();
    drive(&spec, &mut status, &|i| match i {
        0 => attempt(Verdict::Errored { terminal: true }, "broken"),
        _ => attempt(Verdict::Succeeded, ""),
    });
    assert_eq!(conclude(&spec, &status).0, PromotionPhase::Succeeded);
}

#[test]
fn fm_11_an_error_below_the_threshold_is_retried_not_skipped() {
    let mut spec = steps(1);
    spec.steps[0].retry = Some(StepRetry { error_threshold: Some(3), timeout: None });
    let mut status = PromotionStatus::default();
    let broken = |_| attempt(Verdict::Errored { terminal: false }, "host down");
    for n in 1..3u64 {
        let settled = drive(&spec, &mut status, &broken).unwrap();
        let Settled::Again { after, error, .. } = settled else { panic!("through") };
        assert!(error);
        assert_eq!(after, backoff(n));
    }
    assert_eq!(drive(&spec, &mut status, &broken), None);
    let (phase, message) = conclude(&spec, &status);
    assert_eq!(phase, PromotionPhase::Errored);
    assert!(message.contains("met error threshold of 3") && message.contains("host down"), "{message}");
}

#[test]
fn fm_12_a_timeout_keeps_the_last_error() {
    let mut spec = steps(1);
    spec.steps[0].retry = Some(StepRetry { error_threshold: Some(9), timeout: Some("5m".into()) });
    let mut status = PromotionStatus::default();
    let rules = StepRules::of(&spec.steps[0], None, false);
    start(&spec, &mut status, 0, RULES, at(0));
    settle(&spec, &mut status, 0, attempt(Verdict::Errored { terminal: false }, "host down"), rules, at(1));
    start(&spec, &mut status, 0, RULES, at(301));
    let settled = settle(
        &spec,
        &mut status,
        0,
        attempt(Verdict::Errored { terminal: false }, "host down"),
        rules,
        at(301),
    );
    assert_eq!(settled, Settled::Through);
    let message = &status.step_execution_metadata[0].message;
    assert!(message.contains("timed out after 5m0s") && message.contains("host down"), "{message}");
}

#[test]
fn a_success_after_the_deadline_counts() {
    let mut spec = steps(1);
    spec.steps[0].retry = Some(StepRetry { error_threshold: None, timeout: Some("1m".into()) });
    let mut status = PromotionStatus::default();
    let rules = StepRules::of(&spec.steps[0], None, false);
    start(&spec, &mut status, 0, RULES, at(0));
    assert_eq!(
        settle(&spec, &mut status, 0, attempt(Verdict::Succeeded, ""), rules, at(999)),
        Settled::Through
    );
    assert_eq!(conclude(&spec, &status).0, PromotionPhase::Succeeded);
}

#[test]
fn a_wait_is_explained_and_ends_at_the_deadline() {
    let mut spec = steps(1);
    spec.steps[0].retry = Some(StepRetry { error_threshold: None, timeout: Some("1m".into()) });
    let mut status = PromotionStatus::default();
    let rules = StepRules::of(&spec.steps[0], None, false);
    start(&spec, &mut status, 0, RULES, at(0));
    let settled = settle(
        &spec,
        &mut status,
        0,
        attempt(Verdict::Waiting(None), "Application is syncing"),
        rules,
        at(20),
    );
    let Settled::Again { after, deadline, .. } = settled else { panic!("through") };
    assert_eq!((after, deadline), (Duration::from_secs(41), Some(at(60))));
    let waiting = status.waiting.clone().unwrap();
    assert_eq!(waiting.reason, "Application is syncing");
    assert_eq!(waiting.deadline.unwrap().0, at(60));
    start(&spec, &mut status, 0, RULES, at(30));
    settle(&spec, &mut status, 0, attempt(Verdict::Waiting(None), "Application is syncing"), rules, at(31));
    assert_eq!(
        status.waiting.as_ref().unwrap().since.as_ref().unwrap().0,
        at(20),
        "it still waits for the same"
    );
    let settled = settle(
        &spec,
        &mut status,
        0,
        attempt(Verdict::Waiting(None), "Application is syncing"),
        rules,
        at(61),
    );
    assert_eq!(settled, Settled::Through);
    assert_eq!(conclude(&spec, &status).0, PromotionPhase::Errored);
    assert!(conclude(&spec, &status).1.contains("Application is syncing"));
}

#[test]
fn a_step_at_work_is_what_its_promotion_waits_for() {
    let spec = steps(2);
    let mut status = PromotionStatus::default();
    let rules = StepRules { timeout: Some(Duration::from_mins(1)), ..RULES };
    start(&spec, &mut status, 0, rules, at(5));
    let waiting = status.waiting.clone().unwrap();
    assert!(waiting.reason.contains("\"s0\" (x) is at work"), "{}", waiting.reason);
    assert_eq!((waiting.since.unwrap().0, waiting.deadline.unwrap().0), (at(5), at(65)));
    assert_eq!(waiting.next_check.unwrap().0, at(66), "looked at for the last time after its deadline");
    settle(&spec, &mut status, 0, attempt(Verdict::Succeeded, ""), rules, at(9));
    let waiting = status.waiting.clone().unwrap();
    assert!(waiting.reason.contains("\"s1\""), "{}", waiting.reason);
    assert_eq!(waiting.since.unwrap().0, at(9));
    start(&spec, &mut status, 1, RULES, at(10));
    settle(&spec, &mut status, 1, attempt(Verdict::Succeeded, ""), RULES, at(11));
    assert_eq!(status.waiting, None, "nothing is left to wait for");
}

#[test]
fn fm_13_a_step_that_fails_for_good_stops_at_once_whatever_retries_there_are() {
    let mut spec = steps(2);
    spec.steps[0].retry = Some(StepRetry { error_threshold: Some(i64::MAX), timeout: Some("0s".into()) });
    for (verdict, phase) in [
        (Verdict::Failed { terminal: true }, PromotionPhase::Failed),
        (Verdict::Errored { terminal: true }, PromotionPhase::Errored),
    ] {
        let mut status = PromotionStatus::default();
        let rules = StepRules::of(&spec.steps[0], None, false);
        start(&spec, &mut status, 0, rules, at(0));
        let closed = attempt(verdict, "the pull request was closed without a merge");
        assert_eq!(settle(&spec, &mut status, 0, closed, rules, at(1)), Settled::Through);
        assert_eq!(next(&spec, &mut status), Next::Conclude, "what follows is skipped");
        assert_eq!(conclude(&spec, &status).0, phase);
    }
}

#[test]
fn outputs_of_a_task_are_passed_on() {
    let mut spec = steps(1);
    spec.steps[0].alias = Some("deploy::out".into());
    let mut status = PromotionStatus::default();
    let output = serde_json::json!({"k": 1}).as_object().cloned();
    let rules = StepRules { propagates_output: true, error_threshold: 1, timeout: None };
    start(&spec, &mut status, 0, RULES, at(0));
    let attempt = Attempt { verdict: Verdict::Succeeded, message: String::new(), output, health_check: None };
    settle(&spec, &mut status, 0, attempt, rules, at(1));
    assert_eq!(
        serde_json::to_value(&status.state).unwrap(),
        serde_json::json!({"deploy": {"k": 1}, "deploy::out": {"k": 1}})
    );
}

#[test]
fn an_abort_marks_the_step_at_work() {
    let spec = steps(2);
    let mut status = PromotionStatus { phase: Some(PromotionPhase::Running), ..Default::default() };
    assert_eq!(next(&spec, &mut status), Next::Run { index: 0 });
    start(&spec, &mut status, 0, RULES, at(0));
    abort(&spec, &mut status, "admin", at(3));
    assert_eq!(status.phase, Some(PromotionPhase::Aborted));
    assert_eq!(status.step_execution_metadata[0].status, Some(StepStatus::Aborted));
    assert_eq!(status.message, "Promotion terminated by admin");
}
