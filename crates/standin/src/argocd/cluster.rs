//! Objects of any kind at the API server: what is there, applying, removing. Every call has a deadline.

use std::time::Duration;

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, Scope};
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::Value;

use super::resource::{Key, Resource, with_last_applied};

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Who changes objects.
const MANAGER: &str = "argocd-controller";

/// Why the API server did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It said no.
    #[error("{}", .0.message)]
    Refused(Box<kube::core::Status>),
    /// It could not be asked.
    #[error("the API server did not answer: {0}")]
    Unreachable(String),
    /// It gave something that is no object.
    #[error("the API server's answer is no object: {0}")]
    Answer(#[from] serde_json::Error),
}

impl Error {
    /// Whether the server's schema refused the object itself.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code == 422)
    }

    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code == 409)
    }

    fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code == 404)
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused(status),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// A kind that is served: how to ask for it, and whether its objects live in namespaces.
#[derive(Debug, Clone)]
pub struct Kind {
    pub resource: ApiResource,
    pub namespaced: bool,
}

/// The API server, with what it said about kinds during one pass.
pub struct Cluster {
    client: Client,
    kinds: Mutex<Vec<(GroupVersionKind, Option<Kind>)>>,
}

impl Cluster {
    pub fn new(client: Client) -> Self {
        Self { client, kinds: Mutex::default() }
    }

    /// How a kind is served; `None` where it is not.
    pub async fn kind(&self, key: &Key) -> Result<Option<Kind>, Error> {
        let gvk = GroupVersionKind::gvk(&key.group, &key.version, &key.kind);
        let known = self.kinds.lock().iter().find(|(known, _)| *known == gvk).map(|(_, kind)| kind.clone());
        if let Some(kind) = known {
            return Ok(kind);
        }
        let kind = match deadline(discovery::pinned_kind(&self.client, &gvk)).await {
            Ok((resource, capabilities)) => {
                Some(Kind { resource, namespaced: matches!(capabilities.scope, Scope::Namespaced) })
            }
            Err(Failure::Call(kube::Error::Discovery(_))) => None,
            Err(failure) => {
                let error = failure.into();
                if !Error::is_not_found(&error) {
                    return Err(error);
                }
                None
            }
        };
        self.kinds.lock().push((gvk, kind.clone()));
        Ok(kind)
    }

    fn api(&self, kind: &Kind, namespace: &str) -> Api<DynamicObject> {
        if kind.namespaced {
            Api::namespaced_with(self.client.clone(), namespace, &kind.resource)
        } else {
            Api::all_with(self.client.clone(), &kind.resource)
        }
    }

    /// The object as it is, `None` where it or its kind is not there.
    pub async fn live(&self, key: &Key) -> Result<Option<Value>, Error> {
        let Some(kind) = self.kind(key).await? else { return Ok(None) };
        let found = deadline(self.api(&kind, &key.namespace).get_opt(&key.name)).await?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    /// Makes an object as it is wanted, and says with which word that is told.
    pub async fn apply(
        &self,
        kind: &Kind,
        resource: &Resource,
        dry_run: bool,
    ) -> Result<&'static str, Error> {
        let api = self.api(kind, &resource.key.namespace);
        let Some(target) = &resource.target else { return Ok("unchanged") };
        if resource.live.is_none() {
            let object: DynamicObject = serde_json::from_value(with_last_applied(target))?;
            let how = PostParams { dry_run, field_manager: Some(MANAGER.to_owned()) };
            deadline(api.create(&how, &object)).await?;
            return Ok("created");
        }
        let Some(patch) = resource.patch() else { return Ok("unchanged") };
        deadline(api.patch(&resource.key.name, &manager(dry_run), &Patch::Merge(patch))).await?;
        Ok("configured")
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let Some(kind) = self.kind(key).await? else { return Ok(()) };
        let api = self.api(&kind, &key.namespace);
        match deadline(api.delete(&key.name, &DeleteParams::background())).await.map_err(Error::from) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends a merge patch to an object and gives what became of it.
    pub async fn patch(&self, api: &Api<DynamicObject>, name: &str, patch: Value) -> Result<Value, Error> {
        let object = deadline(api.patch(name, &manager(false), &Patch::Merge(patch))).await?;
        Ok(serde_json::to_value(object)?)
    }

    /// An object of a known kind.
    pub async fn get(&self, api: &Api<DynamicObject>, name: &str) -> Result<Option<Value>, Error> {
        Ok(deadline(api.get_opt(name)).await?.map(serde_json::to_value).transpose()?)
    }

    /// Objects of one of Argo CD's own kinds.
    pub fn argo(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &argo(kind))
    }
}

/// One of Argo CD's own kinds.
pub fn argo(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", kind))
}

fn manager(dry_run: bool) -> PatchParams {
    PatchParams { dry_run, field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// A call that failed or took too long.
enum Failure {
    Call(kube::Error),
    Late,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Call(error) => error.into(),
            Failure::Late => Self::Unreachable(format!("no answer within {} s", DEADLINE.as_secs())),
        }
    }
}

async fn deadline<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer.map_err(Failure::Call),
        Err(_) => Err(Failure::Late),
    }
}
