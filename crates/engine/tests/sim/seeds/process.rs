//! A process that lives in the house: its view of it, and what befalls it at the points it comes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ferry_api::names::annotation;
use ferry_api::{ClusterConfig, Freight, Promotion, Stage};
use ferry_engine::world::{CredentialType, Error, Happening, PromotionKey, World};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::house::House;

/// How a process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// At once. Its work directories may be lost with it.
    Killed { loses_directories: bool },
    /// It is told to end, and has so long.
    Told { grace: Duration },
    /// Its Lease runs out, another process takes over, and it does not know.
    Replaced,
}

pub struct Process {
    pub house: Arc<House>,
    pub fate: Mutex<Option<Fate>>,
    pub fallen: Notify,
    dead: AtomicBool,
    may_write: AtomicBool,
    silent_until: Mutex<Instant>,
    /// So many writes are stored and not answered.
    unanswered: Mutex<u32>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Process {
    pub fn new(house: &Arc<House>) -> Arc<Self> {
        Arc::new(Self {
            house: house.clone(),
            fate: Mutex::default(),
            fallen: Notify::new(),
            dead: AtomicBool::new(false),
            may_write: AtomicBool::new(true),
            silent_until: Mutex::new(Instant::now()),
            unanswered: Mutex::new(0),
            tasks: Mutex::default(),
        })
    }

    /// Nothing of it goes on.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }

    /// Returns as long as it lives.
    pub async fn lives(&self) {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// A point: something may befall it here. Where it is killed this never returns.
    pub async fn point(&self, place: &str) {
        if let Some(fault) = self.draw() {
            self.house.note(format_args!("fault at {place}: {fault:?}"));
            self.befall(fault);
        }
        self.lives().await;
        // Whoever else is ready goes first now and then.
        if self.house.dice.lock().percent(10) {
            tokio::task::yield_now().await;
        }
    }

    fn draw(&self) -> Option<u64> {
        let mut faults = self.house.faults.lock();
        let mut dice = self.house.dice.lock();
        if *faults == 0 || !dice.percent(7) {
            return None;
        }
        *faults -= 1;
        Some(dice.below(18))
    }

    fn befall(&self, fault: u64) {
        let house = &self.house;
        house.disturbed(Instant::now());
        let seconds = |end: u64| Duration::from_secs(house.dice.lock().below(end));
        let someone = || house.any(&house.promotions);
        match fault {
            0..=4 => self.falls(Fate::Killed { loses_directories: fault == 4 }),
            5 => self.falls(Fate::Told { grace: seconds(12) }),
            6 => self.falls(Fate::Replaced),
            7 | 8 => {
                let until = Instant::now() + seconds(90);
                house.disturbed(until);
                *self.silent_until.lock() = until;
            }
            9 | 10 => *self.unanswered.lock() += 1,
            11 => {
                let token = house.dice.lock().below(1 << 32).to_string();
                someone().inspect(|name| house.annotate(name, annotation::REFRESH, &token));
            }
            12 => drop(someone().inspect(|name| house.ask_for_the_end(name))),
            13 => {
                let deletes = house.dice.lock().percent(50);
                let Some(name) = first_open(house) else { return };
                let how = house.dice.lock().below(6);
                if deletes { house.delete(&name) } else { house.edit(&name, how) }
            }
            14 => house.jump(seconds(100_000)),
            15 => drop(house.any(&house.freight).inspect(|name| house.lose_freight(name))),
            16 => {
                let (stage, after) = (house.any(&house.stages), seconds(60));
                stage.inspect(|name| house.lose_stage(name, after));
            }
            _ => house.lose_project(seconds(60)),
        }
    }

    fn falls(&self, fate: Fate) {
        match fate {
            Fate::Killed { .. } => self.dead.store(true, Ordering::SeqCst),
            Fate::Replaced => self.may_write.store(false, Ordering::SeqCst),
            Fate::Told { .. } => {}
        }
        self.fate.lock().get_or_insert(fate);
        self.fallen.notify_one();
    }

    fn answers(&self) -> Result<(), Error> {
        let is_silent = Instant::now() < *self.silent_until.lock();
        if is_silent { Err(Error::Unavailable("no answer".into())) } else { Ok(()) }
    }
}

/// The first that has not ended.
fn first_open(house: &House) -> Option<String> {
    let all = house.promotions.lock();
    all.iter().find(|(_, p)| !p.is_terminal()).map(|(name, _)| name.clone())
}

#[async_trait]
impl World for Process {
    async fn promotion(&self, key: &PromotionKey) -> Result<Option<Promotion>, Error> {
        self.point("read").await;
        self.answers()?;
        Ok(self.house.promotions.lock().get(&key.name).cloned())
    }

    async fn write_status(&self, promotion: &Promotion) -> Result<Promotion, Error> {
        self.point("write").await;
        self.answers()?;
        let name = promotion.metadata.name.clone().unwrap();
        let stored = match self.house.write(&name, promotion) {
            None => return Err(Error::Gone(name)),
            Some(Err(())) => return Err(Error::Conflict(name)),
            Some(Ok(stored)) => stored,
        };
        self.point("written").await;
        let mut unanswered = self.unanswered.lock();
        if *unanswered > 0 {
            *unanswered -= 1;
            return Err(Error::Unavailable("no answer".into()));
        }
        Ok(stored)
    }

    async fn stage(&self, _: &str, name: &str) -> Result<Option<Stage>, Error> {
        self.answers()?;
        Ok(self.house.stages.lock().get(name).cloned())
    }

    async fn freight(&self, _: &str, name: &str) -> Result<Option<Freight>, Error> {
        self.answers()?;
        Ok(self.house.freight.lock().get(name).cloned())
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
        self.house.now()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if !self.dead.load(Ordering::SeqCst) {
            self.tasks.lock().push(tokio::spawn(task).abort_handle());
        }
    }

    async fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        self.point("aside").await;
        work();
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn may_write_for(&self, _: Duration) -> bool {
        self.may_write.load(Ordering::SeqCst)
    }

    async fn tell(&self, promotion: &Promotion, happening: Happening) {
        self.house.note(format_args!("event {:?} {}", promotion.metadata.name, happening.reason));
    }
}
