//! Everything outside that the engine needs: storage, look-ups, time. One trait, so that a simulation can be it.

mod cluster;
pub mod events;

use std::time::Duration;

use async_trait::async_trait;
use ferry_api::{ClusterConfig, Freight, Promotion, Stage};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::Value;

pub use cluster::{Alone, Authority, Cluster, answered};

/// Which Promotion: its Project and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromotionKey {
    /// The Project, which is the namespace.
    pub project: String,
    /// The name.
    pub name: String,
}

/// Why the world did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else wrote the object in the meantime.
    #[error("{0} was changed by somebody else")]
    Conflict(String),
    /// The object is gone.
    #[error("{0} does not exist")]
    Gone(String),
    /// What was written breaks a rule of the schema or of admission.
    #[error("{0}")]
    Invalid(String),
    /// The API server did not answer, or not well; worth another try.
    #[error("{0}")]
    Unavailable(String),
}

/// Something that happened to a Promotion, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The Event's reason, e.g. `PromotionSucceeded`.
    pub reason: &'static str,
    /// Words.
    pub message: String,
    /// Who made it happen.
    pub actor: String,
    /// Whether it is bad news.
    pub warning: bool,
}

/// The types of repository credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialType {
    /// Git repositories.
    Git,
    /// Chart repositories.
    Helm,
    /// Image repositories.
    Image,
}

impl CredentialType {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Helm => "helm",
            Self::Image => "image",
        }
    }
}

/// Everything outside. The `kube::Client` one is the production one.
#[async_trait]
pub trait World: Send + Sync + 'static {
    /// The Promotion as it is now: never from a cache.
    async fn promotion(&self, key: &PromotionKey) -> Result<Option<Promotion>, Error>;

    /// Writes `status` if nobody wrote the object since `promotion` was read, and answers with what is stored.
    async fn write_status(&self, promotion: &Promotion) -> Result<Promotion, Error>;

    /// A Stage.
    async fn stage(&self, project: &str, name: &str) -> Result<Option<Stage>, Error>;

    /// Freight by its name.
    async fn freight(&self, project: &str, name: &str) -> Result<Option<Freight>, Error>;

    /// A Warehouse's subscriptions, for finding out where a repository's Freight comes from.
    async fn warehouse_subscriptions(&self, project: &str, name: &str) -> Result<Option<Vec<Value>>, Error>;

    /// A ConfigMap.
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error>;

    /// The settings of all Projects.
    async fn cluster_config(&self) -> Result<Option<ClusterConfig>, Error>;

    /// A Secret.
    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Error>;

    /// The Secrets of a namespace that are credentials of a type, sorted by name.
    async fn credentials(&self, namespace: &str, kind: CredentialType) -> Result<Vec<Secret>, Error>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// Runs a task beside the caller.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Does what would hold up others, beside them, and returns when it is done.
    async fn aside(&self, work: Box<dyn FnOnce() + Send>);

    /// Returns after this long.
    async fn sleep(&self, duration: Duration);

    /// Whether this process may still change things outside for the given time (it holds the lease).
    fn may_write_for(&self, duration: Duration) -> bool;

    /// Tells people. A failure is logged and forgotten.
    async fn tell(&self, promotion: &Promotion, happening: Happening);
}

/// Names become part of a request's path: what is no name must not get there.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && name.split('.').all(|part| !part.is_empty());
    if is_name {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "{name:?} cannot be the name of {what}: use lower-case letters, digits, - and ."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_reach_a_path() {
        for name in ["guestbook", "a.b-c", "7"] {
            assert!(check_name("an Application", name).is_ok(), "{name}");
        }
        for name in ["", "..", "../x", "a/b", "a?b", "a%2fb", "A", ".a", "a..b", &"x".repeat(254)] {
            assert!(check_name("an Application", name).is_err(), "{name}");
        }
    }
}
