//! `ferry up`: starts everything and runs until it is told to stop.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use crate::config::{Place, Settings};
use crate::local::Local;
use crate::probes::Readiness;
use crate::{metrics, probes, stop};

pub(crate) async fn run(settings: Settings) -> Result<()> {
    metrics::start();
    let stop = stop::on_signals()?;
    let readiness = Readiness::default();
    if let Some(address) = settings.metrics_listen {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address} for metrics; choose another --metrics-listen")
        })?;
        let (router, limits) = (probes::open(readiness.clone()), ferry_apiserver::Limits::default());
        tokio::spawn(ferry_apiserver::serve(router, listener, None, limits, stop.clone()));
    }
    match settings.place {
        Place::Alone => alone(&settings, readiness, stop).await,
        Place::Kubeconfig(_) | Place::InCluster => anyhow::bail!("not yet"),
    }
}

async fn alone(
    settings: &Settings,
    readiness: Readiness,
    stop: tokio_util::sync::CancellationToken,
) -> Result<()> {
    let local = Local::start(settings, readiness).await?;
    announce(&local)?;
    stop.cancelled().await;
    local.stop().await;
    Ok(())
}

/// The one line on standard output: where it listens, and the kubeconfig.
fn announce(local: &Local) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {} kubeconfig {}", local.url(), local.kubeconfig().display())?;
    out.flush()?;
    Ok(())
}
