//! Whatever steps answer: a Promotion comes to an end, what ended stays ended, outputs are kept.

use std::time::Duration;

use ferry_api::promotion::{
    PromotionPhase, PromotionSpec, PromotionStatus, PromotionStep, StepRetry, StepStatus,
};
use ferry_planner::progress::{self, Attempt, Next, Settled, StepRules, Verdict};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::build;

/// What an attempt answers, as a number.
fn verdict(word: u8) -> Verdict {
    match word {
        0 | 1 => Verdict::Succeeded,
        2 => Verdict::Skipped,
        3 => Verdict::Waiting(None),
        4 => Verdict::Failed { terminal: false },
        5 => Verdict::Failed { terminal: true },
        6 => Verdict::Errored { terminal: false },
        7 => Verdict::Errored { terminal: true },
        _ => Verdict::Aborted,
    }
}

/// A step: its alias, whether it has an `if`, whether failures are overlooked, its threshold.
type Drawn = (u8, bool, bool, i64);

fn spec(drawn: &[Drawn]) -> PromotionSpec {
    let steps = drawn.iter().map(|(alias, gated, overlooked, threshold)| PromotionStep {
        uses: Some("x".into()),
        alias: (*alias < 4).then(|| format!("s{alias}")),
        condition: gated.then(|| "${{ always() }}".to_owned()),
        continue_on_error: Some(*overlooked),
        retry: Some(StepRetry { timeout: Some("10m".into()), error_threshold: Some(*threshold) }),
        ..PromotionStep::default()
    });
    PromotionSpec { steps: steps.collect(), ..PromotionSpec::default() }
}

fn steps() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec((0u8..6, any::<bool>(), any::<bool>(), 0i64..4), 0..6)
}

/// Runs with the answers given, round and round; stored and read again before every look. Answers how many attempts
/// it took.
fn run(spec: &PromotionSpec, status: &mut PromotionStatus, answers: &[u8], gates: &[bool]) -> usize {
    let mut now: Timestamp = build::at(0);
    let (mut attempts, mut looks) = (0, 0);
    loop {
        looks += 1;
        assert!(looks < 10_000, "it goes round for ever: {status:?}");
        *status = serde_json::from_value(serde_json::to_value(&*status).unwrap()).unwrap();
        let ended_before = ended(status);
        let index = match progress::next(spec, status) {
            Next::Conclude => break,
            Next::Run { index } => index,
            Next::Gate { index, .. } => {
                let said = gates.get(index).copied().unwrap_or(true);
                let said = if index == 3 { Err("broken".to_owned()) } else { Ok(said) };
                if !progress::gate(spec, status, index, said) {
                    continue;
                }
                index
            }
        };
        let rules = StepRules::of(&spec.steps[index], Some(Duration::from_mins(1)), false);
        progress::start(spec, status, index, rules, now);
        assert!(status.waiting.is_some(), "a step at work is explained");
        let word = answers.get(attempts % answers.len().max(1)).copied().unwrap_or(0);
        attempts += 1;
        let output = json!({"attempt": attempts}).as_object().cloned();
        let attempt = Attempt { verdict: verdict(word), message: "m".into(), output, health_check: None };
        if let Settled::Again { after, .. } = progress::settle(spec, status, index, attempt, rules, now) {
            assert!(!after.is_zero(), "a sleep takes time");
            now += after;
        }
        assert!(ended(status).starts_with(&ended_before), "{ended_before:?} became {:?}", ended(status));
    }
    attempts
}

/// The records that have ended, up to the first that has not.
fn ended(status: &PromotionStatus) -> Vec<(String, StepStatus)> {
    let records = status.step_execution_metadata.iter();
    let ended =
        records.take_while(|m| m.finished_at.is_some() || (m.started_at.is_none() && m.status.is_some()));
    ended.map(|m| (m.alias.clone(), m.status.unwrap())).collect()
}

