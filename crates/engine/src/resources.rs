//! The resources of a Project that steps may change: what is noted on its Stages and Freight.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::world::{Error, answered, check_name};

/// A kind that steps may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Kind {
    /// A Stage.
    Stage,
    /// A piece of Freight.
    Freight,
}

impl Kind {
    fn plural(self) -> &'static str {
        match self {
            Self::Stage => "stages",
            Self::Freight => "freights",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stage => "Stage",
            Self::Freight => "Freight",
        })
    }
}

/// The resources of a Project.
#[async_trait]
pub trait Resources: Send + Sync {
    /// One, if it is there.
    async fn get(&self, kind: Kind, project: &str, name: &str) -> Result<Option<Value>, Error>;

    /// Writes a status, unless the resource was changed since it was read.
    async fn replace_status(&self, kind: Kind, project: &str, name: &str, object: Value)
    -> Result<(), Error>;

    /// Merges a patch.
    async fn patch(&self, kind: Kind, project: &str, name: &str, patch: &Value) -> Result<(), Error>;
}

/// How steps find the resources.
pub struct Control(pub Arc<dyn Resources>);

/// Resources behind a `kube::Client`.
#[derive(Clone)]
pub struct ClusterResources {
    client: Client,
}

impl ClusterResources {
    /// Resources of a cluster.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn api(&self, kind: Kind, project: &str, name: &str) -> Result<Api<DynamicObject>, Error> {
        check_name(&format!("a {kind}"), name)?;
        let resource = ApiResource {
            group: "kargo.akuity.io".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "kargo.akuity.io/v1alpha1".to_owned(),
            kind: kind.to_string(),
            plural: kind.plural().to_owned(),
        };
        Ok(Api::namespaced_with(self.client.clone(), project, &resource))
    }
}

#[async_trait]
impl Resources for ClusterResources {
    async fn get(&self, kind: Kind, project: &str, name: &str) -> Result<Option<Value>, Error> {
        let api = self.api(kind, project, name)?;
        let found = answered(&format!("{kind} {name:?}"), api.get_opt(name)).await?;
        found.map(|found| serde_json::to_value(found).map_err(|e| Error::Invalid(e.to_string()))).transpose()
    }

    async fn replace_status(
        &self,
        kind: Kind,
        project: &str,
        name: &str,
        object: Value,
    ) -> Result<(), Error> {
        let api = self.api(kind, project, name)?;
        let object: DynamicObject =
            serde_json::from_value(object).map_err(|e| Error::Invalid(e.to_string()))?;
        let params = PostParams::default();
        let written = api.replace_status(name, &params, &object);
        answered(&format!("{kind} {name:?}"), written).await.map(|_| ())
    }

    async fn patch(&self, kind: Kind, project: &str, name: &str, patch: &Value) -> Result<(), Error> {
        let api = self.api(kind, project, name)?;
        let params = PatchParams::default();
        answered(&format!("{kind} {name:?}"), api.patch(name, &params, &Patch::Merge(patch)))
            .await
            .map(|_| ())
    }
}
