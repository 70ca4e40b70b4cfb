//! Starts everything: the watches, what each change brings into which queue, and the workers on the queues.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ferry_api::names::{annotation, label};
use ferry_api::queue::QueuePolicy;
use ferry_api::{Freight, Project, ProjectConfig, Promotion, Stage, Warehouse};
use ferry_engine::Engine;
use ferry_engine::world::World;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::applications::Application;
use crate::cache::Cache;
use crate::runtime::{Change, Key, Pass, Queue, Together, watch};
use crate::{project, project_config, promotion, stage, warehouse};

/// After this long without a full list it is said that something is amiss.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the start waits for Argo CD's Applications.
const ARGOCD_PATIENCE: Duration = Duration::from_secs(3);

/// Passes of Warehouses at a time.
const WAREHOUSES_AT_ONCE: usize = 4096;

/// What the controllers are told at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Applications are when nobody says.
    pub argocd_namespace: String,
    /// Namespace of Secrets shared by all Projects.
    pub shared_resources_namespace: String,
    /// No Warehouse looks more often than this by itself.
    pub shortest_interval: Duration,
    /// Passes of one kind at a time.
    pub at_once: usize,
    /// A Promotion that is at one step, or first in its queue, for longer than this is overdue.
    pub overdue_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            argocd_namespace: "argocd".to_owned(),
            shared_resources_namespace: "kargo-shared-resources".to_owned(),
            shortest_interval: Duration::from_secs(1),
            at_once: 8,
            overdue_after: Duration::from_mins(30),
        }
    }
}

/// What all controllers hold.
#[derive(Clone)]
pub struct Controllers {
    pub(crate) client: Client,
    /// Where Argo CD is; none where it is switched off.
    pub(crate) argocd: Option<Client>,
    pub(crate) engine: Engine,
    pub(crate) git: Arc<ferry_git::Git>,
    pub(crate) world: Arc<dyn World>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) cache: Cache,
    pub(crate) queues: Arc<Queues>,
    pub(crate) observed: Arc<stage::Observations>,
    pub(crate) looks: Arc<warehouse::Places>,
    /// What Stages note on Freight.
    pub(crate) freight_notes: Arc<Together>,
    /// Stages whose last auto-promotion may or may not have been stored.
    pub(crate) doubts: Arc<Mutex<HashSet<Key>>>,
}

/// The queues, one a kind.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub projects: Queue,
    pub configs: Queue,
    pub warehouses: Queue,
    pub stages: Queue,
    pub promotions: Queue,
}

impl Controllers {
    /// Controllers that have seen nothing yet.
    pub fn new(
        client: Client,
        argocd: Option<Client>,
        engine: Engine,
        git: Arc<ferry_git::Git>,
        world: Arc<dyn World>,
        settings: Settings,
    ) -> Self {
        Self {
            client,
            argocd,
            engine,
            git,
            world,
            settings: Arc::new(settings),
            cache: Cache::new(),
            queues: Arc::default(),
            observed: Arc::default(),
            looks: Arc::default(),
            freight_notes: Arc::default(),
            doubts: Arc::default(),
        }
    }

    /// Whether everything that was there at the start is known.
    pub fn is_ready(&self) -> bool {
        self.cache.is_complete()
    }
}

