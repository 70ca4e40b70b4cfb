//! A server in a temporary directory, a client on it, and the definition of a kind to play with.

use ferry_apiserver::{Identity, Options, Server};
use ferry_store::Store;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct World {
    pub server: Server,
    pub client: Client,
    /// Removed when the world ends.
    _directory: TempDir,
}

impl World {
    /// A server with namespace `default` and the definition of `Boat`.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let world = Self::bare(options);
        world.prepare().await;
        world
    }

    /// Makes namespace `default` and the definition of `Boat`.
    pub async fn prepare(&self) {
        self.post("/api/v1/namespaces", &json!({"metadata": {"name": "default"}})).await;
        self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &boats()).await;
    }

    /// A world around a server that is there already.
    pub fn around(server: Server, client: Client) -> Self {
        Self { server, client, _directory: tempfile::tempdir().unwrap() }
    }

    pub fn bare(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&ferry_store::Options::new(directory.path().join("data"))).unwrap();
        let server = Server::new(store, options).unwrap();
        let client = Client::new(server.router_for(Identity::master("tester")), "default");
        Self { server, client, _directory: directory }
    }

    /// Posts an object and gives what came back, whatever the status.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body)).await
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(kube::client::Body::from(body.map(|b| b.to_string().into_bytes()).unwrap_or_default()))
            .unwrap();
        let response = self.client.send(request).await.unwrap();
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))
    }

    pub fn boats(&self) -> Api<DynamicObject> {
        Api::default_namespaced_with(self.client.clone(), &boat_resource())
    }

    pub async fn boat(&self, name: &str, spec: impl Into<Value>) -> DynamicObject {
        self.boats().create(&PostParams::default(), &boat(name, spec)).await.unwrap()
    }
}

pub fn boat_resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("sea.test", "v1", "Boat"), "boats")
}

pub fn boat(name: &str, spec: impl Into<Value>) -> DynamicObject {
    let mut boat = DynamicObject::new(name, &boat_resource());
    boat.data = json!({"spec": spec.into()});
    boat
}

pub fn boats() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.sea.test"},
        "spec": {
            "group": "sea.test", "scope": "Namespaced",
            "names": {"plural": "boats", "kind": "Boat", "shortNames": ["bt"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "properties": {
                                "seats": {"type": "integer", "minimum": 1},
                                "name": {"type": "string"},
                                "flag": {"type": "string", "default": "none"}
                            }
                        },
                        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
                    }
                }},
                "additionalPrinterColumns": [
                    {"name": "Seats", "type": "integer", "jsonPath": ".spec.seats"}
                ],
                "selectableFields": [{"jsonPath": ".spec.name"}]
            }]
        }
    })
}
