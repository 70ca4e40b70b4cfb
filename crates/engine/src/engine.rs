//! The runs of this process: at most one a Promotion, each a task of its own.
//!
//! Controllers start runs, tell them that something changed, and ask them to end; a run alone writes its
//! Promotion's status while it lives.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::Services;
use crate::context::Settings;
use crate::run::{Commands, Ending, Run};
use crate::slots::Slots;
use crate::step::Registry;
use crate::work::WorkRoot;
use crate::world::{PromotionKey, World};

/// How much may go on at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps at work. A waiting one does not count.
    pub steps_at_work: usize,
    /// Of them, those of one Project.
    pub steps_at_work_per_project: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps_at_work: 64, steps_at_work_per_project: 32 }
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
    pub slots: Slots,
    pub draining: Arc<AtomicBool>,
}

/// The runs of this process.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    runs: Mutex<BTreeMap<PromotionKey, Arc<Commands>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    ended: Notify,
    hears: OnceLock<Hears>,
}

type Hears = Box<dyn Fn(&PromotionKey, bool) + Send + Sync>;

/// A run that lives. When it is over, however that came, its Promotion is free again.
struct Live {
    inner: Arc<Inner>,
    key: PromotionKey,
    has_ended: bool,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.inner.runs.lock().remove(&self.key);
        metrics::gauge!("ferry_runs_live").decrement(1.0);
        self.inner.ended.notify_waiters();
        if let Some(hears) = self.inner.hears.get() {
            hears(&self.key, self.has_ended);
        }
    }
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
            slots: Slots::new(limits),
            draining: Arc::new(AtomicBool::new(false)),
        };
        Self(Arc::new(Inner {
            parts,
            runs: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            ended: Notify::new(),
            hears: OnceLock::new(),
        }))
    }

    /// Who hears of each run that is over, and whether its Promotion has ended: where it has not, somebody must go on.
    /// Only the first call counts.
    pub fn when_over(&self, hears: impl Fn(&PromotionKey, bool) + Send + Sync + 'static) {
        let _first = self.0.hears.set(Box::new(hears));
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
        let mut live = Live { inner: inner.clone(), key: key.clone(), has_ended: false };
        let task = async move {
            let run = || Run::new(inner.parts.clone(), key.clone(), commands.clone());
            let ending = match AssertUnwindSafe(run().run()).catch_unwind().await {
                Ok(ending) => ending,
                Err(_) => Box::pin(run().give_up("the run panicked; please report this")).await,
            };
            live.has_ended = matches!(ending, Ending::Ended(_) | Ending::Over);
            drop(live);
            // Nobody can tell the run any more. What it did not know when it ended is seen to here.
            if let Some(uid) = commands.gone_uid() {
                let work = inner.parts.work.clone();
                let remove =
                    move || drop(work.remove(&uid).inspect_err(|error| tracing::warn!(uid, %error, "left")));
                inner.parts.world.aside(Box::new(remove)).await;
            }
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

    /// Ends a run because its Promotion (its uid) is gone or going; nothing is left of it afterwards. Answers whether
    /// there was a run.
    pub fn gone(&self, key: &PromotionKey, uid: &str) -> bool {
        self.0.runs.lock().get(key).is_some_and(|commands| {
            commands.gone(uid);
            true
        })
    }

    /// Wakes the runs that wait for this Application.
    pub fn application_changed(&self, namespace: &str, name: &str) {
        for commands in self.0.runs.lock().values() {
            commands.application_changed(namespace, name);
        }
    }

    /// Removes what is left of a Promotion (its uid) that is gone or has ended, and for which nothing runs.
    pub fn forget(&self, uid: &str) -> Result<(), crate::work::Error> {
        self.0.parts.work.remove(uid)
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
            biased;
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
        Ending::Over => tracing::info!("the Promotion is gone or had ended"),
        Ending::Stopped(why) => tracing::info!(why, "run stopped"),
    }
}