/// Works until `stop`.
pub async fn run(controllers: Controllers, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    start_watches(&controllers, &tasks, &stop);
    wait_for_caches(&controllers, &stop).await;
    remove_leftovers(&controllers);
    promotion::go_on_after_runs(&controllers);
    tasks.spawn(crate::watchdog::watch_over(controllers.clone(), stop.clone()));
    tasks.spawn(look_again_once_argocd_is_there(controllers.clone(), stop.clone()));
    for key in controllers.cache.promotions.keys() {
        controllers.queues.promotions.add(key);
    }
    let Settings { at_once, .. } = *controllers.settings;
    let queues = controllers.queues.clone();
    macro_rules! work {
        ($queue:ident, $kind:literal, $at_once:expr, $pass:path) => {{
            let (c, queues, stop) = (controllers.clone(), queues.clone(), stop.clone());
            let work = move |key: Key| {
                let c = c.clone();
                async move { pass_of($pass(&c, &key).await) }
            };
            tasks.spawn(async move { queues.$queue.work($kind, $at_once, stop, work).await });
        }};
    }
    work!(projects, "Project", at_once, project::pass);
    work!(configs, "ProjectConfig", at_once, project_config::pass);
    // A Warehouse mostly waits, for servers that are slow or dead: its looks have limits of their own.
    work!(warehouses, "Warehouse", WAREHOUSES_AT_ONCE, warehouse::pass);
    work!(stages, "Stage", at_once, stage::pass);
    work!(promotions, "Promotion", at_once, promotion::pass);
    tasks.close();
    tasks.wait().await;
}

/// What an error of the world means for the queue.
fn pass_of(result: Result<Pass, ferry_engine::world::Error>) -> Pass {
    use ferry_engine::world::Error;
    match result {
        Ok(pass) => pass,
        Err(Error::Conflict(_) | Error::Gone(_)) => Pass::Stale,
        Err(Error::Invalid(why) | Error::Unavailable(why)) => Pass::Failed(why),
    }
}

/// Nothing is decided before everything of ours is known. Argo CD may be away: it gets a moment, lest every Stage
/// look as if its Applications were missing.
async fn wait_for_caches(c: &Controllers, stop: &CancellationToken) {
    let cache = &c.cache;
    let complete = async {
        let mut ours = std::pin::pin!(cache.completed());
        if tokio::time::timeout(PATIENCE, &mut ours).await.is_err() {
            tracing::warn!(
                "the API server has not yet listed every kind; are the CRDs installed? (`ferry crds`)"
            );
            ours.await;
        }
        if c.argocd.is_some() {
            let _late = tokio::time::timeout(ARGOCD_PATIENCE, cache.applications.completed()).await;
        }
    };
    tokio::select! {
        () = complete => {}
        () = stop.cancelled() => {}
    }
}

/// Applications that are listed late are missing no more: what Stages say of them is looked at again.
async fn look_again_once_argocd_is_there(c: Controllers, stop: CancellationToken) {
    if c.argocd.is_none() || c.cache.applications.is_complete() {
        return;
    }
    tokio::select! {
        () = c.cache.applications.completed() => {}
        () = stop.cancelled() => return,
    }
    for key in c.cache.stages.keys() {
        c.queues.stages.add(key);
    }
}

/// Work directories of Promotions that ended or are gone while nobody looked.
fn remove_leftovers(controllers: &Controllers) {
    let keys = controllers.cache.promotions.keys();
    let live: std::collections::HashSet<String> = keys
        .iter()
        .filter_map(|k| controllers.cache.promotions.get(&k.namespace, &k.name))
        .filter(|p| !p.is_terminal())
        .filter_map(|p| p.uid())
        .collect();
    match controllers.engine.remove_leftovers(&|uid| live.contains(uid)) {
        Ok(0) => {}
        Ok(n) => tracing::info!(n, "left-over work directories removed"),
        Err(error) => tracing::warn!(%error, "left-over work directories stay"),
    }
}

fn start_watches(c: &Controllers, tasks: &TaskTracker, stop: &CancellationToken) {
    macro_rules! follow {
        ($kind:ty, $index:ident, $client:expr, $route:path) => {{
            let (c, index, stop) = (c.clone(), c.cache.$index.clone(), stop.clone());
            let api = Api::<$kind>::all($client);
            tasks.spawn(async move {
                watch(stringify!($kind), api, index, stop, move |change| $route(&c, change)).await;
            });
        }};
    }
    follow!(Namespace, namespaces, c.client.clone(), on_namespace);
    follow!(Project, projects, c.client.clone(), on_project);
    follow!(ProjectConfig, configs, c.client.clone(), on_config);
    follow!(Warehouse, warehouses, c.client.clone(), on_warehouse);
    follow!(Freight, freight, c.client.clone(), on_freight);
    follow!(Stage, stages, c.client.clone(), on_stage);
    follow!(Promotion, promotions, c.client.clone(), on_promotion);
    if let Some(argocd) = &c.argocd {
        follow!(Application, applications, argocd.clone(), on_application);
    }
}

