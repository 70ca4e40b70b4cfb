//! What outlives the processes that are killed, what goes on meanwhile, and what is judged at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferry_api::{Freight, Promotion, PromotionPhase};
use ferry_app::manifests;
use ferry_standin::git_server::GitServer;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, ResourceExt as _};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::PASSING;
use crate::objects::{CONFIG_MAP, application, auto_promotion, project, rendering_steps, stage, warehouse};
use crate::process::{Ferry, client_of};
use crate::world::{applications, commit, freight_with, output, refresh_warehouse};

const STAGES: [&str; 3] = ["east", "west", "north"];
/// The entry of an operation's info that names the Promotion.
const PROMOTION_INFO: &str = "kargo.akuity.io/promotion";
/// A Stage that takes new Freight by itself.
const AUTOMATIC: &str = "south";
const LOCAL: &str = "- uses: compose-output\n  config: {stage: south}\n";

/// What outlives every process: data, Git, and what was acknowledged.
pub struct Scene {
    git: GitServer,
    pub directory: TempDir,
    freight: Freight,
    pub promotions: Vec<String>,
    /// Commits that are to become Freight.
    commits: Arc<tokio::sync::Mutex<Vec<String>>>,
    acknowledged: Arc<Mutex<BTreeMap<String, String>>>,
    operations: Operations,
}

/// When operations were seen to start, by the Promotion that they name.
type Operations = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

impl Scene {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let git = GitServer::start(directory.path().join("repositories")).await.unwrap();
        let app = git.create_repository("app", "main").await.unwrap();
        let one = commit(&app, "main", "First", &[("manifests/settings.yaml", CONFIG_MAP)]).await;
        let data = directory.path().join("data");
        let ferry = Ferry::alone(&data).await;
        let client = client_of(&data).await;
        let app_url = git.repository_url("app");
        let mut all = vec![crate::objects::APP_PROJECT.to_owned(), project("demo")];
        for name in STAGES {
            let deploy = git.create_repository(name, "live").await.unwrap();
            commit(&deploy, "live", "Before", &[("README.md", "rendered\n")]).await;
            let url = git.repository_url(name);
            let steps = rendering_steps(&app_url, &url, "live", name)
                .replace("message: ${{ ctx.stage }} takes", "message: ${{ ctx.promotion }} takes");
            // Each Promotion changes something.
            let steps = steps.replace("value: ${{ ctx.stage }}", "value: ${{ ctx.promotion }}");
            all.push(stage(name, "{direct: true}", &steps));
            all.push(application(name, &format!("demo:{name}"), &url, "live", &format!("demo-{name}")));
        }
        all.push(stage(AUTOMATIC, "{direct: true}", LOCAL));
        all.push(auto_promotion(&[AUTOMATIC]));
        all.push(warehouse("app", &app_url));
        for text in all {
            manifests::apply(&client, &text).await.unwrap();
        }
        let freight = freight_with(&client, "demo", &one).await;
        ferry.kill().await;
        Self {
            git,
            directory,
            freight,
            promotions: Vec::new(),
            commits: Arc::new(vec![one].into()),
            acknowledged: Arc::default(),
            operations: Arc::default(),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Makes a Promotion for each Stage and a commit for the Warehouse, where the process lives long enough.
    pub async fn promote(&mut self) {
        let data = self.data();
        let Ok(client) = tokio::time::timeout(PASSING, client_of(&data)).await else { return };
        self.commit().await;
        let _unanswered = refresh_warehouse(&client, "app").await;
        for name in STAGES {
            if let Ok(made) = ferry_cli::promote::to_stage(&client, "demo", name, &self.freight).await {
                self.promotions.push(made.name_any());
            }
        }
    }

    /// Makes a commit. Whoever stops waiting for it, because the process died, does not cut it short: only Ferry is to
    /// be killed here.
    async fn commit(&self) {
        let (app, commits) = (self.git.repository("app").unwrap(), self.commits.clone());
        let making = tokio::spawn(async move {
            let mut commits = commits.lock().await;
            let text = format!("{}\n", commits.len());
            commits.push(commit(&app, "main", "Next", &[("notes", &text)]).await);
        });
        making.await.unwrap();
    }

    /// How many of the Promotions have not ended.
    pub async fn unfinished(client: &Client) -> Option<usize> {
        let api: Api<Promotion> = Api::namespaced(client.clone(), "demo");
        let all = api.list(&ListParams::default()).await.ok()?.items;
        Some(all.iter().filter(|promotion| !promotion.is_terminal()).count())
    }

    /// Somebody who watches the Applications, and takes note of each operation.
    pub fn observer(&self) -> JoinHandle<()> {
        let (data, operations) = (self.data(), self.operations.clone());
        tokio::spawn(async move {
            loop {
                let client = client_of(&data).await;
                let seen = watcher(applications(&client), Config::default()).applied_objects();
                // The process is dead; the next one listens elsewhere.
                let _over = seen
                    .try_for_each(async |app| {
                        note(&operations, &app);
                        Ok(())
                    })
                    .await;
            }
        })
    }

    /// Somebody else who writes all the time, and takes note of what was acknowledged.
    pub fn writer(&self) -> JoinHandle<()> {
        let (data, acknowledged) = (self.data(), self.acknowledged.clone());
        tokio::spawn(async move {
            let mut number = 0_u32;
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                let client = client_of(&data).await;
                let api: Api<ConfigMap> = Api::namespaced(client, "default");
                loop {
                    tick.tick().await;
                    number += 1;
                    let mut object = ConfigMap::default();
                    object.metadata.name = Some(format!("written-{number}"));
                    match api.create(&PostParams::default(), &object).await {
                        Ok(made) => {
                            let version = made.resource_version().unwrap();
                            assert_eq!(
                                acknowledged.lock().insert(version, made.name_any()),
                                None,
                                "a version twice"
                            );
                        }
                        // The process is dead; the next one listens elsewhere.
                        Err(_) => break,
                    }
                }
            }
        })
    }

