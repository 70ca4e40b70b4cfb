//! A world in memory that survives the processes living in it, and can end a process at a numbered point.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ferry_api::{ClusterConfig, Freight, Promotion, Stage};
use ferry_engine::world::{CredentialType, Error, Happening, PromotionKey, World};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// What outlives a process: what is stored.
#[derive(Default)]
pub struct Stored {
    pub promotions: Mutex<BTreeMap<String, Promotion>>,
    pub stages: Mutex<BTreeMap<String, Stage>>,
    pub freight: Mutex<BTreeMap<String, Freight>>,
    pub happenings: Mutex<Vec<&'static str>>,
    pub status_writes: AtomicUsize,
    /// The next status writes are stored and not answered.
    pub unanswered: AtomicUsize,
    /// Questions that are not answered before it works again.
    pub silence: AtomicUsize,
    /// By how many seconds the clock is ahead of what has passed.
    pub ahead: AtomicI64,
}

impl Stored {
    pub fn promotion(&self, name: &str) -> Promotion {
        self.promotions.lock().get(name).cloned().expect("stored")
    }

    /// Changes metadata from outside, as a user would.
    pub fn annotate(&self, name: &str, key: &str, value: &str) {
        let mut all = self.promotions.lock();
        let promotion = all.get_mut(name).expect("stored");
        promotion.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        bump(promotion);
    }

    /// Changes the status from outside, as nobody should.
    pub fn meddle(&self, name: &str) {
        let mut all = self.promotions.lock();
        let promotion = all.get_mut(name).expect("stored");
        promotion.status.get_or_insert_default().message = "somebody was here".into();
        bump(promotion);
    }

    /// Deletes it, out of band.
    pub fn delete(&self, name: &str) {
        self.promotions.lock().remove(name);
    }

    fn is_silent(&self) -> bool {
        spend(&self.silence)
    }
}

fn spend(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

fn bump(promotion: &mut Promotion) {
    let version = promotion.metadata.resource_version.as_deref().unwrap_or("0").parse::<u64>().unwrap();
    promotion.metadata.resource_version = Some((version + 1).to_string());
}

type Deed = Box<dyn FnOnce() + Send>;

/// Where a process dies, or what else happens: at the n-th point it comes to.
#[derive(Default)]
pub struct Death {
    at: Option<usize>,
    deed: Mutex<Option<(usize, Deed)>>,
    passed: AtomicUsize,
    died: Notify,
}

impl Death {
    pub fn at(point: Option<usize>) -> Arc<Self> {
        Arc::new(Self { at: point, ..Self::default() })
    }

    /// At the n-th point this happens, and the process goes on.
    pub fn happens_at(&self, point: usize, deed: impl FnOnce() + Send + 'static) {
        *self.deed.lock() = Some((point, Box::new(deed)));
    }

    /// A point. Where the process is to die it never returns.
    pub async fn point(&self) {
        let n = self.passed.fetch_add(1, Ordering::SeqCst);
        let due = self.deed.lock().take_if(|(at, _)| n >= *at);
        if let Some((_, deed)) = due {
            deed();
            // Whoever is told of it may act before this goes on.
            tokio::task::yield_now().await;
        }
        if self.at.is_some_and(|at| n >= at) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    pub async fn died(&self) {
        self.died.notified().await;
    }

    pub fn points(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

/// One process' view of what is stored.
pub struct SimWorld {
    pub stored: Arc<Stored>,
    pub death: Arc<Death>,
    /// Whether this process holds its Lease.
    pub may_write: Arc<AtomicBool>,
    tasks: Mutex<Vec<AbortHandle>>,
    started: tokio::time::Instant,
}

impl SimWorld {
    pub fn new(stored: Arc<Stored>, death: Arc<Death>) -> Arc<Self> {
        let started = tokio::time::Instant::now();
        Arc::new(Self {
            stored,
            death,
            may_write: Arc::new(AtomicBool::new(true)),
            tasks: Mutex::default(),
            started,
        })
    }

    /// Ends the process at once: nothing of it runs any more.
    pub fn kill(&self) {
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }
}

#[async_trait]
impl World for SimWorld {
    async fn promotion(&self, key: &PromotionKey) -> Result<Option<Promotion>, Error> {
        self.death.point().await;
        if self.stored.is_silent() {
            return Err(Error::Unavailable("no answer".into()));
        }
        Ok(self.stored.promotions.lock().get(&key.name).cloned())
    }

    async fn write_status(&self, promotion: &Promotion) -> Result<Promotion, Error> {
        self.death.point().await;
        if self.stored.is_silent() {
            return Err(Error::Unavailable("no answer".into()));
        }
        let stored = {
            let mut all = self.stored.promotions.lock();
            let name = promotion.metadata.name.clone().unwrap();
            let Some(current) = all.get_mut(&name) else { return Err(Error::Gone(name)) };
            if current.metadata.resource_version != promotion.metadata.resource_version {
                return Err(Error::Conflict(name));
            }
            // As over the wire: what is stored is the JSON.
            let status = serde_json::to_value(&promotion.status).unwrap();
            current.status = serde_json::from_value(status).unwrap();
            bump(current);
            current.clone()
        };
        self.stored.status_writes.fetch_add(1, Ordering::SeqCst);
        self.death.point().await;
        if spend(&self.stored.unanswered) {
            return Err(Error::Unavailable("no answer".into()));
        }
        Ok(stored)
    }

    async fn stage(&self, _: &str, name: &str) -> Result<Option<Stage>, Error> {
        if self.stored.is_silent() {
            return Err(Error::Unavailable("no answer".into()));
        }
        Ok(self.stored.stages.lock().get(name).cloned())
    }

    async fn freight(&self, _: &str, name: &str) -> Result<Option<Freight>, Error> {
        Ok(self.stored.freight.lock().get(name).cloned())
    }

    async fn warehouse_subscriptions(&self, _: &str, _: &str) -> Result<Option<Vec<Value>>, Error> {
        Ok(None)
    }

    async fn config_map(&self, _: &str, _: &str) -> Result<Option<ConfigMap>, Error> {
        Ok(None)
    }

    async fn cluster_config(&self) -> Result<Option<ClusterConfig>, Error> {
        Ok(None)
    }

    async fn secret(&self, _: &str, _: &str) -> Result<Option<Secret>, Error> {
        Ok(None)
    }

    async fn credentials(&self, _: &str, _: CredentialType) -> Result<Vec<Secret>, Error> {
        Ok(Vec::new())
    }

    fn now(&self) -> Timestamp {
        let since = tokio::time::Instant::now().duration_since(self.started);
        let ahead = self.stored.ahead.load(Ordering::SeqCst);
        Timestamp::from_second(1_900_000_000 + ahead).unwrap().checked_add(since).unwrap()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().push(tokio::spawn(task).abort_handle());
    }

    async fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    async fn sleep(&self, duration: Duration) {
        // The clock is paused: this takes no time.
        tokio::time::sleep_until(tokio::time::Instant::now() + duration).await;
    }

    fn may_write_for(&self, _: Duration) -> bool {
        self.may_write.load(Ordering::SeqCst)
    }

    async fn tell(&self, _: &Promotion, happening: Happening) {
        self.stored.happenings.lock().push(happening.reason);
    }
}
