//! What the rules ask for, asked of the API server; and the one thing that they want done.

use std::collections::BTreeMap;

use ferry_admission::{Answer, Lookup};
use ferry_apiserver::authorization::Attributes;
use ferry_apiserver::{Identity, Status};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, ObjectMeta, PostParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::Rules;

impl Rules {
    pub(super) async fn answer(&self, lookup: &Lookup, user: &Identity) -> Result<Answer, Status> {
        match lookup {
            Lookup::Object { resource, namespace, name } => {
                let found = self.api(*resource, namespace)?.get_opt(name).await.map_err(|e| failed(&e))?;
                Ok(Answer::Object(found.map(value).transpose()?))
            }
            Lookup::List { resource, namespace, label } => {
                let mut params = ListParams::default();
                if let Some((key, text)) = label {
                    params = params.labels(&format!("{key}={text}"));
                }
                let found = self.api(*resource, namespace)?.list(&params).await.map_err(|e| failed(&e))?;
                Ok(Answer::List(found.items.into_iter().map(value).collect::<Result<_, _>>()?))
            }
            Lookup::Access { verb, resource, namespace, name } => {
                let attributes = Attributes {
                    verb: (*verb).to_owned(),
                    group: resource.group().to_owned(),
                    version: resource.version().to_owned(),
                    resource: resource.plural().to_owned(),
                    namespace: namespace.clone(),
                    name: name.clone(),
                    ..Attributes::default()
                };
                Ok(Answer::Access(self.authorizer.authorize(user, &attributes).await.allowed))
            }
        }
    }

    fn api(
        &self,
        resource: ferry_admission::Resource,
        namespace: &str,
    ) -> Result<Api<DynamicObject>, Status> {
        let kind = GroupVersionKind::gvk(resource.group(), resource.version(), resource.kind());
        let kind = ApiResource::from_gvk_with_plural(&kind, resource.plural());
        let client = self.client()?.clone();
        Ok(if namespace.is_empty() {
            Api::all_with(client, &kind)
        } else {
            Api::namespaced_with(client, namespace, &kind)
        })
    }

    pub(super) async fn create_namespace(
        &self,
        name: String,
        labels: BTreeMap<String, String>,
        finalizers: Vec<String>,
    ) -> Result<(), Status> {
        let metadata = ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            finalizers: Some(finalizers),
            ..ObjectMeta::default()
        };
        let api: Api<Namespace> = Api::all(self.client()?.clone());
        let namespace = Namespace { metadata, ..Namespace::default() };
        match api.create(&PostParams::default(), &namespace).await {
            // The hook may be called again for the same request.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            made => made.map(drop).map_err(|error| failed(&error)),
        }
    }
}

fn value(object: DynamicObject) -> Result<Value, Status> {
    serde_json::to_value(object).map_err(|error| Status::internal(error.to_string()))
}

fn failed(error: &kube::Error) -> Status {
    match error {
        kube::Error::Api(status) => Status::new(status.code, &status.reason, status.message.clone()),
        other => Status::internal(format!("a look-up for admission failed: {other}")),
    }
}
