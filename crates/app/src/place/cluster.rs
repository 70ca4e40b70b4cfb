//! On a cluster: of all processes one is active, by a Lease. The others wait for it to go.

use std::sync::Arc;

use anyhow::Result;
use ferry_controllers::{Lease, LeaseSettings};
use kube::Client;
use kube::api::{Api, ListParams};
use tokio_util::sync::CancellationToken;

use crate::active::{Active, Clusters, Gits};
use crate::config::{Place, Settings};
use crate::connect::{self, words};
use crate::definitions;
use crate::probes::Readiness;
use crate::standin::Standin;

/// Works on the cluster until `stop`. `announce` is called each time this process becomes the active one.
pub(crate) async fn run(
    settings: &Settings,
    readiness: &Readiness,
    stop: &CancellationToken,
    announce: impl Fn(&str) -> Result<()>,
) -> Result<()> {
    let (own, name) = own_cluster(settings).await?;
    let (argocd, argocd_name) = match &settings.argocd_kubeconfig {
        Some(file) => (connect::by_kubeconfig(file).await?, format!("the cluster of {}", file.display())),
        None => (own.clone(), name.clone()),
    };
    let gits = Gits::open(settings)?;
    if !connect::until_reachable(&own, &name, stop).await || !until_installed(&own, &name, stop).await {
        return Ok(());
    }
    prepare(&own, settings).await?;
    let clusters = Clusters { own: own.clone(), argocd, argocd_name };
    let holder = format!("{}_{}", host_name(), uuid::Uuid::new_v4());
    while !stop.is_cancelled() {
        let lease = Arc::new(Lease::new(own.clone(), LeaseSettings::new(&settings.namespaces.own, &holder)));
        if !lease.acquire(stop).await {
            break;
        }
        // Two of them would get into each other's way.
        let standin = Standin::start(settings, own.clone(), &gits).await?;
        let active = Active::start(settings, &clusters, &gits, lease.authority(), readiness)?;
        announce(&name)?;
        // The Lease is held until nothing works any more.
        let done = CancellationToken::new();
        let mut holding = tokio::spawn({
            let (lease, done) = (lease.clone(), done.clone());
            async move { lease.hold(&done).await }
        });
        tokio::select! {
            _ = &mut holding => {}
            () = stop.cancelled() => {}
        }
        active.stop().await;
        if let Some(standin) = standin {
            standin.stop().await;
        }
        done.cancel();
        if !holding.is_finished() {
            let _released = holding.await;
        }
    }
    Ok(())
}

async fn own_cluster(settings: &Settings) -> Result<(Client, String)> {
    match &settings.place {
        Place::Kubeconfig(file) => {
            Ok((connect::by_kubeconfig(file).await?, format!("the cluster of {}", file.display())))
        }
        Place::Alone | Place::InCluster => Ok((connect::in_cluster()?, "this cluster".to_owned())),
    }
}

/// Waits for our CRDs. `false`: told to stop.
async fn until_installed(client: &Client, name: &str, stop: &CancellationToken) -> bool {
    let projects: Api<ferry_api::Project> = Api::all(client.clone());
    let mut pause = std::time::Duration::from_millis(500);
    loop {
        let why = match projects.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => return true,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                "its CRDs are missing; install them: ferry crds | kubectl apply --server-side -f -".to_owned()
            }
            Err(error) => words(&error),
        };
        tracing::error!("Ferry cannot work on {name} yet: {why}");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return false,
        }
        pause = (pause * 2).min(std::time::Duration::from_secs(10));
    }
}

/// The namespace of the Lease, and what the stand-in needs.
async fn prepare(client: &Client, settings: &Settings) -> Result<()> {
    definitions::ensure_namespace(client, &settings.namespaces.own).await?;
    if settings.standin {
        definitions::ensure_namespace(client, &settings.namespaces.argocd).await?;
        definitions::install(client, ferry_standin::argocd::crds()).await?;
    }
    Ok(())
}

fn host_name() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "ferry".to_owned())
}
