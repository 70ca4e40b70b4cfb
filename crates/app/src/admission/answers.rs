//! What the rules ask for, asked of the API server; and the one thing that they want done.

use std::collections::BTreeMap;

use ferry_admission::{Answer, Lookup, Resource};
use ferry_apiserver::authorization::Attributes;
use ferry_apiserver::{Identity, Status};
use k8s_openapi::api::core::v1::Namespace;
use kube::Resource as _;
use kube::api::{Api, ApiResource, DynamicObject, GetParams, ListParams, ObjectMeta, PostParams, Request};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::Rules;

impl Rules {
    pub(super) async fn answer(&self, lookup: &Lookup, user: &Identity) -> Result<Answer, Status> {
        match lookup {
            Lookup::Object { resource, namespace, name } => {
                let request = requests(*resource, namespace).get(name, &GetParams::default());
                match self.ask(request).await {
                    Ok(text) => Ok(Answer::Object(Some(text))),
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(Answer::Object(None)),
                    Err(error) => Err(failed(&error)),
                }
            }
            Lookup::List { resource, namespace, label } => {
                let mut params = ListParams::default();
                if let Some((key, text)) = label {
                    params = params.labels(&format!("{key}={text}"));
                }
                let request = requests(*resource, namespace).list(&params);
                let text = self.ask(request).await.map_err(|e| failed(&e))?;
                let mut found: Value = serde_json::from_str(&text).map_err(|error| {
                    Status::internal(format!("a list for admission cannot be read: {error}"))
                })?;
                let items = found.get_mut("items").map(Value::take).unwrap_or_default();
                let Value::Array(items) = items else { return Ok(Answer::List(Vec::new())) };
                // In a list the server leaves out what is the same for all of them.
                let whole = |mut item: Value| {
                    if let Some(fields) = item.as_object_mut() {
                        fields.insert("apiVersion".to_owned(), api_version(*resource).into());
                        fields.insert("kind".to_owned(), resource.kind().into());
                    }
                    item
                };
                Ok(Answer::List(items.into_iter().map(whole).collect()))
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

    /// The answer as it is on the wire: Freight that a thousand Stages had is long, and most rules read little of it.
    async fn ask(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> kube::Result<String> {
        let client = self.client().map_err(|status| kube::Error::Service(status.message.into()))?;
        client.request_text(request.map_err(kube::Error::BuildRequest)?).await
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

fn api_version(resource: Resource) -> String {
    match resource.group() {
        "" => resource.version().to_owned(),
        group => format!("{group}/{}", resource.version()),
    }
}

fn requests(resource: Resource, namespace: &str) -> Request {
    let kind = GroupVersionKind::gvk(resource.group(), resource.version(), resource.kind());
    let kind = ApiResource::from_gvk_with_plural(&kind, resource.plural());
    let namespace = (!namespace.is_empty()).then_some(namespace);
    Request::new(DynamicObject::url_path(&kind, namespace))
}

fn failed(error: &kube::Error) -> Status {
    match error {
        kube::Error::Api(status) => Status::new(status.code, &status.reason, status.message.clone()),
        other => Status::internal(format!("a look-up for admission failed: {other}")),
    }
}
