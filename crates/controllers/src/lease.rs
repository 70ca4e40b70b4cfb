//! Leadership by a Kubernetes Lease: of several processes on one cluster one is active.
//!
//! The holder renews well before the end; a process that could not renew in time loses its authority by its own
//! clock before another may take over by the Lease's.

use std::sync::Arc;
use std::time::Duration;

use ferry_api::names::label;
use ferry_engine::world::{Authority, Error, answered};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use parking_lot::RwLock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the Lease is called and how long it holds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// Who we are: unique among the processes.
    pub holder: String,
    /// How long it holds after a renewal.
    pub holds: Duration,
    /// How much clocks may differ.
    pub skew: Duration,
}

impl Settings {
    /// The usual ones.
    pub fn new(namespace: impl Into<String>, holder: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: "kargo-controller-unnamed".to_owned(),
            holder: holder.into(),
            holds: Duration::from_secs(30),
            skew: Duration::from_secs(2),
        }
    }
}

/// A Lease, held or wanted.
pub struct Lease {
    api: Api<Object>,
    settings: Settings,
    /// Until when we hold it, by our own clock; none while we do not.
    until: Arc<RwLock<Option<Instant>>>,
}

struct Held(Arc<RwLock<Option<Instant>>>);

impl Authority for Held {
    fn lasts(&self, duration: Duration) -> bool {
        self.0.read().is_some_and(|until| Instant::now() + duration < until)
    }
}

impl Lease {
    /// Wants the Lease.
    pub fn new(client: kube::Client, settings: Settings) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Self { api, settings, until: Arc::default() }
    }

    /// What the engine asks before each effect.
    pub fn authority(&self) -> Arc<dyn Authority> {
        Arc::new(Held(self.until.clone()))
    }

    /// Returns when the Lease is ours, or at `stop`.
    pub async fn acquire(&self, stop: &CancellationToken) -> bool {
        let pause = self.settings.holds / 10;
        loop {
            match self.try_hold().await {
                Ok(true) => return true,
                Ok(false) => tracing::debug!("another process holds the Lease"),
                Err(error) => tracing::warn!(%error, "the Lease could not be read or written"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return false,
            }
        }
    }

    /// Renews until `stop`, then gives the Lease up. Returns early when it is lost.
    pub async fn hold(&self, stop: &CancellationToken) {
        let pause = self.settings.holds / 3;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {
                    self.release().await;
                    return;
                }
            }
            match self.try_hold().await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::error!("another process took the Lease");
                    *self.until.write() = None;
                    return;
                }
                Err(error) if self.is_over() => {
                    tracing::error!(%error, "the Lease could not be renewed in time");
                    return;
                }
                Err(error) => tracing::warn!(%error, "the Lease was not renewed; trying again"),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.until.read().is_none_or(|until| until <= Instant::now())
    }

    /// One attempt, by compare-and-swap.
    async fn try_hold(&self) -> Result<bool, Error> {
        let began = Instant::now();
        let name = &self.settings.name;
        let found = answered("Lease", self.api.get_opt(name)).await?;
        let now = Timestamp::now();
        let params = PostParams::default();
        let result = match found {
            None => answered("Lease", self.api.create(&params, &self.object(None, now))).await,
            Some(lease) if !self.is_free(&lease, now) => return Ok(false),
            Some(lease) => {
                answered("Lease", self.api.replace(name, &params, &self.object(Some(lease), now))).await
            }
        };
        match result {
            Ok(_) => {
                let safe = self.settings.holds.saturating_sub(self.settings.skew);
                *self.until.write() = Some(began + safe);
                Ok(true)
            }
            Err(Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_free(&self, lease: &Object, now: Timestamp) -> bool {
        let Some(spec) = &lease.spec else { return true };
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder.is_empty() || holder == self.settings.holder {
            return true;
        }
        let holds = spec.lease_duration_seconds.unwrap_or(0);
        let until = spec
            .renew_time
            .as_ref()
            .and_then(|t| t.0.checked_add(Duration::from_secs(holds.unsigned_abs().into())).ok());
        until.is_none_or(|until| until.checked_add(self.settings.skew).unwrap_or(until) < now)
    }

    fn object(&self, before: Option<Object>, now: Timestamp) -> Object {
        let spec = before.as_ref().and_then(|l| l.spec.clone()).unwrap_or_default();
        let is_ours = spec.holder_identity.as_deref() == Some(&self.settings.holder);
        let transitions = spec.lease_transitions.unwrap_or(0);
        Object {
            metadata: before.map_or_else(|| self.metadata(), |l| l.metadata),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.settings.holder.clone()),
                lease_duration_seconds: i32::try_from(self.settings.holds.as_secs()).ok(),
                acquire_time: if is_ours { spec.acquire_time } else { Some(MicroTime(now)) },
                renew_time: Some(MicroTime(now)),
                lease_transitions: Some(if is_ours { transitions } else { transitions.saturating_add(1) }),
                ..LeaseSpec::default()
            }),
        }
    }

    fn metadata(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.settings.name.clone()),
            namespace: Some(self.settings.namespace.clone()),
            labels: Some([(label::CONTROLLER.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        }
    }

    /// Lets the next process take over at once.
    async fn release(&self) {
        *self.until.write() = None;
        let found = answered("Lease", self.api.get_opt(&self.settings.name)).await;
        let Ok(Some(mut lease)) = found else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.settings.holder) {
            spec.holder_identity = None;
            let params = PostParams::default();
            if let Err(error) =
                answered("Lease", self.api.replace(&self.settings.name, &params, &lease)).await
            {
                tracing::debug!(%error, "the Lease runs out by itself");
            }
        }
    }
}