proptest! {
    #[test]
    fn it_comes_to_an_end(
        drawn in steps(),
        answers in prop::collection::vec(0u8..9, 1..12),
        gates in prop::collection::vec(any::<bool>(), 6),
    ) {
        let spec = spec(&drawn);
        let mut status = PromotionStatus::default();
        run(&spec, &mut status, &answers, &gates);
        let (phase, message) = progress::conclude(&spec, &status);
        prop_assert!(phase.is_terminal());
        progress::end(&mut status, phase, &message, build::at(1));
        prop_assert_eq!(progress::next(&spec, &mut status.clone()), Next::Conclude);
        let words = |m: &ferry_api::promotion::StepExecutionMetadata| m.status;
        let bad = [StepStatus::Failed, StepStatus::Errored, StepStatus::Aborted];
        let is_bad = (0..spec.steps.len()).any(|i| {
            let overlooked = spec.steps[i].continue_on_error.unwrap_or(false);
            !overlooked && progress::record(&status, &spec.steps, i).and_then(words).is_some_and(|w| bad.contains(&w))
        });
        prop_assert_eq!(phase != PromotionPhase::Succeeded, is_bad, "{:?}", status);
    }

    #[test]
    fn fm_14_the_worst_counts_and_later_steps_do_not_hide_it(
        before in prop::collection::vec(0u8..3, 0..3),
        bad in prop::sample::select(vec![5u8, 7]),
        after in prop::collection::vec(0u8..3, 0..3),
    ) {
        let drawn: Vec<Drawn> = (0..=before.len() + after.len()).map(|_| (0, true, false, 1)).collect();
        let spec = spec(&drawn);
        let at = before.len();
        let mut answers = before;
        answers.push(bad);
        answers.extend(after);
        let mut status = PromotionStatus::default();
        run(&spec, &mut status, &answers, &[]);
        let wanted = if bad == 5 { PromotionPhase::Failed } else { PromotionPhase::Errored };
        // The gate of the fourth step is broken.
        let wanted = if spec.steps.len() > 3 { PromotionPhase::Errored } else { wanted };
        if at != 3 {
            prop_assert_eq!(progress::conclude(&spec, &status).0, wanted);
        }
    }

    #[test]
    fn outputs_are_kept(drawn in steps(), answers in prop::collection::vec(0u8..3, 1..6)) {
        let spec = spec(&drawn);
        let given: Map<String, Value> = [("earlier".to_owned(), json!({"k": 1}))].into_iter().collect();
        let mut status = PromotionStatus { state: Some(given), ..PromotionStatus::default() };
        let attempts = run(&spec, &mut status, &answers, &[]);
        let state = status.state.unwrap();
        prop_assert_eq!(&state["earlier"], &json!({"k": 1}));
        let known: Vec<i64> = state.values().filter_map(|v| v["attempt"].as_i64()).collect();
        prop_assert!(attempts == 0 || known.contains(&i64::try_from(attempts).unwrap()), "{state:?}");
    }

    #[test]
    fn an_end_by_hand_is_an_end_from_everywhere(drawn in steps(), answers in prop::collection::vec(0u8..9, 0..4)) {
        let spec = spec(&drawn);
        let mut status = PromotionStatus::default();
        for word in answers {
            let (Next::Run { index } | Next::Gate { index, .. }) = progress::next(&spec, &mut status) else { break };
            let rules = StepRules::of(&spec.steps[index], None, false);
            progress::start(&spec, &mut status, index, rules, build::at(0));
            let attempt = Attempt { verdict: verdict(word), message: String::new(), output: None, health_check: None };
            progress::settle(&spec, &mut status, index, attempt, rules, build::at(0));
        }
        let before = ended(&status);
        progress::abort(&spec, &mut status, "kim", build::at(1));
        prop_assert_eq!(status.phase, Some(PromotionPhase::Aborted));
        prop_assert!(ended(&status).starts_with(&before));
        prop_assert!(status.step_execution_metadata.iter().all(|m| m.status != Some(StepStatus::Running)));
    }
}
