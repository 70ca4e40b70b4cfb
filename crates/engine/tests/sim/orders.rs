//! What others do while a run lives, at every point of it: an end that is asked for, a deletion, a refresh, foreign
//! writes, answers that do not come, the end of the process, a Lease that is not renewed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ferry_api::names::annotation;
use ferry_api::promotion::PromotionPhase;
use ferry_engine::Engine;
use parking_lot::Mutex;

use crate::kills::assert_as_if_never_interrupted;
use crate::story::{NAME, Story, usual_steps};
use crate::world::{Death, SimWorld};

/// One process to which something happens at a point, as its controller lives beside it: a run that is over before
/// its Promotion has ended is started again.
async fn live(story: &Story, point: usize, deed: impl FnOnce(&Engine, &SimWorld) + Send + 'static) {
    let death = Death::at(None);
    let (engine, world) = story.process(&death);
    let (deed_engine, deed_world) = (engine.clone(), world.clone());
    death.happens_at(point, move || deed(&deed_engine, &deed_world));
    let over = Arc::new(Mutex::new(Vec::new()));
    let heard = over.clone();
    engine.when_over(move |_, has_ended| heard.lock().push(has_ended));
    for _ in 0..6 {
        engine.start(Story::key());
        let wait = tokio::time::timeout(Duration::from_hours(10), engine.wait(&Story::key())).await;
        wait.unwrap_or_else(|_| unreachable!("stuck at {point}"));
        if over.lock().last() == Some(&true) {
            return;
        }
    }
    unreachable!("{point}: no end after {:?}", over.lock());
}

async fn points() -> usize {
    Story::new(usual_steps()).live(None).await.0
}

