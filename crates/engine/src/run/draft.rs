//! The Promotion as its run has it, and how it is stored: each write a compare-and-swap on what was stored before.

use std::sync::Arc;
use std::time::Duration;

use ferry_api::Promotion;
use ferry_api::promotion::{PromotionPhase, PromotionStatus};
use ferry_failpoint::broken;
use ferry_planner::promotion as rules;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Commands, Stop};
use crate::evaluate::Facts;
use crate::world::{Error, PromotionKey, World};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often it is looked whether this process may change things outside again.
const AUTHORITY_PAUSE: Duration = Duration::from_millis(500);

/// The Promotion as its run has it.
pub(crate) struct Draft {
    world: Arc<dyn World>,
    key: PromotionKey,
    commands: Arc<Commands>,
    inner: Mutex<Inner>,
    /// What expressions use of the Stage and the Freight, if it is known.
    facts: parking_lot::Mutex<Option<Arc<Facts>>>,
}

struct Inner {
    /// Shared with who reads it; changed in a copy while anybody does.
    promotion: Arc<Promotion>,
    /// The status as it is stored: what another writer would have changed.
    stored: Print,
    /// A status that was sent and whose answer nobody waited for: it may be what is stored.
    sent: Option<Print>,
    /// When it was stored last.
    stored_at: Option<Instant>,
}

impl Draft {
    /// Reads the Promotion, never from a cache.
    pub(super) async fn read(
        world: &Arc<dyn World>,
        key: &PromotionKey,
        commands: &Arc<Commands>,
    ) -> Result<Self, Stop> {
        let found = patiently(world, commands, || world.promotion(key)).await?;
        let promotion = Arc::new(found.ok_or(Stop::Over)?);
        let stored = print(promotion.status.as_ref());
        let inner = Mutex::new(Inner { promotion, stored, sent: None, stored_at: None });
        Ok(Self {
            world: world.clone(),
            key: key.clone(),
            commands: commands.clone(),
            inner,
            facts: parking_lot::Mutex::default(),
        })
    }

    /// What expressions use of the Stage and the Freight. Fetched once, and again after something may have changed it:
    /// either may be large, and steps that work in the directory alone change neither.
    pub(super) async fn facts(&self, promotion: &Promotion) -> Result<Arc<Facts>, Error> {
        if let Some(known) = self.facts.lock().clone() {
            return Ok(known);
        }
        let facts = Facts::fetch(self.world.as_ref(), promotion).await?;
        Ok(self.learn(Some(facts)).unwrap_or_default())
    }

    /// Takes note of what expressions use; none forgets it.
    pub(super) fn learn(&self, facts: Option<Facts>) -> Option<Arc<Facts>> {
        let facts = facts.map(Arc::new);
        self.facts.lock().clone_from(&facts);
        facts
    }

    /// The Project.
    pub(super) fn project(&self) -> &str {
        &self.key.project
    }

    /// As it is now. Who holds it while it is changed makes the change a copy.
    pub(crate) async fn get(&self) -> Arc<Promotion> {
        self.inner.lock().await.promotion.clone()
    }

    /// Changes it; [`Draft::store`] makes the change last.
    pub(super) async fn edit<R>(&self, change: impl FnOnce(&mut Promotion) -> R) -> R {
        change(self.inner.lock().await.change())
    }

    /// Changes it and stores the change in one breath.
    pub(super) async fn edit_and_store<R>(
        &self,
        change: impl FnOnce(&mut Promotion) -> R,
    ) -> Result<R, Stop> {
        let mut inner = self.inner.lock().await;
        let result = change(inner.change());
        self.write(&mut inner).await.map(|()| result)
    }

    /// Reads the Promotion again: what was asked for in its metadata, and whether its status is still ours.
    pub(super) async fn refresh(&self) -> Result<(), Stop> {
        let mut inner = self.inner.lock().await;
        let fresh = self.fresh(&inner).await?;
        let theirs = print(fresh.status.as_ref());
        if theirs != inner.stored && Some(&theirs) != inner.sent.as_ref() {
            return Err(Stop::Taken);
        }
        inner.stored = theirs;
        inner.change().metadata = fresh.metadata;
        Ok(())
    }

    /// What the metadata, as it is known, asks for: an end, or nothing more at all.
    pub(super) async fn heed(&self) -> Result<(), Stop> {
        let inner = self.inner.lock().await;
        if inner.promotion.metadata.deletion_timestamp.is_some() {
            return Err(Stop::Over);
        }
        let request = rules::abort_request(&inner.promotion).filter(|_| !broken!("abort"));
        request.map_or(Ok(()), |actor| Err(Stop::Abort(actor)))
    }

    /// Whether this process may change things outside for so long.
    pub(super) fn has_authority(&self, margin: Duration) -> bool {
        self.world.may_write_for(margin) || broken!("authority")
    }

