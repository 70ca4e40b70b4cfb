//! One attempt of one step: evaluate, note, do, settle, store.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ferry_api::Promotion;
use ferry_api::promotion::PromotionStep;
use ferry_failpoint::{broken, point};
use ferry_planner::progress::{self, Attempt, Next, Settled, StepRules, Verdict};
use futures::FutureExt;
use jiff::Timestamp;

use super::draft::{Draft, patiently};
use super::entries::{self, StepRecorder};
use super::place::{say_after_a_while, slot};
use super::{Commands, Stop};
use crate::context::StepContext;
use crate::engine::Parts;
use crate::evaluate::{self, Evaluator};
use crate::step::{Effect, Outcome, Output, Prepared, StepDef, StepError, StepResult, Wake};
use crate::work::WorkDirectory;
use crate::world;

/// For how long this process must still have the right to change things outside when a step that does begins. A Lease
/// that is renewed in time never has less.
pub(super) const WRITE_MARGIN: Duration = Duration::from_secs(15);

/// Evaluates a step's `if`. A world that does not answer is asked again.
pub(super) async fn condition(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Draft,
    index: usize,
    text: &str,
) -> Result<Result<bool, String>, Stop> {
    let promotion = draft.get().await;
    let now = parts.world.now();
    let ask = || async {
        let facts = draft.facts(&promotion).await?;
        let evaluator = Evaluator::new(parts.world.clone(), parts.settings.clone(), promotion.clone(), facts);
        sorted(evaluator.condition(index, text, now).await)
    };
    patiently(&parts.world, commands, ask).await
}

/// What asking again may mend, and what the expression itself came to.
fn sorted<T>(result: Result<T, evaluate::Error>) -> Result<Result<T, String>, world::Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(evaluate::Error::World(error @ (world::Error::Conflict(_) | world::Error::Unavailable(_)))) => {
            Err(error)
        }
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Does one attempt, with its result stored.
pub(super) async fn attempt(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Arc<Draft>,
    work: &WorkDirectory,
    index: usize,
) -> Result<(Settled, Wake), Stop> {
    let promotion = draft.get().await;
    let Some(step) = promotion.spec.steps.get(index).cloned() else {
        return Ok((Settled::Through, Wake::default()));
    };
    let kind = step.uses.as_deref().unwrap_or_default();
    let Some(def) = parts.registry.get(kind).copied() else {
        let known: Vec<&str> = parts.registry.kinds().collect();
        let message = format!("step kind {kind:?} is not registered; known kinds: {}", known.join(", "));
        draft
            .edit_and_store(|p| progress::refuse(&p.spec, p.status.get_or_insert_default(), index, &message))
            .await?;
        return Ok((Settled::Through, Wake::default()));
    };
    let alias = progress::alias(&step, index);
    let slot = slot(parts, commands, draft, index).await?;
    commands.looks();
    let rules = StepRules::of(&step, def.timeout, def.propagates_output);
    let now = parts.world.now();
    draft.edit(|p| progress::start(&p.spec, p.status.get_or_insert_default(), index, rules, now)).await;
    let began = promotion.status.as_ref().and_then(|s| entries::entry(s, index)).cloned();
    let resumed = began.as_ref().filter(|e| e.finished_at.is_none()).and_then(|e| e.started_at.as_ref());
    let started_at = resumed.map_or(now, |t| t.0);
    let prepared = prepare(parts, commands, draft, &def, index, started_at).await?;
    let effect = prepared.as_ref().ok().map(|prepared| prepared.effect);
    let result = match prepared {
        Err(error) => Err(error),
        Ok(prepared) => {
            let effect = prepared.effect;
            if effect == Effect::Writes {
                announce(draft, index, &alias, rules, started_at).await?;
            }
            let number = began.as_ref().map_or(1, |e| e.attempt + i64::from(e.finished_at.is_some()));
            tracing::debug!(kind, attempt = number, "attempt");
            let is_resumed = resumed.is_some();
            let at = At { index, alias: &alias, start: started_at, rules, number, is_resumed };
            point!("step.{kind}.begin");
            let result = run(parts, commands, draft, work, &at, prepared).await?;
            if effect == Effect::Writes {
                draft.learn(None);
            }
            point!("step.{kind}.end");
            result
        }
    };
    drop(slot);
    let settled = settle(parts, draft, work, &Ended { index, step: &step, rules, effect }, result).await;
    point!("step.{kind}.settled");
    settled
}

/// The compare-and-swap before an effect: if somebody else wrote the status, nothing runs.
async fn announce(
    draft: &Draft,
    index: usize,
    alias: &str,
    rules: StepRules,
    started_at: Timestamp,
) -> Result<(), Stop> {
    let margin = rules.timeout.unwrap_or(WRITE_MARGIN).min(WRITE_MARGIN);
    point!("attempt.announce");
    if broken!("announce") {
        draft.edit(|p| entries::begin(p, index, alias, started_at)).await;
        return Ok(());
    }
    entries::swap(draft, index, margin, |p| entries::begin(p, index, alias, started_at)).await?;
    point!("attempt.announced");
    Ok(())
}