fn on_namespace(c: &Controllers, change: &Change<Namespace>) {
    let Some(namespace) = change.object() else { return };
    if namespace.labels().get(label::PROJECT).is_some_and(|v| v == "true") || change.new.is_none() {
        c.queues.projects.add(Key::new("", namespace.name_any()));
    }
}

fn on_project(c: &Controllers, change: &Change<Project>) {
    if let Some(project) = &change.new {
        c.queues.projects.add(Key::of(&**project));
    }
}

fn on_config(c: &Controllers, change: &Change<ProjectConfig>) {
    let Some(config) = change.object() else { return };
    let namespace = config.namespace().unwrap_or_default();
    c.queues.configs.add(Key::of(&**config));
    let spec = |config: &Option<Arc<ProjectConfig>>| config.as_ref().and_then(|c| c.spec.clone());
    if spec(&change.old) != spec(&change.new) {
        for stage in c.cache.stages.in_namespace(&namespace) {
            c.queues.stages.add(Key::of(&*stage));
        }
    }
}

fn on_warehouse(c: &Controllers, change: &Change<Warehouse>) {
    let Some(warehouse) = change.object() else { return };
    // Its own status brings no news: a Warehouse that fails must come back by its pauses alone.
    let asked = |w: &Option<Arc<Warehouse>>| {
        let refresh = w.as_ref().and_then(|w| w.annotations().get(annotation::REFRESH).cloned());
        (w.as_ref().and_then(|w| w.metadata.generation), refresh)
    };
    if change.new.is_some() && (change.old.is_none() || asked(&change.old) != asked(&change.new)) {
        c.queues.warehouses.add(Key::of(&**warehouse));
    }
    if change.old.is_none() || change.new.is_none() {
        let name = warehouse.name_any();
        wake_stages_below(c, warehouse.namespace(), |stage| {
            stage.spec.requested_freight.iter().any(|r| r.origin.name == name)
        });
    }
    count_anew(c, warehouse.namespace());
}

/// Stages that say that a source does not exist must hear when it comes or goes.
fn wake_stages_below(c: &Controllers, namespace: Option<String>, asks: impl Fn(&Stage) -> bool) {
    for stage in c.cache.stages.in_namespace(&namespace.unwrap_or_default()) {
        if asks(&stage) {
            c.queues.stages.add(Key::of(&*stage));
        }
    }
}

fn on_stage(c: &Controllers, change: &Change<Stage>) {
    let Some(stage) = change.object() else { return };
    let namespace = stage.namespace().unwrap_or_default();
    if change.new.is_some() {
        c.queues.stages.add(Key::of(&**stage));
    }
    let current = |s: &Option<Arc<Stage>>| {
        s.as_ref()
            .and_then(|s| s.status.as_ref())
            .and_then(|s| s.current_promotion.as_ref())
            .map(|p| p.name.clone())
    };
    let verifies = |s: &Option<Arc<Stage>>| {
        let status = s.as_ref().and_then(|s| s.status.as_ref());
        status.is_some_and(ferry_planner::stage::waits_for_verification)
    };
    let policy = |s: &Option<Arc<Stage>>| s.as_ref().and_then(|s| s.spec.queue_policy);
    let queue = |s: &Option<Arc<Stage>>| (current(s), verifies(s), policy(s));
    if queue(&change.old) != queue(&change.new) || change.old.is_none() || change.new.is_none() {
        wake_queue(c, &namespace, &stage.name_any());
    }
    if change.old.is_none() || change.new.is_none() {
        let name = stage.name_any();
        wake_stages_below(c, stage.namespace(), |below| {
            below.spec.requested_freight.iter().any(|r| r.sources.stages.contains(&name))
        });
    }
    count_anew(c, stage.namespace());
}

