//! The world in production: a Kubernetes API server, reached through a `kube::Client`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferry_api::names::label;
use ferry_api::{ClusterConfig, Freight, Promotion, Stage, Warehouse};
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ListParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CredentialType, Error, Happening, PromotionKey, World, events};

/// How long the API server may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Says until when this process may change things outside.
pub trait Authority: Send + Sync {
    /// Whether it may for this long from now.
    fn lasts(&self, duration: Duration) -> bool;
}

/// The authority of a process that is alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Authority for Alone {
    fn lasts(&self, _: Duration) -> bool {
        true
    }
}

/// The world behind a `kube::Client`.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    authority: Arc<dyn Authority>,
}

impl Cluster {
    /// A world.
    pub fn new(client: kube::Client, authority: Arc<dyn Authority>) -> Self {
        Self { client, authority }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn find<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, Error>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        if name.is_empty() {
            return Ok(None);
        }
        let what = format!("{} {namespace}/{name}", K::kind(&()));
        answered(&what, self.api::<K>(namespace).get_opt(name)).await
    }
}

/// Waits for an answer, within the deadline, and sorts errors.
pub async fn answered<T>(what: &str, ask: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(DEADLINE, ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(sort(what, &error)),
        Err(_) => {
            Err(Error::Unavailable(format!("{what}: no answer from the API server within {DEADLINE:?}")))
        }
    }
}

fn sort(what: &str, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => match status.code {
            409 => Error::Conflict(what.to_owned()),
            404 => Error::Gone(what.to_owned()),
            _ if status.message.contains("request is too large") => {
                Error::Invalid(format!("{what}: {}", status.message))
            }
            400 | 413 | 422 => Error::Invalid(format!("{what}: {}", status.message)),
            _ => Error::Unavailable(format!("{what}: {}", status.message)),
        },
        other => Error::Unavailable(format!("{what}: {other}")),
    }
}

#[async_trait]
impl World for Cluster {
    async fn promotion(&self, key: &PromotionKey) -> Result<Option<Promotion>, Error> {
        self.find(&key.project, &key.name).await
    }

    async fn write_status(&self, promotion: &Promotion) -> Result<Promotion, Error> {
        let name = promotion.metadata.name.clone().unwrap_or_default();
        let namespace = promotion.metadata.namespace.clone().unwrap_or_default();
        let what = format!("Promotion {namespace}/{name}");
        let api = self.api::<Promotion>(&namespace);
        ferry_failpoint::point!("promotion-status.write");
        let written = answered(&what, api.replace_status(&name, &PostParams::default(), promotion)).await;
        ferry_failpoint::point!("promotion-status.written");
        written
    }

    async fn stage(&self, project: &str, name: &str) -> Result<Option<Stage>, Error> {
        self.find(project, name).await
    }

    async fn freight(&self, project: &str, name: &str) -> Result<Option<Freight>, Error> {
        self.find(project, name).await
    }

    async fn warehouse_subscriptions(&self, project: &str, name: &str) -> Result<Option<Vec<Value>>, Error> {
        Ok(self.find::<Warehouse>(project, name).await?.map(|w| w.spec.subscriptions))
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error> {
        self.find(namespace, name).await
    }

    async fn cluster_config(&self) -> Result<Option<ClusterConfig>, Error> {
        let api = Api::<ClusterConfig>::all(self.client.clone());
        answered("ClusterConfig cluster", api.get_opt("cluster")).await
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
        self.find(namespace, name).await
    }

    async fn credentials(&self, namespace: &str, kind: CredentialType) -> Result<Vec<Secret>, Error> {
        let selector = format!("{}={}", label::CREDENTIAL_TYPE, kind.as_str());
        let params = ListParams::default().labels(&selector);
        let api = self.api::<Secret>(namespace);
        let mut list = answered(&format!("Secrets of {namespace}"), api.list(&params)).await?.items;
        list.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        Ok(list)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    async fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        let _panicked = tokio::task::spawn_blocking(work).await;
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn may_write_for(&self, duration: Duration) -> bool {
        self.authority.lasts(duration)
    }

    async fn tell(&self, promotion: &Promotion, happening: Happening) {
        events::record(&self.client, events::of_promotion(promotion, &happening, Timestamp::now())).await;
    }
}