/// Evaluates the config and reads it. A world that does not answer is asked again: that is no error of the step.
async fn prepare(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Draft,
    def: &StepDef,
    index: usize,
    now: Timestamp,
) -> Result<Result<Prepared, StepError>, Stop> {
    let promotion = draft.get().await;
    let ask = || async {
        let facts = draft.facts(&promotion).await?;
        let evaluator = Evaluator::new(parts.world.clone(), parts.settings.clone(), promotion.clone(), facts);
        sorted(evaluator.config(index, now).await)
    };
    let config = patiently(&parts.world, commands, ask).await?;
    // Another attempt would see the same: what is wrong in an expression stays wrong.
    Ok(config.map_err(StepError::Fatal).and_then(|config| def.prepare(config)))
}

/// Which attempt of which step.
struct At<'a> {
    index: usize,
    alias: &'a str,
    start: Timestamp,
    rules: StepRules,
    number: i64,
    is_resumed: bool,
}

/// Runs the step until it is done, its time is over, or the run is told to end.
async fn run(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Arc<Draft>,
    work: &WorkDirectory,
    at: &At<'_>,
    prepared: Prepared,
) -> Result<StepResult, Stop> {
    let promotion = draft.get().await;
    let status = promotion.status.clone().unwrap_or_default();
    let view = match work.begin(i64::try_from(at.index).unwrap_or(i64::MAX)) {
        Ok(view) => view,
        Err(error) => return Ok(Err(StepError::Retryable(error.to_string()))),
    };
    let deadline = progress::deadline(&status, at.alias, at.rules);
    let recorder = StepRecorder::new(draft.clone(), at.index, entries::entry(&status, at.index));
    let outputs = status.state.clone().unwrap_or_default();
    let cancelled = commands.attempt().child_token();
    // What the step left running beside it ends with it, also where its time is over.
    let _ended = cancelled.clone().drop_guard();
    let ctx = StepContext {
        project: promotion.metadata.namespace.clone().unwrap_or_default(),
        stage: promotion.spec.stage.clone(),
        promotion: promotion.metadata.name.clone().unwrap_or_default(),
        actor: ferry_planner::promotion::actor(&promotion).map(ToOwned::to_owned),
        alias: at.alias.to_owned(),
        attempt: at.number,
        is_resumed: at.is_resumed,
        started_at: at.start,
        deadline,
        previous: outputs.get(at.alias).filter(|v| !v.is_null()).cloned(),
        outputs: Arc::new(outputs),
        work: view,
        settings: parts.settings.clone(),
        cancelled,
        ledger: Arc::new(recorder),
        subject: promotion.clone(),
        services: parts.services.clone(),
        world: parts.world.clone(),
    };
    let left =
        deadline.map(|end| Duration::try_from(end.duration_since(parts.world.now())).unwrap_or_default());
    let time_over = async {
        match left {
            Some(left) if !broken!("deadline") => parts.world.sleep(left + Duration::from_secs(1)).await,
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        // First: once the end was asked for, the step gets no further turn.
        biased;
        stop = commands.stopped() => Err(stop),
        stop = say_after_a_while(parts, draft, || |_: &mut Promotion| ()) => Err(stop),
        result = AssertUnwindSafe(prepared.run(ctx)).catch_unwind() => Ok(result.unwrap_or_else(|_| {
            Err(StepError::Fatal("step panicked; please report this".to_owned()))
        })),
        () = time_over => Ok(Err(StepError::Retryable(
            "the step was still at work when its time was over (retry.timeout): what it waits for does not answer"
                .to_owned(),
        ))),
    }
    .inspect_err(|_| {
        if let Err(error) = work.roll_back() {
            tracing::warn!(%error, "the work directory is put right at the next start");
        }
    })
}

/// The step of an attempt that has ended.
struct Ended<'a> {
    index: usize,
    step: &'a PromotionStep,
    rules: StepRules,
    /// None where it came to nothing.
    effect: Option<Effect>,
}

/// What steps did that change nothing outside need not be stored at once: within this time of the last write the next
/// one stores it, too. Who is killed in between does it again.
const COALESCED: Duration = Duration::from_secs(1);

