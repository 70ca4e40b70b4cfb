//! A whole Ferry in this process: API server, admission, controllers, engine, stand-in and Git server.

use ferry_api::{Freight, Promotion, PromotionPhase, Stage, Warehouse};
use ferry_app::config::Settings;
use ferry_app::manifests;
use ferry_app::place::Alone;
use ferry_app::probes::Readiness;
use ferry_standin::git_server::{Change, GitServer, Repository};
use ferry_testkit::until;
use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What every world begins with.
fn provide_tls() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}

pub struct World {
    pub alone: Alone,
    pub client: Client,
    pub git: GitServer,
    pub directory: TempDir,
}

impl World {
    /// A Ferry with a stand-in for Argo CD, and Project `demo`.
    pub async fn start() -> Self {
        let world = Self::with(|_| {}).await;
        world.apply(&crate::objects::project("demo")).await;
        world
    }

    /// The same, with other settings and without a Project.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        provide_tls();
        let directory = tempfile::tempdir().unwrap();
        let git = GitServer::start(directory.path().join("repositories")).await.unwrap();
        let mut settings = Settings { standin: true, ..Settings::alone(directory.path().join("data")) };
        change(&mut settings);
        let alone = Alone::start(&settings, &Readiness::default()).await.unwrap();
        let client = alone.client();
        let world = Self { alone, client, git, directory };
        if settings.standin {
            world.apply(crate::objects::APP_PROJECT).await;
        }
        world
    }

    pub async fn apply(&self, yaml: &str) {
        manifests::apply(&self.client, yaml).await.unwrap();
    }

    /// What the API server says to an object.
    pub async fn refusal(&self, yaml: &str) -> String {
        manifests::apply(&self.client, yaml).await.unwrap_err().to_string()
    }

    /// A repository with one commit on `main`.
    pub async fn repository(&self, name: &str, files: &[(&str, &str)]) -> Repository {
        let repository = self.git.create_repository(name, "main").await.unwrap();
        commit(&repository, "main", "First", files).await;
        repository
    }

    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The Freight of Project `demo` that holds a commit.
    pub async fn freight_with(&self, commit: &str) -> Freight {
        freight_with(&self.client, "demo", commit).await
    }

    /// Makes a Promotion of Project `demo`.
    pub async fn promote(&self, stage: &str, freight: &Freight) -> String {
        promote(&self.client, stage, freight).await
    }

    /// The Promotion, once it has ended.
    pub async fn ended(&self, name: &str) -> Promotion {
        ended(&self.client, name).await
    }

    /// Promotes and waits for success.
    pub async fn promoted(&self, stage: &str, freight: &Freight) -> Promotion {
        let name = self.promote(stage, freight).await;
        let promotion = self.ended(&name).await;
        let status = promotion.status.clone().unwrap();
        assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);
        promotion
    }

    /// Promotes and gives how it went wrong: the phase, and what is said of it.
    pub async fn failed(&self, stage: &str, freight: &Freight) -> (PromotionPhase, String) {
        let name = self.promote(stage, freight).await;
        let status = self.ended(&name).await.status.unwrap();
        (status.phase.unwrap(), status.message)
    }

    pub async fn stage(&self, name: &str, wanted: impl FnMut(&Stage) -> bool) -> Stage {
        until(&self.api::<Stage>("demo"), name, wanted).await.unwrap()
    }

    pub async fn warehouse(&self, name: &str, wanted: impl FnMut(&Warehouse) -> bool) -> Warehouse {
        until(&self.api::<Warehouse>("demo"), name, wanted).await.unwrap()
    }

    pub fn applications(&self) -> Api<DynamicObject> {
        applications(&self.client)
    }

    pub async fn application(&self, name: &str, wanted: impl FnMut(&DynamicObject) -> bool) -> DynamicObject {
        until(&self.applications(), name, wanted).await.unwrap()
    }

    /// Asks a Warehouse to look now.
    pub async fn refresh_warehouse(&self, name: &str) {
        refresh_warehouse(&self.client, name).await.unwrap();
    }

    /// An orderly end; without it everything just stops. Gives what is left on disk.
    pub async fn stop(self) -> TempDir {
        self.alone.stop().await;
        self.directory
    }
}

/// Asks a Warehouse of Project `demo` to look now.
pub async fn refresh_warehouse(client: &Client, name: &str) -> kube::Result<Warehouse> {
    let token = uuid::Uuid::new_v4().to_string();
    let patch = json!({"metadata": {"annotations": {"kargo.akuity.io/refresh": token}}});
    let api: Api<Warehouse> = Api::namespaced(client.clone(), "demo");
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

pub fn applications(client: &Client) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    Api::namespaced_with(client.clone(), "argocd", &kind)
}

/// Commits files to a branch, and gives the commit.
pub async fn commit(repository: &Repository, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
    let change =
        files.iter().fold(Change::on(branch, message), |change, (path, text)| change.file(path, text));
    repository.commit(&change).await.unwrap()
}

pub async fn freight_with(client: &Client, project: &str, commit: &str) -> Freight {
    let api: Api<Freight> = Api::namespaced(client.clone(), project);
    let of = |freight: &Freight| freight.commits.iter().any(|c| c.id == commit);
    let mut seen = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let found = async {
        loop {
            match seen.next().await.unwrap() {
                Ok(freight) if of(&freight) => return freight,
                _ => {}
            }
        }
    };
    tokio::time::timeout(ferry_testkit::PATIENCE, found).await.expect("the commit becomes Freight")
}

pub async fn promote(client: &Client, stage: &str, freight: &Freight) -> String {
    ferry_cli::promote::to_stage(client, "demo", stage, freight).await.unwrap().name_any()
}

pub async fn ended(client: &Client, name: &str) -> Promotion {
    let api: Api<Promotion> = Api::namespaced(client.clone(), "demo");
    let has_ended =
        |p: &Promotion| p.status.as_ref().and_then(|s| s.phase).is_some_and(PromotionPhase::is_terminal);
    until(&api, name, has_ended).await.unwrap()
}

pub async fn promotions_to(client: &Client, stage: &str) -> Vec<Promotion> {
    let api: Api<Promotion> = Api::namespaced(client.clone(), "demo");
    let mut all = api.list(&ListParams::default()).await.unwrap().items;
    all.retain(|promotion| promotion.spec.stage == stage);
    all
}

/// A step's output, e.g. `output(&promotion, "push", "commit")`.
pub fn output(promotion: &Promotion, step: &str, field: &str) -> String {
    let state = promotion.status.as_ref().and_then(|status| status.state.clone()).unwrap_or_default();
    state.get(step).and_then(|output| output[field].as_str()).unwrap_or_default().to_owned()
}

/// A condition of an object: its status, reason and message.
pub fn condition(object: &impl serde::Serialize, kind: &str) -> Option<(String, String, String)> {
    let object = serde_json::to_value(object).unwrap();
    let conditions =
        object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

pub fn is_healthy(stage: &Stage) -> bool {
    let health = stage.status.as_ref().and_then(|status| status.health.as_ref());
    serde_json::to_value(health).unwrap()["status"] == "Healthy"
}
