//! The schedules, and what must hold after each of them.

use ferry_api::names::annotation;
use ferry_api::promotion::PromotionPhase;
use serde_json::json;

use crate::story::{Story, step, usual_steps};

pub fn assert_as_if_never_interrupted(story: &Story, schedule: &str) {
    let promotion = story.promotion();
    let status = promotion.status.clone().unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{schedule}: {status:#?}");
    assert_eq!(story.outside.commits.lock().len(), 1, "{schedule}: one commit");
    assert_eq!(*story.outside.operations.lock(), [crate::story::NAME], "{schedule}: one operation");
    assert_eq!(story.output("step-2"), json!({"text": "edited+"}), "{schedule}: edited once");
    assert_eq!(story.output("step-4"), json!({"text": "edited+"}), "{schedule}: edited once");
    assert_eq!(story.leftovers(), Vec::<String>::new(), "{schedule}: fm_59, nothing is left");
    assert!(status.waiting.is_none() && status.finished_at.is_some(), "{schedule}");
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_point_leaves_no_trace() {
    let whole = Story::new(usual_steps());
    let (points, _) = whole.live(None).await;
    assert_as_if_never_interrupted(&whole, "no kill");
    assert!(points >= 20, "{points} places to die at");
    for kill in 0..points {
        let story = Story::new(usual_steps());
        let (_, died) = story.live(Some(kill)).await;
        let mut lives = 1;
        while !story.promotion().is_terminal() {
            story.live(None).await;
            lives += 1;
            assert!(lives < 5, "kill at {kill}: no end");
        }
        if !died || !story.leftovers().is_empty() {
            story.live(None).await;
        }
        assert_as_if_never_interrupted(&story, &format!("kill at {kill}"));
    }
}

#[tokio::test(start_paused = true)]
async fn two_kills_leave_no_trace() {
    for first in (0..40).step_by(3) {
        for second in (0..24).step_by(5) {
            let story = Story::new(usual_steps());
            story.live(Some(first)).await;
            story.live(Some(second)).await;
            story.live(None).await;
            assert_as_if_never_interrupted(&story, &format!("kills at {first} and {second}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_push_is_tried_again_also_across_kills() {
    for kill in 0..40 {
        let story = Story::new(usual_steps());
        *story.outside.refusals.lock() = 2;
        story.live(Some(kill)).await;
        story.live(None).await;
        assert_as_if_never_interrupted(&story, &format!("two refusals, kill at {kill}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_work_directory_is_made_again() {
    let whole = Story::new(usual_steps());
    let (points, _) = whole.live(None).await;
    for kill in 0..points {
        let story = Story::new(usual_steps());
        story.live(Some(kill)).await;
        for entry in std::fs::read_dir(story.directory.path()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        story.live(None).await;
        if !story.leftovers().is_empty() {
            story.live(None).await;
        }
        assert_as_if_never_interrupted(&story, &format!("kill at {kill}, directory lost"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_it_and_nothing_is_written_after() {
    let story = Story::new(vec![step("flaky", json!({})), step("push", json!({"what": "x"}))]);
    *story.outside.refusals.lock() = 100;
    story.live(Some(9)).await;
    let request = r#"{"action":"terminate","actor":"admin"}"#;
    story.stored.annotate(crate::story::NAME, annotation::ABORT, request);
    story.live(None).await;
    let status = story.promotion().status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Aborted));
    assert_eq!(status.message, "Promotion terminated by admin");
    assert!(story.outside.commits.lock().is_empty());
    assert_eq!(*story.stored.happenings.lock(), ["PromotionAborted"]);
}

#[tokio::test(start_paused = true)]
async fn fm_05_a_refresh_while_a_step_runs_executes_nothing_twice() {
    for kill in 0..30 {
        let story = Story::new(usual_steps());
        let refresh = format!("2031-01-01T00:00:{kill:02}Z");
        story.live(Some(kill)).await;
        if story.promotion().is_terminal() {
            assert!(kill >= 20, "{kill} places before the end");
            return;
        }
        story.stored.annotate(crate::story::NAME, annotation::REFRESH, &refresh);
        story.live(None).await;
        assert_as_if_never_interrupted(&story, &format!("refresh after a kill at {kill}"));
        assert_eq!(story.promotion().status.unwrap().last_handled_refresh, Some(refresh));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_step_names_the_known_ones() {
    let story = Story::new(vec![step("nope", json!({})), step("push", json!({"what": "x"}))]);
    story.live(None).await;
    let status = story.promotion().status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Errored));
    assert!(status.message.contains("\"nope\"") && status.message.contains("push"), "{}", status.message);
    assert!(story.outside.commits.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bad_config_and_bad_expressions_end_with_words() {
    for (config, words) in [
        (json!({"what": 3}), "what"),
        (json!({}), "what"),
        (json!({"what": "${{ 1 + }}"}), "1 +"),
        (json!({"what": "${{ commitFrom('https://x.test/y') "}), "${{"),
    ] {
        let mut only = step("push", config.clone());
        only.retry = None;
        let story = Story::new(vec![only]);
        story.live(None).await;
        let status = story.promotion().status.unwrap();
        assert!(
            status.phase.unwrap().is_terminal() && status.phase != Some(PromotionPhase::Succeeded),
            "{config}"
        );
        assert!(status.message.contains(words), "{config}: {}", status.message);
        assert!(story.outside.commits.lock().is_empty(), "{config}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_below_the_threshold_is_explained_while_it_waits() {
    let story = Story::new(vec![step("flaky", json!({}))]);
    *story.outside.refusals.lock() = 3;
    story.live(None).await;
    let status = story.promotion().status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{status:#?}");
    assert_eq!(status.step_execution_metadata[0].error_count, 3);
}