/// Records the result, keeps or forgets the step's changes, stores the status.
async fn settle(
    parts: &Parts,
    draft: &Draft,
    work: &WorkDirectory,
    ended: &Ended<'_>,
    result: StepResult,
) -> Result<(Settled, Wake), Stop> {
    let Ended { index, step, rules, effect } = *ended;
    let (mut attempt, wake) = translate(result);
    let keeps = matches!(attempt.verdict, Verdict::Succeeded | Verdict::Skipped);
    let digest = match if keeps { work.end() } else { work.roll_back().map(|()| None) } {
        Ok(digest) => digest,
        Err(error) => {
            attempt = failed(Verdict::Errored { terminal: true }, format!("work directory: {error}"));
            None
        }
    };
    let now = parts.world.now();
    let (settled, is_last) = draft
        .edit(|p| {
            let status = p.status.get_or_insert_default();
            entries::settle(status, index, now);
            if let Some(digest) = digest {
                let ledger = status.ledger.get_or_insert_default();
                ledger.work_digest = Some(digest);
                ledger.work_step = i64::try_from(index).unwrap_or(i64::MAX);
            }
            let settled = progress::settle(&p.spec, status, index, attempt, rules, now);
            if broken!("explanation") {
                status.waiting = None;
            }
            // The end, which is stored next, has all of it.
            let is_last = settled == Settled::Through && progress::next(&p.spec, status) == Next::Conclude;
            (settled, is_last)
        })
        .await;
    let is_small =
        keeps && settled == Settled::Through && matches!(effect, Some(Effect::Local | Effect::Reads));
    let is_stored_later = is_small && (is_last || draft.is_fresh(COALESCED).await);
    if !is_stored_later {
        draft.store().await?;
        if let Err(error) = work.settle() {
            tracing::warn!(%error, "work directory not tidied");
        }
    }
    if settled == Settled::Through {
        tracing::info!(kind = step.uses, "step is through");
    }
    Ok((settled, wake))
}

fn failed(verdict: Verdict, message: String) -> Attempt {
    Attempt { verdict, message, output: None, health_check: None }
}

/// An attempt's result in the planner's words.
fn translate(result: StepResult) -> (Attempt, Wake) {
    let done = |verdict: Verdict, output: Output, message: Option<String>| Attempt {
        verdict,
        message: message.or(output.message).unwrap_or_default(),
        output: output.values,
        health_check: output.health_check,
    };
    match result {
        Ok(Outcome::Succeeded(output)) => (done(Verdict::Succeeded, output, None), Wake::default()),
        Ok(Outcome::Skipped(why, output)) => (done(Verdict::Skipped, output, Some(why)), Wake::default()),
        Ok(Outcome::Waiting { why, wake, output }) => {
            (done(Verdict::Waiting(wake.after), output, Some(why)), wake)
        }
        Err(StepError::Broken { why, output }) => {
            (done(Verdict::Errored { terminal: true }, *output, Some(why)), Wake::default())
        }
        Err(error) => {
            let verdict = match &error {
                StepError::Config(_) | StepError::Failed(_) => Verdict::Failed { terminal: true },
                StepError::Refused(_) => Verdict::Failed { terminal: false },
                StepError::Fatal(_) | StepError::Broken { .. } => Verdict::Errored { terminal: true },
                StepError::Retryable(_) => Verdict::Errored { terminal: false },
            };
            (failed(verdict, error.to_string()), Wake::default())
        }
    }
}

/// A step that is run again, with what it noted, to get a lost work directory back.
pub(super) async fn replay(
    parts: &Parts,
    commands: &Arc<Commands>,
    draft: &Arc<Draft>,
    work: &WorkDirectory,
    index: usize,
    started_at: Timestamp,
) -> Result<Result<Option<String>, StepError>, Stop> {
    let promotion = draft.get().await;
    let step = promotion.spec.steps.get(index).cloned().unwrap_or_default();
    let Some(def) = parts.registry.get(step.uses.as_deref().unwrap_or_default()).copied() else {
        return Ok(Ok(None));
    };
    let _slot = slot(parts, commands, draft, index).await?;
    let prepared = match prepare(parts, commands, draft, &def, index, started_at).await? {
        // What it changed outside stands. If it changed the directory, too, the digest will tell.
        Ok(prepared) if prepared.effect == Effect::Writes => {
            let kept = work.begin(i64::try_from(index).unwrap_or(i64::MAX)).and_then(|_| work.end());
            return Ok(kept.map_err(|e| StepError::Fatal(e.to_string())));
        }
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    let rules = StepRules { timeout: None, error_threshold: 1, propagates_output: false };
    let alias = progress::alias(&step, index);
    let at = At { index, alias: &alias, start: started_at, rules, number: 1, is_resumed: false };
    match run(parts, commands, draft, work, &at, prepared).await? {
        Ok(Outcome::Succeeded(_) | Outcome::Skipped(..)) => {
            Ok(work.end().map_err(|e| StepError::Fatal(e.to_string())))
        }
        Ok(Outcome::Waiting { why, .. }) => Ok(Err(StepError::Retryable(why))),
        Err(error) => Ok(Err(error)),
    }
}
