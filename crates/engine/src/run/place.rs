//! A place among the steps at work, and what is said of who waits for one or is at work for long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ferry_api::Promotion;
use ferry_planner::progress;

use super::draft::Draft;
use super::{Commands, Stop};
use crate::engine::Parts;
use crate::slots::{Asked, Slot};

/// For how long nothing is said of a step that is at work, or has no place to be: most are through by then.
const UNSAID: Duration = Duration::from_secs(1);

/// A place among the steps at work. Whoever must end gets none, and nobody once the process is told to end.
pub(super) async fn slot(
    parts: &Parts,
    commands: &Commands,
    draft: &Draft,
    index: usize,
) -> Result<Slot, Stop> {
    let mut asked = parts.slots.ask(draft.project());
    let slot = if let Some(slot) = asked.at_once() {
        Some(slot)
    } else {
        let before = draft.get().await.status.as_ref().and_then(|s| s.waiting.clone());
        let slot = in_turn(parts, commands, draft, index, &mut asked).await?;
        // What an earlier attempt waits for stands again.
        draft.edit(|p| p.status.get_or_insert_default().waiting = before).await;
        slot
    };
    slot.filter(|_| !parts.draining.load(Ordering::SeqCst)).ok_or(Stop::Ending)
}

/// Waits for the place. Whoever waits long says so.
async fn in_turn(
    parts: &Parts,
    commands: &Commands,
    draft: &Draft,
    index: usize,
    asked: &mut Asked,
) -> Result<Option<Slot>, Stop> {
    let said = || {
        let (place, now) = (parts.slots.why(draft.project()), parts.world.now());
        move |p: &mut Promotion| {
            let status = p.status.get_or_insert_default();
            status.waiting = Some(progress::for_a_place(status, &p.spec, index, &place, now));
        }
    };
    tokio::select! {
        biased;
        stop = commands.stopped() => Err(stop),
        slot = asked.in_turn() => Ok(slot),
        stop = say_after_a_while(parts, draft, said) => Err(stop),
    }
}

/// Stores what the status says of the wait once it has lasted. Returns only where that cannot be stored for good.
pub(super) async fn say_after_a_while<E: FnOnce(&mut Promotion)>(
    parts: &Parts,
    draft: &Draft,
    what: impl FnOnce() -> E,
) -> Stop {
    parts.world.sleep(UNSAID).await;
    match draft.edit_and_store(what()).await {
        Ok(()) => std::future::pending().await,
        Err(stop) => stop,
    }
}
