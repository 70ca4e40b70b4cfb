//! An API server, the stand-in on it, and a recorder of every version of every Application.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ferry_apiserver::{Identity, Options, Schemaless, Server};
use ferry_standin::argocd::{self, Repositories, Settings};
use ferry_store::Store;
use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::repositories::Memory;

pub const URL: &str = "https://git.test/shop.git";
pub const MENU: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: menu\ndata:\n  leaf: mint\n";

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long nothing happens where everything is at rest.
const QUIET: Duration = Duration::from_millis(60);

pub struct World {
    pub client: Client,
    server: Server,
    pub git: Arc<Memory>,
    /// Every version of the Application that is followed, in order.
    versions: watch::Receiver<Vec<Value>>,
    /// Stops the stand-in when the world ends.
    stop: DropGuard,
    _directory: TempDir,
}

/// What manifests hold beside what every API server has.
fn schemaless() -> Vec<Schemaless> {
    let stored = |kind: &argocd::Kind| Schemaless {
        group: kind.group,
        version: kind.version,
        kind: kind.kind,
        plural: kind.plural,
        namespaced: kind.namespaced,
        has_status: true,
    };
    argocd::KINDS.iter().map(stored).collect()
}

impl World {
    /// The stand-in with its definitions, and namespace `tea` to apply to.
    pub async fn start() -> Self {
        Self::start_through(|router| router).await
    }

    /// The same where this is between the stand-in and the API server.
    pub async fn start_through(between: impl FnOnce(Router) -> Router) -> Self {
        let mut world = Self::bare().await;
        world.install().await;
        let router = between(world.server.router_for(Identity::master("stand-in")));
        world.begin(client_of(router), world.git.clone());
        world
    }

    /// The same with other repositories than those in memory.
    pub async fn start_with(repositories: Arc<dyn Repositories>) -> Self {
        let mut world = Self::bare().await;
        world.install().await;
        world.begin(world.client.clone(), repositories);
        world
    }

    /// The stand-in where nothing is defined yet.
    pub async fn without_definitions() -> Self {
        let mut world = Self::bare().await;
        world.begin(world.client.clone(), world.git.clone());
        world
    }

    async fn bare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&ferry_store::Options::new(directory.path().join("data"))).unwrap();
        let server = Server::new(store, Options { schemaless: schemaless(), ..Options::default() }).unwrap();
        let client = client_of(server.router_for(Identity::master("tester")));
        let (_, versions) = watch::channel(Vec::new());
        let stop = CancellationToken::new().drop_guard();
        let world = Self { client, server, git: Arc::default(), versions, stop, _directory: directory };
        for name in ["argocd", "tea"] {
            world.create("v1", "Namespace", "", json!({"metadata": {"name": name}})).await;
        }
        world
    }

    fn begin(&mut self, client: Client, repositories: Arc<dyn Repositories>) {
        let stop = CancellationToken::new();
        let settings = Settings { stale: Duration::from_millis(5), ..Settings::default() };
        tokio::spawn(argocd::run(client, repositories, settings, stop.clone()));
        self.versions = record(self.client.clone(), "shop");
        self.stop = stop.drop_guard();
    }

    /// Records another Application than `shop`.
    pub fn follow(&mut self, name: &str) {
        self.versions = record(self.client.clone(), name);
    }

    /// Waits until there is a version after the first `from` and the newest is as asked; where it does not become so in
    /// time, gives it as it is.
    pub async fn settle(
        &self,
        within: Duration,
        from: usize,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<(), Value> {
        let mut versions = self.versions.clone();
        let is_there = |versions: &Vec<Value>| versions.len() > from && versions.last().is_some_and(&is_so);
        let found = tokio::time::timeout(within, versions.wait_for(is_there)).await.is_ok();
        // At rest: nothing follows.
        while tokio::time::timeout(QUIET, versions.changed()).await.is_ok() {}
        let found = found && self.versions().last().is_some_and(&is_so);
        if found { Ok(()) } else { Err(self.versions().last().cloned().unwrap_or_default()) }
    }

    pub async fn install(&self) {
        for crd in argocd::crds() {
            self.create("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd).await;
        }
    }

    pub fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    pub async fn create(&self, api_version: &str, kind: &str, namespace: &str, mut object: Value) {
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.api(api_version, kind, namespace).create(&PostParams::default(), &object).await.unwrap();
    }

    /// An object as it is, null where it is not there.
    pub async fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
        let found = self.api(api_version, kind, namespace).get_opt(name).await.unwrap();
        found.map_or(Value::Null, |object| serde_json::to_value(object).unwrap())
    }

    pub async fn menu(&self) -> Value {
        self.get("v1", "ConfigMap", "tea", "menu").await
    }

    /// Creates Application `shop` with this spec laid over the usual one.
    pub async fn create_app(&self, spec: Value) {
        let mut whole = json!({
            "project": "default",
            "source": {"repoURL": URL, "path": "app", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "tea"},
        });
        for (key, value) in spec.as_object().into_iter().flatten() {
            whole[key] = value.clone();
        }
        let app = json!({"metadata": {"name": "shop", "namespace": "argocd"}, "spec": whole});
        self.create("argoproj.io/v1alpha1", "Application", "argocd", app).await;
    }

    pub async fn patch_app(&self, patch: Value) {
        let api = self.api("argoproj.io/v1alpha1", "Application", "argocd");
        api.patch("shop", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// The patch of a promotion.
    pub async fn promote(&self, promotion: &str) {
        self.patch_app(json!({
            "metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}},
            "operation": {
                "info": [{"name": "kargo.akuity.io/promotion", "value": promotion}],
                "initiatedBy": {"automated": true, "username": "kargo-controller"},
                "sync": {},
            },
            "status": {"operationState": null},
        }))
        .await;
    }

    /// Waits until the newest version of `shop` is as asked, and gives it.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut versions = self.versions.clone();
        let seen = versions.wait_for(|versions| versions.last().is_some_and(&is_so));
        let found =
            tokio::time::timeout(DEADLINE, seen).await.map(|found| found.unwrap().last().cloned().unwrap());
        let last = || self.versions().last().cloned().unwrap_or_default();
        assert!(found.is_ok(), "{what}: never seen; the last version is {:#}", last());
        found.unwrap()
    }

    /// At rest after a promotion: the operation is over and what it did is compared.
    pub async fn until_promoted(&self, promotion: &str) -> Value {
        self.until(promotion, |app| {
            app["status"]["operationState"]["operation"]["info"][0]["value"] == promotion
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && app["status"]["sync"]["status"] == "Synced"
                && app["metadata"]["annotations"]["argocd.argoproj.io/refresh"].is_null()
        })
        .await
    }

    pub fn versions(&self) -> Vec<Value> {
        self.versions.borrow().clone()
    }
}

fn client_of(router: Router) -> Client {
    Client::new(router, "default")
}

fn record(client: Client, name: &str) -> watch::Receiver<Vec<Value>> {
    let (sender, receiver) = watch::channel(Vec::new());
    let name = name.to_owned();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let api: Api<DynamicObject> = Api::all_with(client, &resource);
    tokio::spawn(async move {
        // A start before the definitions are there fails and is tried again at once.
        let mut events = watcher(api, watcher::Config::default()).boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(app) | Event::InitApply(app)) if app.name_any() == name => {
                    sender.send_modify(|versions| versions.push(serde_json::to_value(app).unwrap()));
                }
                Ok(Event::Delete(_)) => sender.send_modify(|versions| versions.push(json!({"gone": true}))),
                Ok(_) => {}
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    receiver
}
