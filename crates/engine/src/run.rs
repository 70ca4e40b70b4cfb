//! One run of one Promotion: asks the planner what comes next, does it, stores it, until the end.

mod attempt;
mod commands;
mod draft;
mod entries;
mod place;
mod rebuild;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ferry_api::Promotion;
use ferry_api::promotion::PromotionPhase;
use ferry_failpoint::point;
use ferry_planner::progress::{self, Next, Settled};
use ferry_planner::promotion as rules;
use tracing::Instrument as _;

use crate::engine::Parts;
use crate::evaluate::Facts;
use crate::step::Wake;
use crate::work::WorkDirectory;
use crate::world::{Happening, PromotionKey};

pub(crate) use commands::Commands;
use draft::Draft;

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    /// The Promotion has ended.
    Ended(PromotionPhase),
    /// The Promotion is gone, or had ended before.
    Over,
    /// The run stopped before; somebody may go on.
    Stopped(&'static str),
}

/// Why a run does not go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The Promotion is gone or has ended.
    Over,
    /// Somebody else writes its status.
    Taken,
    /// The process ends, or may no longer write.
    Ending,
    /// Somebody asked for an end.
    Abort(String),
    /// The Promotion cannot go on: it ends Errored with this message.
    Broken(String),
}

/// What comes next, with what is needed for it.
enum Task {
    Gate(usize, String),
    Run(usize),
    Conclude,
}

pub(crate) struct Run {
    parts: Parts,
    key: PromotionKey,
    commands: Arc<Commands>,
    /// How often the step at work has been looked at.
    looks: AtomicU32,
}

impl Run {
    pub(crate) fn new(parts: Parts, key: PromotionKey, commands: Arc<Commands>) -> Self {
        Self { parts, key, commands, looks: AtomicU32::new(0) }
    }

    /// Runs to the end, or to where somebody else must go on. What it does on its way has a room of its own, in boxes:
    /// the run itself is there for as long as a step waits, a thousand times over.
    pub(crate) async fn run(self) -> Ending {
        let draft = match Draft::read(&self.parts.world, &self.key, &self.commands).await {
            Ok(draft) => Arc::new(draft),
            Err(Stop::Over) => return Ending::Over,
            Err(_) => return Ending::Stopped("the Promotion could not be read"),
        };
        let promotion = draft.get().await;
        if promotion.is_terminal() {
            self.forget(&promotion).await;
            return Ending::Over;
        }
        let directory = directory_name(&promotion);
        // A run that waits holds the Promotion once.
        drop(promotion);
        match self.steps(&draft, &directory).await {
            Ok(phase) => Ending::Ended(phase),
            Err(stop) => Box::pin(self.stop(&draft, stop)).await,
        }
    }

    /// Ends the Promotion Errored, wherever it stands.
    pub(crate) async fn give_up(self, why: &str) -> Ending {
        match Draft::read(&self.parts.world, &self.key, &self.commands).await {
            Ok(draft) if !draft.get().await.is_terminal() => {
                self.stop(&draft, Stop::Broken(why.to_owned())).await
            }
            Ok(_) | Err(Stop::Over) => Ending::Over,
            Err(_) => Ending::Stopped("the Promotion could not be read"),
        }
    }

    async fn steps(&self, draft: &Arc<Draft>, directory: &str) -> Result<PromotionPhase, Stop> {
        let work = self.parts.work.directory(directory);
        let work = work.map_err(|e| Stop::Broken(e.to_string()))?;
        self.go(draft, &work).await?;
        Box::pin(self.conclude(draft)).await
    }

    /// Starts or resumes, and goes through the steps.
    async fn go(&self, draft: &Arc<Draft>, work: &WorkDirectory) -> Result<(), Stop> {
        self.obey(draft).await?;
        if draft.get().await.phase() == Some(PromotionPhase::Running) {
            consistent(draft.get().await.as_ref())?;
            Box::pin(rebuild::resume(&self.parts, &self.commands, draft, work)).await?;
        } else {
            Box::pin(self.begin(draft)).await?;
            work.start_over().map_err(|e| Stop::Broken(e.to_string()))?;
        }
        loop {
            self.obey(draft).await?;
            match draft.edit(next).await {
                Task::Conclude => return Ok(()),
                Task::Gate(index, condition) => {
                    let said = attempt::condition(&self.parts, &self.commands, draft, index, &condition);
                    let said = Box::pin(said).await?;
                    let passes = draft
                        .edit(|p| progress::gate(&p.spec, p.status.get_or_insert_default(), index, said))
                        .await;
                    if passes {
                        self.step(draft, work, index).await?;
                    }
                }
                Task::Run(index) => self.step(draft, work, index).await?,
            }
        }
    }