    /// Waits until this process may change things outside for so long.
    pub(super) async fn authority(&self, margin: Duration) -> Result<(), Stop> {
        while !self.has_authority(margin) {
            tracing::warn!(
                promotion = self.key.name,
                "the Lease runs out; nothing is changed until it is renewed"
            );
            tokio::select! {
                biased;
                () = self.world.sleep(AUTHORITY_PAUSE) => {}
                stop = self.commands.stopped() => return Err(stop),
            }
        }
        Ok(())
    }

    /// The Promotion as it is stored now, if it is still the same.
    async fn fresh(&self, inner: &Inner) -> Result<Promotion, Stop> {
        let found = patiently(&self.world, &self.commands, || self.world.promotion(&self.key)).await?;
        found.filter(|p| p.metadata.uid == inner.promotion.metadata.uid).ok_or(Stop::Over)
    }

    /// Whether it was stored not longer ago than this.
    pub(super) async fn is_fresh(&self, within: Duration) -> bool {
        self.inner.lock().await.stored_at.is_some_and(|at| at.elapsed() < within)
    }

    /// Stores the status, if it differs from what is stored.
    pub(super) async fn store(&self) -> Result<(), Stop> {
        let mut inner = self.inner.lock().await;
        self.write(&mut inner).await
    }

    /// Stores an Errored end without what made the status unacceptable.
    pub(super) async fn store_bare(&self, why: &str) -> Result<(), Stop> {
        let mut inner = self.inner.lock().await;
        let status = inner.change().status.get_or_insert_default();
        let message = format!("error updating status: {why}");
        let bare = PromotionStatus {
            phase: Some(PromotionPhase::Errored),
            message: ferry_api::conditions::truncate_message(&message).to_owned(),
            started_at: status.started_at.clone(),
            finished_at: status.finished_at.clone(),
            freight: status.freight.clone(),
            freight_collection: status.freight_collection.clone(),
            current_step: status.current_step,
            ..PromotionStatus::default()
        };
        *status = bare;
        self.write(&mut inner).await
    }

    async fn write(&self, inner: &mut Inner) -> Result<(), Stop> {
        let wanted = print(inner.promotion.status.as_ref());
        if wanted == inner.stored {
            return Ok(());
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let before = inner.sent.replace(wanted);
            match self.world.write_status(&inner.promotion).await {
                Ok(stored) => {
                    inner.adopt(stored);
                    return Ok(());
                }
                Err(Error::Conflict(_)) => {
                    let fresh = self.fresh(inner).await?;
                    let theirs = print(fresh.status.as_ref());
                    if theirs == wanted {
                        inner.adopt(fresh);
                        return Ok(());
                    }
                    let is_foreign = theirs != inner.stored && Some(&theirs) != before.as_ref();
                    if is_foreign && !broken!("swap") {
                        return Err(Stop::Taken);
                    }
                    // Only metadata changed: a refresh, an abort, a label. Or what we sent had arrived.
                    inner.change().metadata = fresh.metadata;
                    inner.stored = theirs;
                }
                Err(Error::Gone(_)) => return Err(Stop::Over),
                Err(Error::Invalid(why)) => return Err(Stop::Broken(why)),
                Err(Error::Unavailable(why)) => {
                    tracing::warn!(promotion = self.key.name, why, "status not stored, trying again");
                    rest(&self.world, &self.commands, &mut pause).await?;
                }
            }
        }
    }
}

impl Inner {
    fn change(&mut self) -> &mut Promotion {
        Arc::make_mut(&mut self.promotion)
    }

    fn adopt(&mut self, stored: Promotion) {
        self.stored = print(stored.status.as_ref());
        self.sent = None;
        self.stored_at = Some(Instant::now());
        self.promotion = Arc::new(stored);
    }
}

/// A status in few bytes, by which statuses are compared.
type Print = [u8; 32];

/// Of the JSON form: times in it have the precision that is stored.
fn print(status: Option<&PromotionStatus>) -> Print {
    let mut digest = Sha256::new();
    // A digest takes all bytes, and a status is always JSON: it came as JSON, or is made of what does.
    let _always = serde_json::to_writer(&mut digest, &status);
    digest.finalize().into()
}

/// Asks the world again and again until it answers, or the run must come to its end.
pub(super) async fn patiently<T, F>(
    world: &Arc<dyn World>,
    commands: &Arc<Commands>,
    mut ask: impl FnMut() -> F,
) -> Result<T, Stop>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(Error::Gone(_)) => return Err(Stop::Over),
            Err(Error::Invalid(why)) => return Err(Stop::Broken(why)),
            Err(error @ (Error::Conflict(_) | Error::Unavailable(_))) => {
                tracing::warn!(%error, "no answer, asking again");
                rest(world, commands, &mut pause).await?;
            }
        }
    }
}

async fn rest(world: &Arc<dyn World>, commands: &Arc<Commands>, pause: &mut Duration) -> Result<(), Stop> {
    tokio::select! {
        biased;
        () = world.sleep(*pause) => {}
        stop = commands.stopped() => return Err(stop),
    }
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    Ok(())
}