    /// Starts a last time, lets everything end, and looks at what came of it.
    pub async fn judge(self, observer: JoinHandle<()>) {
        let data = self.data();
        let ferry = Ferry::alone(&data).await;
        let client = client_of(&data).await;
        // One that was stored while its answer was killed is there too.
        let promotions: Api<Promotion> = Api::namespaced(client.clone(), "demo");
        let stored = promotions.list(&ListParams::default()).await.unwrap().items;
        let stored: BTreeSet<String> = stored.iter().map(kube::ResourceExt::name_any).collect();
        let lost: Vec<_> = self.promotions.iter().filter(|name| !stored.contains(*name)).collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        let mut all = Vec::new();
        for name in &stored {
            let ended = crate::world::ended(&client, name).await;
            let status = ended.status.clone().unwrap();
            assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{name}: {}", status.message);
            all.push(ended);
        }
        let (automatic, all): (Vec<_>, Vec<_>) = all.into_iter().partition(|p| p.spec.stage == AUTOMATIC);
        self.judge_freight(&client, &automatic).await;
        self.judge_effects(&client, &all).await;
        self.judge_acknowledged(&client).await;
        observer.abort();
        ferry.kill().await;
    }

    /// Each commit that the Warehouse was told of is Freight, and none was promoted twice by itself.
    async fn judge_freight(&self, client: &Client, automatic: &[Promotion]) {
        let last = self.commits.lock().await.last().unwrap().clone();
        refresh_warehouse(client, "app").await.unwrap();
        freight_with(client, "demo", &last).await;
        let taken: Vec<_> = automatic.iter().map(|promotion| promotion.spec.freight.clone()).collect();
        let different: BTreeSet<_> = taken.iter().collect();
        assert_eq!(different.len(), taken.len(), "promoted twice by itself: {taken:?}");
        assert!(!taken.is_empty(), "nothing was promoted by itself");
    }

    /// One commit and one operation for each Promotion, and nothing else.
    async fn judge_effects(&self, client: &Client, all: &[Promotion]) {
        let log_of = async |name: &str| self.git.repository(name).unwrap().log("live").await.unwrap();
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for ended in all {
            let (name, stage) = (ended.name_any(), ended.spec.stage.clone());
            let log = log_of(&stage).await;
            let own: Vec<_> = log.iter().filter(|entry| entry.message.starts_with(&name)).collect();
            assert_eq!(own.len(), 1, "one commit of {name}: {own:?}");
            assert_eq!(output(ended, "push", "commit"), own[0].id);
            *expected.entry(stage).or_default() += 1;
        }
        for name in STAGES {
            let log = log_of(name).await;
            let promotions = expected.get(name).copied().unwrap_or_default();
            assert_eq!(log.len(), promotions + 1, "nothing else is on the branch of {name}");
            let app = applications(client).get(name).await.unwrap();
            note(&self.operations, &app);
            let history = app.data["status"]["history"].as_array().cloned().unwrap_or_default();
            let revisions: Vec<_> = history.iter().map(|entry| entry["revision"].to_string()).collect();
            let different: BTreeSet<_> = revisions.iter().collect();
            assert_eq!(different.len(), revisions.len(), "one operation a commit: {revisions:?}");
            assert_eq!(revisions.len(), promotions.min(10), "an operation for each of {name}: {revisions:?}");
        }
        let operations = self.operations.lock();
        for (name, starts) in operations.iter() {
            assert!(all.iter().any(|p| p.name_any() == *name), "an operation of nobody: {name}");
            assert_eq!(starts.len(), 1, "one operation of {name}: {starts:?}");
        }
        assert!(operations.len() >= expected.len(), "of each Stage the last at least: {operations:?}");
    }

    /// What was answered is there, as it was answered.
    async fn judge_acknowledged(&self, client: &Client) {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
        let there = api.list(&ListParams::default()).await.unwrap().items;
        let there: BTreeMap<String, String> =
            there.into_iter().map(|object| (object.resource_version().unwrap(), object.name_any())).collect();
        for (version, name) in self.acknowledged.lock().iter() {
            assert_eq!(there.get(version), Some(name), "{name} was acknowledged with version {version}");
        }
    }
}

/// Takes note of the operation that an Application shows.
fn note(operations: &Operations, app: &DynamicObject) {
    let state = &app.data["status"]["operationState"];
    let started = state["startedAt"].as_str().unwrap_or_default();
    let info = state["operation"]["info"].as_array().into_iter().flatten();
    for entry in info.filter(|entry| entry["name"] == PROMOTION_INFO) {
        let name = entry["value"].as_str().unwrap_or_default().to_owned();
        operations.lock().entry(name).or_default().insert(started.to_owned());
    }
}