    /// One attempt of a step, and the sleep after it where it is not through.
    async fn step(&self, draft: &Arc<Draft>, work: &WorkDirectory, index: usize) -> Result<(), Stop> {
        let span = span(draft.get().await.as_ref(), index);
        let attempt = Box::pin(attempt::attempt(&self.parts, &self.commands, draft, work, index));
        let (settled, wake) = attempt.instrument(span.clone()).await?;
        let Settled::Again { after, why, error, .. } = settled else {
            self.looks.store(0, Ordering::Relaxed);
            return Ok(());
        };
        span.in_scope(|| tracing::info!(error, why, ?after, "step waits"));
        // Steps may wait for days, and there may be thousands of them; what expressions use is another by then.
        drop((span, why));
        draft.learn(None);
        let pause = pause_before_listening(self.looks.fetch_add(1, Ordering::Relaxed)).min(after);
        self.commands.sleep(self.parts.world.as_ref(), pause, None).await;
        self.commands.sleep(self.parts.world.as_ref(), after.saturating_sub(pause), Some(wake)).await;
        // What was asked for meanwhile is in the metadata; whoever else wrote the status has taken over.
        Box::pin(draft.refresh()).await
    }

    /// The first write: Running, with the Freight it carries.
    async fn begin(&self, draft: &Draft) -> Result<(), Stop> {
        let promotion = draft.get().await;
        let project = &self.key.project;
        let world = &self.parts.world;
        let stage =
            draft::patiently(world, &self.commands, || world.stage(project, &promotion.spec.stage)).await?;
        let name = promotion.spec.freight.clone().unwrap_or_default();
        let freight = draft::patiently(world, &self.commands, || world.freight(project, &name)).await?;
        let stage =
            stage.ok_or_else(|| Stop::Broken(format!("Stage {:?} does not exist", promotion.spec.stage)))?;
        let status = rules::begin(&promotion, &stage, freight.as_ref(), world.now()).map_err(Stop::Broken)?;
        draft.learn(Some(Facts::of(Some(stage), freight)));
        draft.edit(|p| p.status = Some(status)).await;
        point!("run.begin");
        draft.store().await?;
        point!("run.begun");
        Ok(())
    }

    /// The last write: what the steps came to.
    async fn conclude(&self, draft: &Draft) -> Result<PromotionPhase, Stop> {
        self.commands.close();
        let now = self.parts.world.now();
        let phase = draft
            .edit(|p| {
                let status = p.status.get_or_insert_default();
                let (phase, message) = progress::conclude(&p.spec, status);
                progress::end(status, phase, &message, now);
                phase
            })
            .await;
        point!("run.conclude");
        draft.store().await?;
        point!("run.concluded");
        let promotion = draft.get().await;
        self.forget(&promotion).await;
        point!("run.forgotten");
        self.announce(&promotion).await;
        Ok(phase)
    }

    /// Ends the run early.
    async fn stop(&self, draft: &Draft, stop: Stop) -> Ending {
        let now = self.parts.world.now();
        self.commands.close();
        match stop {
            Stop::Over => {
                self.forget(draft.get().await.as_ref()).await;
                Ending::Over
            }
            Stop::Taken => Ending::Stopped("somebody else writes the Promotion's status"),
            Stop::Ending => Ending::Stopped("the process ends"),
            Stop::Abort(actor) => {
                draft.edit(|p| progress::abort(&p.spec, p.status.get_or_insert_default(), &actor, now)).await;
                self.store_end(draft).await
            }
            Stop::Broken(message) => {
                draft
                    .edit(|p| {
                        let status = p.status.get_or_insert_default();
                        progress::end(status, PromotionPhase::Errored, &message, now);
                    })
                    .await;
                self.store_end(draft).await
            }
        }
    }

    async fn store_end(&self, draft: &Draft) -> Ending {
        let stored = match draft.store().await {
            Err(Stop::Broken(why)) => draft.store_bare(&why).await,
            other => other,
        };
        let promotion = draft.get().await;
        match (stored, promotion.phase()) {
            (Ok(()), Some(phase)) => {
                self.forget(&promotion).await;
                self.announce(&promotion).await;
                Ending::Ended(phase)
            }
            (Err(Stop::Over), _) => {
                self.forget(&promotion).await;
                Ending::Over
            }
            _ => Ending::Stopped("the end could not be stored"),
        }
    }

