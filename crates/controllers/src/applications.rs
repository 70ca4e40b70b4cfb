//! Argo CD's Applications as the controllers watch them: whole, of any version.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// An Application: its metadata read, all of it kept.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    metadata: ObjectMeta,
    object: Value,
}

impl Application {
    /// The slice of it that promotions look at.
    pub(crate) fn view(&self) -> ferry_argocd::Application<'_> {
        ferry_argocd::Application::new(&self.object)
    }

    /// All of it.
    pub(crate) fn object(&self) -> &Value {
        &self.object
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let metadata = object.get("metadata").cloned().unwrap_or_default();
        let metadata = serde_json::from_value(metadata).map_err(serde::de::Error::custom)?;
        Ok(Self { metadata, object })
    }
}

impl Serialize for Application {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl k8s_openapi::Resource for Application {
    const API_VERSION: &'static str = "argoproj.io/v1alpha1";
    const GROUP: &'static str = "argoproj.io";
    const KIND: &'static str = "Application";
    const VERSION: &'static str = "v1alpha1";
    const URL_PATH_SEGMENT: &'static str = "applications";
    type Scope = k8s_openapi::NamespaceResourceScope;
}

impl k8s_openapi::Metadata for Application {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
