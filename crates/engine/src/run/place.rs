//! A place among the steps at work, and what is said of who waits for one or is at work for long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ferry_api::Promotion;
use ferry_planner::progress;

use super::draft::Draft;
use super::{Commands, Stop};
use crate::engine::Parts;
use crate::slots::Slot;

/// For how long nothing is said of a step that is at work, or has no place to be: most are through by then.
const UNSAID: Duration = Duration::from_secs(1);

/// A place among the steps at work. Whoever must end gets none, and nobody once the process is told to end.
pub(super) async fn slot(
    parts: &Parts,
    commands: &Commands,
    draft: &Draft,
    index: usize,
) -> Result<Slot, Stop> {
    let project = draft.project();
    let mut asked = parts.slots.ask(project);
    let slot = match asked.at_once() {
        Some(slot) => Some(slot),
        None => {
            tokio::select! {
                biased;
                stop = commands.stopped() => return Err(stop),
                slot = asked.in_turn() => slot,
                stop = say_after_a_while(parts, draft, || {
                    let place = parts.slots.why(project);
                    let now = parts.world.now();
                    move |p: &mut Promotion| {
                        let status = p.status.get_or_insert_default();
                        status.waiting = Some(progress::for_a_place(status, &p.spec, index, &place, now));
                    }
                }) => return Err(stop),
            }
        }
    };
    slot.filter(|_| !parts.draining.load(Ordering::SeqCst)).ok_or(Stop::Ending)
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
