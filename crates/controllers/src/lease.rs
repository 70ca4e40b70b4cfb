//! Leadership by a Kubernetes Lease: of several processes on one cluster one is active.
//!
//! The holder renews well before the end; a process that could not renew in time loses its authority before another
//! may take over. Each goes by what it has itself seen pass: the times in the Lease are for people, so a clock that
//! jumps neither takes a Lease away nor keeps it for ever.

use std::sync::Arc;
use std::time::Duration;

use ferry_api::names::label;
use ferry_engine::world::{Authority, Error, answered};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use parking_lot::{Mutex, RwLock};
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
    /// How much longer than it holds another waits, and how much shorter the holder relies on it.
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

/// For how long somebody's word that a Lease holds is taken.
const LONGEST: Duration = Duration::from_mins(5);

/// A Lease, held or wanted.
pub struct Lease {
    api: Api<Object>,
    settings: Settings,
    /// Until when we hold it, by our own clock; none while we do not.
    until: Arc<RwLock<Option<Instant>>>,
    /// What another's was when it was last seen to change.
    seen: Mutex<Option<Sighting>>,
}

/// Another's Lease as it was at a moment.
struct Sighting {
    renewed: (Option<String>, Option<MicroTime>),
    at: Instant,
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
        Self { api, settings, until: Arc::default(), seen: Mutex::default() }
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
            Some(lease) if !self.is_free(&lease, began, Instant::now()) => return Ok(false),
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

    /// Ours, nobody's, or another's who has not renewed it for as long as it holds, while we looked. An answer tells of
    /// some moment between `asked` and `answered`: a change counts from the latest, its absence up to the earliest.
    fn is_free(&self, lease: &Object, asked: Instant, answered: Instant) -> bool {
        let Some(spec) = &lease.spec else { return true };
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder.is_empty() || holder == self.settings.holder {
            return true;
        }
        let renewed = (spec.holder_identity.clone(), spec.renew_time.clone());
        let mut seen = self.seen.lock();
        let sighting = match seen.as_ref().filter(|seen| seen.renewed == renewed) {
            Some(sighting) => sighting,
            None => seen.insert(Sighting { renewed, at: answered }),
        };
        let holds = Duration::from_secs(spec.lease_duration_seconds.unwrap_or(0).unsigned_abs().into());
        asked.saturating_duration_since(sighting.at) >= holds.min(LONGEST) + self.settings.skew
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str) -> Lease {
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        Lease::new(kube::Client::new(service, "kargo"), Settings::new("kargo", holder))
    }

    fn renewed(by: &str, at: &str, holds: i32) -> Object {
        let spec = LeaseSpec {
            holder_identity: Some(by.to_owned()),
            lease_duration_seconds: Some(holds),
            renew_time: Some(MicroTime(at.parse().unwrap())),
            ..LeaseSpec::default()
        };
        Object { metadata: ObjectMeta::default(), spec: Some(spec) }
    }

    /// Asked and answered at once.
    fn is_free(lease: &Lease, found: &Object, at: Instant) -> bool {
        lease.is_free(found, at, at)
    }

    #[tokio::test]
    async fn a_lease_is_free_when_it_was_seen_unchanged_for_as_long_as_it_holds() {
        let (ours, start) = (lease("a"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(is_free(&ours, &renewed("a", "2031-01-01T00:00:00Z", 30), at(0)), "our own");
        assert!(is_free(&ours, &renewed("", "2031-01-01T00:00:00Z", 30), at(0)), "given up");
        // The same whatever their clock says: a year ago, or in a hundred.
        for time in ["1999-01-01T00:00:00Z", "2131-01-01T00:00:00Z"] {
            let (ours, theirs) = (lease("a"), renewed("b", time, 30));
            assert!(!is_free(&ours, &theirs, at(0)) && !is_free(&ours, &theirs, at(31)), "{time}");
            assert!(is_free(&ours, &theirs, at(32)), "{time}");
        }
        // Each renewal, backwards too, begins it anew.
        assert!(!is_free(&ours, &renewed("b", "2031-01-01T00:00:10Z", 30), at(0)));
        assert!(!is_free(&ours, &renewed("b", "2031-01-01T00:00:00Z", 30), at(31)));
        assert!(!is_free(&ours, &renewed("b", "2031-01-01T00:00:00Z", 30), at(62)));
        assert!(!is_free(&ours, &renewed("c", "2031-01-01T00:00:00Z", 30), at(63)));
        assert!(is_free(&ours, &renewed("c", "2031-01-01T00:00:00Z", 30), at(95)));
    }

    #[tokio::test]
    async fn a_lease_that_claims_to_hold_for_years_does_not() {
        let (ours, start) = (lease("a"), Instant::now());
        let theirs = renewed("b", "2031-01-01T00:00:00Z", i32::MAX);
        assert!(!is_free(&ours, &theirs, start));
        assert!(is_free(&ours, &theirs, start + LONGEST + Duration::from_secs(2)));
    }

    #[tokio::test]
    async fn a_slow_answer_shortens_nobodys_lease() {
        let (ours, theirs, start) = (lease("a"), renewed("b", "2031-01-01T00:00:00Z", 30), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!ours.is_free(&theirs, at(0), at(20)), "it may have been renewed just before the answer");
        assert!(!ours.is_free(&theirs, at(51), at(60)), "and may be so again after the question");
        assert!(ours.is_free(&theirs, at(52), at(52)));
    }
}
