//! The runs of this process: at most one a Promotion, each a task of its own.
//!
//! Controllers start runs, tell them that something changed, and ask them to end; a run alone writes its
//! Promotion's status while it lives.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::Services;
use crate::context::Settings;
use crate::run::{Commands, Ending, Run};
use crate::step::{Registry, Wake};
use crate::work::WorkRoot;
use crate::world::{PromotionKey, World};

/// How much may go on at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps at work. A waiting one does not count.
    pub steps_at_work: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps_at_work: 32 }
    }
}

/// What a run is made of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub world: Arc<dyn World>,
    pub registry: Arc<Registry>,
    pub services: Services,
    pub settings: Arc<Settings>,
    pub work: WorkRoot,
    pub slots: Arc<Semaphore>,
    pub draining: Arc<AtomicBool>,
}

/// The runs of this process.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    runs: Mutex<HashMap<PromotionKey, Arc<Commands>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    ended: Notify,
}

impl Engine {
    /// An engine without runs.
    pub fn new(
        world: Arc<dyn World>,
        registry: Registry,
        services: Services,
        settings: Settings,
        work: WorkRoot,
        limits: Limits,
    ) -> Self {
        let parts = Parts {
            world,
            registry: Arc::new(registry),
            services,
            settings: Arc::new(settings),
            work,
            slots: Arc::new(Semaphore::new(limits.steps_at_work.max(1))),
            draining: Arc::new(AtomicBool::new(false)),
        };
        Self(Arc::new(Inner {
            parts,
            runs: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            ended: Notify::new(),
        }))
    }

    /// Runs a Promotion from where it stands, unless it runs already. Answers whether a run began.
    pub fn start(&self, key: PromotionKey) -> bool {
        if self.0.parts.draining.load(Ordering::SeqCst) {
            return false;
        }
        let commands = {
            let mut runs = self.0.runs.lock();
            if runs.contains_key(&key) {
                return false;
            }
            let commands = Arc::new(Commands::new(self.0.stop.child_token()));
            runs.insert(key.clone(), commands.clone());
            commands
        };
        let inner = self.0.clone();
        let span = tracing::info_span!("run", project = key.project, promotion = key.name);
        let task = async move {
            let run = Run::new(inner.parts.clone(), key.clone(), commands);
            let ending = run.run().await;
            inner.runs.lock().remove(&key);
            metrics::gauge!("ferry_runs_live").decrement(1.0);
            inner.ended.notify_waiters();
            log(&ending);
        };
        let task = task.instrument(span);
        metrics::gauge!("ferry_runs_live").increment(1.0);
        self.0.parts.world.spawn(Box::pin(self.0.tasks.track_future(task)));
        true
    }

    /// Whether a run of this Promotion lives.
    pub fn is_live(&self, key: &PromotionKey) -> bool {
        self.0.runs.lock().contains_key(key)
    }

    /// How many runs live.
    pub fn live(&self) -> usize {
        self.0.runs.lock().len()
    }

    /// Makes a waiting run look again at once.
    pub fn wake(&self, key: &PromotionKey) {
        if let Some(commands) = self.0.runs.lock().get(key) {
            commands.wake();
        }
    }

    /// Ends a run because somebody asked for it. Answers whether there was one.
    pub fn abort(&self, key: &PromotionKey, actor: &str) -> bool {
        self.0.runs.lock().get(key).is_some_and(|commands| {
            commands.abort(actor);
            true
        })
    }

    /// Wakes the runs that wait for this Application.
    pub fn application_changed(&self, namespace: &str, name: &str) {
        let waits = |wake: &Wake| {
            wake.applications.iter().any(|(ns, n)| ns == namespace && n == name)
                || wake.application_namespaces.iter().any(|ns| ns == namespace)
        };
        for commands in self.0.runs.lock().values() {
            commands.wake_if(waits);
        }
    }

    /// Removes what is left of Promotions that are gone or have ended.
    pub fn remove_leftovers(&self, keep: &dyn Fn(&str) -> bool) -> Result<usize, crate::work::Error> {
        let mut removed = 0;
        for uid in self.0.parts.work.list()? {
            if !keep(&uid) {
                self.0.parts.work.remove(&uid)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Starts no further step and returns when the ones at work are through, or after `grace`, when they are ended
    /// with their children. Everything can be resumed.
    pub async fn shut_down(&self, grace: Duration) {
        self.0.parts.draining.store(true, Ordering::SeqCst);
        self.0.tasks.close();
        for commands in self.0.runs.lock().values() {
            commands.wake();
        }
        tokio::select! {
            () = self.0.tasks.wait() => {}
            () = self.0.parts.world.sleep(grace) => {}
        }
        self.0.stop.cancel();
        self.0.tasks.wait().await;
    }

    /// Returns when the run of this Promotion is over, at once where there is none.
    pub async fn wait(&self, key: &PromotionKey) {
        loop {
            let ended = self.0.ended.notified();
            if !self.is_live(key) {
                return;
            }
            ended.await;
        }
    }
}

fn log(ending: &Ending) {
    match ending {
        Ending::Ended(phase) => {
            metrics::counter!("ferry_promotions_total", "phase" => phase.as_str()).increment(1);
            tracing::info!(phase = phase.as_str(), "Promotion ended");
        }
        Ending::Stopped(why) => tracing::info!(why, "run stopped"),
    }
}