    /// What somebody asked for since the last look: an end, or the refresh token to take note of.
    async fn obey(&self, draft: &Draft) -> Result<(), Stop> {
        if let Some(stop) = self.commands.stop() {
            return Err(stop);
        }
        draft.heed().await?;
        if self.parts.draining.load(Ordering::SeqCst) {
            return Err(Stop::Ending);
        }
        draft
            .edit(|p| {
                let token = rules::refresh_token(p);
                let status = p.status.get_or_insert_default();
                status.last_handled_refresh = token.or(status.last_handled_refresh.take());
            })
            .await;
        Ok(())
    }

    /// Removes the work directory, which may be large.
    async fn forget(&self, promotion: &Promotion) {
        let (work, name) = (self.parts.work.clone(), directory_name(promotion));
        let promotion = self.key.name.clone();
        let remove = move || {
            if let Err(error) = work.remove(&name) {
                tracing::warn!(promotion, %error, "work directory not removed");
            }
        };
        self.parts.world.aside(Box::new(remove)).await;
    }

    async fn announce(&self, promotion: &Promotion) {
        let reason = match promotion.phase() {
            Some(PromotionPhase::Succeeded) => "PromotionSucceeded",
            Some(PromotionPhase::Failed) => "PromotionFailed",
            Some(PromotionPhase::Errored) => "PromotionErrored",
            Some(PromotionPhase::Aborted) => "PromotionAborted",
            _ => return,
        };
        let message = promotion.status.as_ref().map(|s| s.message.clone()).unwrap_or_default();
        let message = if message.is_empty() { "Promotion succeeded".to_owned() } else { message };
        self.tell(promotion, reason, message).await;
    }

    async fn tell(&self, promotion: &Promotion, reason: &'static str, message: String) {
        let actor = rules::actor(promotion).unwrap_or("controller:promotion-controller").to_owned();
        let warning = reason != "PromotionSucceeded";
        self.parts.world.tell(promotion, Happening { reason, message, actor, warning }).await;
    }
}

fn span(promotion: &Promotion, index: usize) -> tracing::Span {
    let alias = promotion.spec.steps.get(index).map(|s| progress::alias(s, index)).unwrap_or_default();
    tracing::info_span!("step", stage = promotion.spec.stage, step = alias, index)
}

/// How often a step may be woken without a pause.
const FREE_LOOKS: u32 = 16;

/// A step that is woken again and again (two Stages that pull one Application to and fro) listens less and less.
fn pause_before_listening(looks: u32) -> Duration {
    Duration::from_millis(100).saturating_mul(looks.saturating_sub(FREE_LOOKS)).min(Duration::from_secs(5))
}

/// A status that somebody edited so that nobody knows what was done: nothing is done on top of it.
fn consistent(promotion: &Promotion) -> Result<(), Stop> {
    let status = promotion.status.clone().unwrap_or_default();
    match progress::contradiction(&promotion.spec, &status) {
        None => Ok(()),
        Some(why) => Err(Stop::Broken(format!(
            "StatusContradictory: {why}: somebody else wrote the status; look at what was done, then promote again"
        ))),
    }
}

fn next(promotion: &mut Promotion) -> Task {
    match progress::next(&promotion.spec, promotion.status.get_or_insert_default()) {
        Next::Gate { index, condition } => Task::Gate(index, condition.to_owned()),
        Next::Run { index } => Task::Run(index),
        Next::Conclude => Task::Conclude,
    }
}

fn directory_name(promotion: &Promotion) -> String {
    promotion.metadata.uid.clone().or_else(|| promotion.metadata.name.clone()).unwrap_or_default()
}

impl Commands {
    /// Sleeps until something wakes the run; without a `wake` only its end does.
    async fn sleep(&self, world: &dyn crate::World, after: Duration, wake: Option<Wake>) {
        if after.is_zero() {
            return;
        }
        let woken = async {
            match wake {
                Some(wake) => self.waiting_for(wake).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = woken => {}
            _ = self.stopped() => {}
            () = world.sleep(after) => {}
        }
        self.not_waiting();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the future of a function takes.
    fn room<A, F>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_run_that_waits_is_small() {
        let taken = room(Run::run);
        assert!(taken <= 2560, "{taken} bytes: what happens once belongs into a box");
    }
}