#[tokio::test(start_paused = true)]
async fn fm_15_an_abort_at_any_point_ends_it_and_nothing_happens_after() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let (stored, outside) = (story.stored.clone(), story.outside.clone());
        let before = Arc::new(Mutex::new((0, 0)));
        let seen = before.clone();
        live(&story, point, move |engine, _| {
            stored.annotate(NAME, annotation::ABORT, r#"{"action":"terminate","actor":"admin"}"#);
            engine.abort(&Story::key(), "admin");
            *seen.lock() = (outside.commits.lock().len(), outside.operations.lock().len());
        })
        .await;
        let status = story.promotion().status.unwrap();
        let effects = (story.outside.commits.lock().len(), story.outside.operations.lock().len());
        assert_eq!(effects, *before.lock(), "{point}: effects after the abort");
        assert_eq!(story.leftovers(), Vec::<String>::new(), "{point}: fm_59");
        let last = *story.stored.happenings.lock().last().unwrap();
        match status.phase.unwrap() {
            PromotionPhase::Aborted => assert_eq!(last, "PromotionAborted", "{point}"),
            // The last write was on its way.
            phase => assert_eq!((phase, last), (PromotionPhase::Succeeded, "PromotionSucceeded"), "{point}"),
        }
        let writes = story.stored.status_writes.load(Ordering::SeqCst);
        story.live(None).await;
        assert_eq!(
            story.stored.status_writes.load(Ordering::SeqCst),
            writes,
            "{point}: a write after the end"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_only_the_swap_sees_stops_the_effect_that_was_to_come() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let (stored, outside) = (story.stored.clone(), story.outside.clone());
        let before = Arc::new(Mutex::new(0));
        let seen = before.clone();
        live(&story, point, move |_, _| {
            stored.annotate(NAME, annotation::ABORT, "terminate");
            *seen.lock() = outside.commits.lock().len() + outside.operations.lock().len();
        })
        .await;
        let after = story.outside.commits.lock().len() + story.outside.operations.lock().len();
        // An attempt that was announced before cannot know of it.
        assert!(after <= *before.lock() + 1, "{point}");
        assert!(story.promotion().is_terminal() && story.leftovers().is_empty(), "{point}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_at_any_point_ends_it_and_its_directory() {
    for point in 0..points().await {
        for told in [true, false] {
            let story = Story::new(usual_steps());
            let (stored, outside) = (story.stored.clone(), story.outside.clone());
            let before = Arc::new(Mutex::new(0));
            let seen = before.clone();
            live(&story, point, move |engine, _| {
                stored.delete(NAME);
                if told {
                    engine.gone(&Story::key(), crate::story::UID);
                }
                *seen.lock() = outside.commits.lock().len() + outside.operations.lock().len();
            })
            .await;
            let after = story.outside.commits.lock().len() + story.outside.operations.lock().len();
            assert!(after <= *before.lock() + usize::from(!told), "{point}, told {told}: {after}");
            assert_eq!(story.leftovers(), Vec::<String>::new(), "{point}, told {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fm_05_a_refresh_at_any_point_executes_nothing_twice() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let stored = story.stored.clone();
        live(&story, point, move |engine, _| {
            stored.annotate(NAME, annotation::REFRESH, "now");
            engine.wake(&Story::key());
        })
        .await;
        assert_as_if_never_interrupted(&story, &format!("refresh at {point}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_status_at_any_point_is_taken_over_from_and_nothing_is_done_twice() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let stored = story.stored.clone();
        live(&story, point, move |_, _| stored.meddle(NAME)).await;
        assert_as_if_never_interrupted(&story, &format!("foreign status at {point}"));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_come_are_waited_for_and_what_was_stored_is_found() {
    for point in 0..points().await {
        for (unanswered, silence) in [(1, 0), (2, 0), (0, 1), (0, 7), (1, 3)] {
            let story = Story::new(usual_steps());
            let stored = story.stored.clone();
            live(&story, point, move |_, _| {
                stored.unanswered.store(unanswered, Ordering::SeqCst);
                stored.silence.store(silence, Ordering::SeqCst);
            })
            .await;
            let schedule = format!("{unanswered} unanswered, {silence} silent at {point}");
            story.stored.unanswered.store(0, Ordering::SeqCst);
            assert_as_if_never_interrupted(&story, &schedule);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_stored_although_answers_do_not_come() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let stored = story.stored.clone();
        live(&story, point, move |engine, _| {
            stored.annotate(NAME, annotation::ABORT, "terminate");
            engine.abort(&Story::key(), "admin");
            stored.unanswered.store(1, Ordering::SeqCst);
            stored.silence.store(5, Ordering::SeqCst);
        })
        .await;
        assert!(story.promotion().is_terminal() && story.leftovers().is_empty(), "{point}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_at_any_point_leaves_something_to_resume() {
    for point in 0..points().await {
        for grace in [Duration::ZERO, Duration::from_secs(10)] {
            let story = Story::new(usual_steps());
            let death = Death::at(None);
            let (engine, _world) = story.process(&death);
            let told = Arc::new(tokio::sync::Notify::new());
            let tell = told.clone();
            death.happens_at(point, move || tell.notify_one());
            let key = Story::key();
            engine.start(key.clone());
            tokio::select! {
                () = told.notified() => {}
                () = engine.wait(&key) => {}
            }
            engine.shut_down(grace).await;
            assert_eq!(engine.live(), 0, "{point}");
            assert!(!engine.start(Story::key()), "{point}: nothing begins after the end");
            story.live(None).await;
            assert_as_if_never_interrupted(&story, &format!("process ends at {point} within {grace:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_nothing_is_changed_outside_and_it_goes_on_when_it_is_renewed() {
    for point in 0..points().await {
        let story = Story::new(usual_steps());
        let outside = story.outside.clone();
        let before = Arc::new(Mutex::new((0, 0)));
        let seen = before.clone();
        let effects = move || outside.commits.lock().len() + outside.operations.lock().len();
        let then = effects.clone();
        live(&story, point, move |_, world| {
            world.may_write.store(false, Ordering::SeqCst);
            seen.lock().0 = then();
            let renewed = world.may_write.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_mins(2)).await;
                seen.lock().1 = then();
                renewed.store(true, Ordering::SeqCst);
            });
        })
        .await;
        let (lost, renewed) = *before.lock();
        // One effect was announced, perhaps, and its intent noted, when the Lease ran out.
        assert!(renewed <= lost + 1, "{point}: {lost} → {renewed}");
        assert_as_if_never_interrupted(&story, &format!("Lease not renewed at {point}"));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_that_resume_one_promotion_one_does() {
    for kill in 0..points().await {
        for turns in [0, 3] {
            let story = Story::new(usual_steps());
            story.live(Some(kill)).await;
            if story.promotion().is_terminal() {
                continue;
            }
            let elsewhere = tempfile::tempdir().unwrap();
            let (here, _h) = story.process(&Death::at(None));
            let (there, _t) = story.process_on(elsewhere.path(), &Death::at(None));
            here.start(Story::key());
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            there.start(Story::key());
            here.wait(&Story::key()).await;
            there.wait(&Story::key()).await;
            let (commits, operations) =
                (story.outside.commits.lock().len(), story.outside.operations.lock().len());
            assert!(commits <= 1 && operations <= 1, "{kill}, {turns} turns: {commits}, {operations}");
        }
    }
}

/// Set back or ahead by a day, at any point, also while nothing runs: nothing is done twice, and nothing waits a day.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_changes_nothing() {
    const DAY: i64 = 24 * 60 * 60;
    for point in 0..points().await {
        for ahead in [DAY, -DAY] {
            for is_killed in [false, true] {
                let (story, began) = (Story::new(usual_steps()), tokio::time::Instant::now());
                if is_killed {
                    story.live(Some(point)).await;
                    story.stored.ahead.store(ahead, Ordering::SeqCst);
                }
                live(&story, point, move |_, world| world.stored.ahead.store(ahead, Ordering::SeqCst)).await;
                if !story.leftovers().is_empty() {
                    story.live(None).await;
                }
                let schedule = format!("{ahead} seconds at {point}, killed: {is_killed}");
                assert_as_if_never_interrupted(&story, &schedule);
                assert!(began.elapsed() < Duration::from_mins(10), "{schedule}: {:?}", began.elapsed());
            }
        }
    }
}
