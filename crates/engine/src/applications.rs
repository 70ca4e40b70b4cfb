//! Argo CD's Applications, as steps reach them: read, found by labels, patched.

use std::sync::Arc;

use async_trait::async_trait;
use ferry_argocd::AppRef;
use ferry_argocd::selector::Selector;
use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::Value;

use crate::world::{self, answered};

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody changed the Application in between.
    #[error("the Application was changed by somebody else")]
    Conflict,
    /// The API server knows no Applications: Argo CD's CRDs are missing.
    #[error("this cluster has no Argo CD: install its CRDs (applications.argoproj.io)")]
    NotInstalled,
    /// There was no answer, or it was no for now; worth another try.
    #[error("{0}")]
    Unavailable(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl From<world::Error> for Error {
    fn from(error: world::Error) -> Self {
        match error {
            world::Error::Conflict(_) => Self::Conflict,
            world::Error::Unavailable(text) => Self::Unavailable(text),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Argo CD's Applications.
#[async_trait]
pub trait Applications: Send + Sync {
    /// One, if it is there.
    async fn get(&self, app: &AppRef) -> Result<Option<Value>, Error>;

    /// Those of a namespace that a selector matches.
    async fn list(&self, namespace: &str, selector: &Selector) -> Result<Vec<Value>, Error>;

    /// Merges a patch, which carries the resourceVersion it was made for.
    async fn patch(&self, app: &AppRef, patch: &Value) -> Result<(), Error>;

    /// Records a core/v1 Event. A failure is logged and forgotten.
    async fn record(&self, namespace: &str, event: Value);
}

/// The connection to an Argo CD; without one its steps say so.
#[derive(Clone)]
pub struct ArgoCd {
    /// Its Applications; none where it is switched off.
    pub applications: Option<Arc<dyn Applications>>,
}

/// Applications behind a `kube::Client`.
#[derive(Clone)]
pub struct ClusterApplications {
    client: Client,
}

impl ClusterApplications {
    /// Applications of a cluster.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn namespaced(&self, namespace: &str) -> Result<Api<DynamicObject>, Error> {
        world::check_name("an Application's namespace", namespace)?;
        Ok(self.api(namespace))
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "argoproj.io".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "argoproj.io/v1alpha1".to_owned(),
            kind: "Application".to_owned(),
            plural: "applications".to_owned(),
        };
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }
}

fn json(object: &DynamicObject) -> Result<Value, Error> {
    serde_json::to_value(object).map_err(|e| Error::Failed(e.to_string()))
}

/// A 404 for the whole kind differs from one for an object only in its text: it names no object.
fn is_missing_kind(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.code == 404 && status.details.as_ref().is_none_or(|d| d.name.is_empty()))
}

#[async_trait]
impl Applications for ClusterApplications {
    async fn get(&self, app: &AppRef) -> Result<Option<Value>, Error> {
        world::check_name("an Application", &app.name)?;
        let api = self.namespaced(&app.namespace)?;
        let ask = async {
            match api.get(&app.name).await {
                Ok(found) => Ok(Ok(Some(found))),
                Err(error) if is_missing_kind(&error) => Ok(Err(Error::NotInstalled)),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(Ok(None)),
                Err(error) => Err(error),
            }
        };
        match answered("Application", ask).await {
            Ok(found) => found?.as_ref().map(json).transpose(),
            Err(error) => Err(error.into()),
        }
    }

    async fn list(&self, namespace: &str, selector: &Selector) -> Result<Vec<Value>, Error> {
        let api = self.namespaced(namespace)?;
        let params = ListParams::default().labels(&selector.to_query());
        let ask = async {
            match api.list(&params).await {
                Ok(found) => Ok(Ok(found)),
                Err(error) if is_missing_kind(&error) => Ok(Err(Error::NotInstalled)),
                Err(error) => Err(error),
            }
        };
        match answered("Applications", ask).await {
            Ok(found) => found?.items.iter().map(json).collect(),
            Err(error) => Err(error.into()),
        }
    }

    async fn patch(&self, app: &AppRef, patch: &Value) -> Result<(), Error> {
        world::check_name("an Application", &app.name)?;
        let api = self.namespaced(&app.namespace)?;
        let params = PatchParams::default();
        answered("Application", api.patch(&app.name, &params, &Patch::Merge(patch))).await?;
        Ok(())
    }

    async fn record(&self, namespace: &str, event: Value) {
        let recorded = match serde_json::from_value::<Event>(event) {
            Ok(event) => {
                let api = Api::<Event>::namespaced(self.client.clone(), namespace);
                answered("Event", api.create(&PostParams::default(), &event))
                    .await
                    .map(|_| ())
                    .map_err(|e| e.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = recorded {
            tracing::warn!(error, "event not recorded");
        }
    }
}