/// Wakes the Promotions of a Stage that have not ended.
fn wake_queue(c: &Controllers, namespace: &str, stage: &str) {
    for promotion in c.cache.promotions.in_group(namespace, stage) {
        if !promotion.is_terminal() {
            c.queues.promotions.add(Key::of(&*promotion));
        }
    }
}

/// Counts go over all Stages of the Project: what changes within this time is counted together.
const COUNTED_TOGETHER: Duration = Duration::from_millis(250);

fn count_anew(c: &Controllers, namespace: Option<String>) {
    c.queues.projects.add_after(Key::new("", namespace.unwrap_or_default()), COUNTED_TOGETHER);
}

fn on_promotion(c: &Controllers, change: &Change<Promotion>) {
    let Some(promotion) = change.object() else { return };
    let key = Key::of(&**promotion);
    let phase = |p: &Option<Arc<Promotion>>| p.as_ref().and_then(|p| p.phase());
    let uid = |p: &Option<Arc<Promotion>>| p.as_ref().and_then(|p| p.uid());
    if let Some(old) = change.old.as_ref().filter(|_| uid(&change.old) != uid(&change.new)) {
        promotion::gone(c, old);
    }
    if change.new.is_none() || change.old.is_none() || phase(&change.old) != phase(&change.new) {
        c.queues.stages.add(Key::new(key.namespace.clone(), promotion.spec.stage.clone()));
    }
    let stage = c.cache.stages.get(&key.namespace, &promotion.spec.stage);
    if change.old.is_none() && stage.is_some_and(|s| s.spec.queue_policy == Some(QueuePolicy::LatestOnly)) {
        // The older ones are to be discarded for it.
        wake_queue(c, &key.namespace, &promotion.spec.stage);
    }
    if change.new.is_some() {
        c.queues.promotions.add(key);
    }
}

/// Freight concerns the Stages that ask for its origin, and of those only the ones for which something changed.
fn on_freight(c: &Controllers, change: &Change<Freight>) {
    let Some(freight) = change.object() else { return };
    let namespace = freight.namespace().unwrap_or_default();
    let status = |f: &Option<Arc<Freight>>| f.as_ref().and_then(|f| f.status.clone()).unwrap_or_default();
    let (old, new) = (status(&change.old), status(&change.new));
    let is_new = change.old.is_none();
    for stage in c.cache.stages.in_namespace(&namespace) {
        let name = stage.name_any();
        let asks = stage.spec.requested_freight.iter().filter(|r| r.origin == freight.origin);
        let concerned = asks.into_iter().any(|request| {
            let upstream = request.sources.stages.iter().any(|s| {
                old.verified_in.get(s) != new.verified_in.get(s)
                    || old.currently_in.get(s) != new.currently_in.get(s)
            });
            is_new || upstream || old.approved_for.get(&name) != new.approved_for.get(&name)
        });
        if concerned {
            c.queues.stages.add(Key::of(&*stage));
        }
    }
}

fn on_application(c: &Controllers, change: &Change<Application>) {
    let Some(application) = change.object() else { return };
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let updated = old.zip(new);
    if updated.is_none_or(|(o, n)| ferry_argocd::changes::wakes_promotion(o.view(), n.view())) {
        c.engine.application_changed(&application.namespace().unwrap_or_default(), &application.name_any());
    }
    if change.new.is_none() {
        c.observed.forget(&application.namespace().unwrap_or_default(), &application.name_any());
    }
    // Also those that it named until now: they may have lost it.
    let named = |app: &Arc<Application>| ferry_argocd::changes::stages(app.view());
    let (before, after) = (old.map(named).unwrap_or_default(), new.map(named).unwrap_or_default());
    let concerns = updated.is_none_or(|(o, n)| ferry_argocd::changes::wakes_stage(o.view(), n.view()));
    if concerns || before != after {
        for stage in before.into_iter().chain(after) {
            c.queues.stages.add(Key::new(stage.project, stage.stage));
        }
    }
}
