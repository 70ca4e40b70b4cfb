//! How a run goes on after a restart: with the work directory as the last stored step left it, or with one that is
//! made again.

use std::sync::Arc;

use ferry_api::promotion::StepStatus;
use ferry_failpoint::{broken, point};
use ferry_planner::progress;
use jiff::Timestamp;

use super::draft::Draft;
use super::{Commands, Stop, attempt};
use crate::engine::Parts;
use crate::work::{Recovery, WorkDirectory};

/// Brings the work directory to where the status is, or the status back to the beginning.
pub(super) async fn resume(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Arc<Draft>,
    work: &WorkDirectory,
) -> Result<(), Stop> {
    point!("resume.begin");
    let promotion = draft.get().await;
    let ledger = promotion.status.as_ref().and_then(|s| s.ledger.clone()).unwrap_or_default();
    let done = ledger.work_digest.as_deref().map(|digest| (ledger.work_step, digest));
    match (work.recover(done), done) {
        (Ok(Recovery::At { .. }), _) | (Ok(Recovery::Fresh), None) => return Ok(()),
        (Ok(Recovery::Fresh), Some(_)) if broken!("rebuild") => return Ok(()),
        (Ok(Recovery::Fresh), Some(_)) => {}
        (Err(error), _) => {
            tracing::warn!(%error, "the work directory is of no use");
            work.start_over().map_err(|e| Stop::Broken(e.to_string()))?;
        }
    }
    tracing::info!(promotion = ?promotion.metadata.name, "the work directory is lost; making it again");
    point!("rebuild.begin");
    let last = replay(parts, commands, draft, work).await?;
    point!("rebuild.end");
    match last {
        Ok(digest) if digest == ledger.work_digest => work.settle().map_err(|e| Stop::Broken(e.to_string())),
        other => {
            if ledger.entries.is_empty() {
                return start_over(draft, work, parts.world.now()).await;
            }
            let index = usize::try_from(promotion.status.as_ref().map_or(0, |s| s.current_step)).unwrap_or(0);
            let alias =
                promotion.spec.steps.get(index).map(|s| progress::alias(s, index)).unwrap_or_default();
            let why = other.err().unwrap_or_else(|| "it came out differently".to_owned());
            Err(Stop::Broken(format!(
                "WorkDirectoryLost: the work directory was lost at step {alias:?}, after something outside was \
                 changed, and could not be made again ({why}); look at what was done, then promote again"
            )))
        }
    }
}

/// Runs the steps that are through once more, those that only read or work in the directory.
async fn replay(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Arc<Draft>,
    work: &WorkDirectory,
) -> Result<Result<Option<String>, String>, Stop> {
    let promotion = draft.get().await;
    let status = promotion.status.clone().unwrap_or_default();
    let mut digest = None;
    for (index, step) in promotion.spec.steps.iter().enumerate() {
        let alias = progress::alias(step, index);
        let Some(record) = progress::record(&status, &promotion.spec.steps, index) else { continue };
        let ran = matches!(record.status, Some(StepStatus::Succeeded | StepStatus::Skipped));
        let (true, Some(started)) = (ran, record.started_at.as_ref()) else { continue };
        match attempt::replay(parts, commands, draft, work, index, started.0).await? {
            Ok(Some(new)) => digest = Some(new),
            Ok(None) => {}
            Err(error) => return Ok(Err(format!("step {alias:?}: {error}"))),
        }
    }
    Ok(Ok(digest))
}

/// Nothing outside was changed yet: the steps begin anew, with the outputs that there are.
async fn start_over(draft: &Draft, work: &WorkDirectory, now: Timestamp) -> Result<(), Stop> {
    work.start_over().map_err(|e| Stop::Broken(e.to_string()))?;
    draft
        .edit_and_store(|p| {
            let status = p.status.get_or_insert_default();
            status.current_step = 0;
            status.step_execution_metadata.clear();
            status.health_checks.clear();
            status.ledger = None;
            status.waiting = progress::at_work(status, &p.spec, 0, None, now);
        })
        .await
}
