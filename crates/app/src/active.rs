//! The controllers and the engine of this process, wired to a cluster.

mod argocd;
mod gits;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ferry_controllers::Controllers;
use ferry_engine::applications::{ArgoCd, ClusterApplications};
use ferry_engine::resources::{ClusterResources, Control};
use ferry_engine::step::Registry;
use ferry_engine::work::WorkRoot;
use ferry_engine::world::{Authority, Cluster, World};
use ferry_engine::{Engine, Services};
use ferry_exec::Programs;
use ferry_git::PushPolicy;
use ferry_net::Http;
use ferry_steps::git::Defaults;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{GitPushPolicy, Settings};
use crate::probes::Readiness;

pub use gits::Gits;

/// How long steps at work get when the process is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The clusters that are worked on.
#[derive(Clone)]
pub struct Clusters {
    /// Where our own objects are.
    pub own: Client,
    /// Where Argo CD is.
    pub argocd: Client,
    /// What that is called in messages.
    pub argocd_name: String,
}

/// Controllers and engine at work.
pub struct Active {
    engine: Engine,
    controllers: JoinHandle<()>,
    stop: CancellationToken,
}

impl Active {
    /// Starts them.
    pub fn start(
        settings: &Settings,
        clusters: &Clusters,
        gits: &Gits,
        authority: Arc<dyn Authority>,
        readiness: &Readiness,
    ) -> Result<Self> {
        let names = &settings.namespaces;
        let world: Arc<dyn World> = Arc::new(Cluster::new(clusters.own.clone(), authority));
        let applications = ClusterApplications::new(clusters.argocd.clone());
        let services = Services::new()
            .with(gits.own.clone())
            .with(Arc::new(Defaults { push_policy: push_policy(settings.git_push_policy) }))
            .with(Arc::new(ArgoCd { applications: Some(Arc::new(applications)) }))
            .with(Arc::new(Http::new(settings.egress.clone())))
            .with(Arc::new(programs(settings)?))
            .with(Arc::new(Control(Arc::new(ClusterResources::new(clusters.own.clone())))));
        let engine_settings = ferry_engine::context::Settings {
            shared_resources_namespace: names.shared.clone(),
            system_resources_namespace: names.system.clone(),
            argocd_namespace: names.argocd.clone(),
            credentials_over_http: settings.credentials_over_http,
            oci_push_bytes: Some(settings.oci_push_bytes),
            ..ferry_engine::context::Settings::default()
        };
        let work =
            WorkRoot::new(&settings.data_dir.join("work")).context("cannot use the work directories")?;
        let git = gits.own.clone();
        let work = work.salvaging(move |directory| git.take_back(directory));
        let engine = Engine::new(
            world.clone(),
            Registry::new(ferry_steps::BUILTIN.iter().copied()),
            services,
            engine_settings,
            work,
            settings.steps,
        );
        let controllers_settings = ferry_controllers::Settings {
            argocd_namespace: names.argocd.clone(),
            shared_resources_namespace: names.shared.clone(),
            overdue_after: settings.overdue_after,
            ..ferry_controllers::Settings::default()
        };
        let controllers = Controllers::new(
            clusters.own.clone(),
            Some(clusters.argocd.clone()),
            engine.clone(),
            gits.own.clone(),
            world,
            controllers_settings,
        );
        let stop = CancellationToken::new();
        let ready = controllers.clone();
        readiness.ask(move || ready.is_ready());
        tokio::spawn(argocd::watch_over(clusters.argocd.clone(), clusters.argocd_name.clone(), stop.clone()));
        let controllers = tokio::spawn(ferry_controllers::run(controllers, stop.clone()));
        Ok(Self { engine, controllers, stop })
    }

    /// Starts no step any more, gives those at work their time, and returns when nothing works.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let controllers = tokio::time::timeout(GRACE, &mut self.controllers);
        let ((), ended) = tokio::join!(self.engine.shut_down(GRACE), controllers);
        if ended.is_err() {
            self.controllers.abort();
        }
    }
}

fn push_policy(chosen: GitPushPolicy) -> PushPolicy {
    match chosen {
        GitPushPolicy::AlwaysRebase => PushPolicy::AlwaysRebase,
        GitPushPolicy::AlwaysMerge => PushPolicy::AlwaysMerge,
        GitPushPolicy::RebaseOrMerge => PushPolicy::RebaseOrMerge,
        GitPushPolicy::RebaseOrFail => PushPolicy::RebaseOrFail,
        GitPushPolicy::None => PushPolicy::None,
    }
}

/// The programs that steps run. What an earlier process left of theirs goes away.
fn programs(settings: &Settings) -> Result<Programs> {
    // The kernel knows it also after an upgrade has put another file in its place.
    let ourselves = if cfg!(target_os = "linux") {
        "/proc/self/exe".into()
    } else {
        std::env::current_exe().context("cannot tell where ferry is")?
    };
    let scratch = settings.data_dir.join("scratch");
    if let Err(e) = std::fs::remove_dir_all(&scratch)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(e).context("cannot clear the scratch directory");
    }
    let child = vec![ourselves.into_os_string(), "exec-child".into()];
    let programs = Programs::new(child, scratch, settings.program_limits);
    Ok(settings.programs.iter().fold(programs, |programs, (name, path)| programs.with(name, path.clone())))
}
