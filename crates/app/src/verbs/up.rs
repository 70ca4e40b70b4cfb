//! `ferry up`: starts everything and runs until it is told to stop.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Place, Settings};
use crate::place::{self, Alone};
use crate::probes::{self, Readiness};
use crate::{metrics, stop};

pub(crate) async fn run(settings: Settings) -> Result<()> {
    metrics::start();
    let stop = stop::on_signals()?;
    let readiness = Readiness::default();
    answer_probes(&settings, &readiness, &stop).await?;
    match settings.place {
        Place::Alone => {
            let alone = Alone::start(&settings, &readiness).await?;
            announce(&format!("ready {} kubeconfig {}", alone.url(), alone.kubeconfig().display()))?;
            stop.cancelled().await;
            alone.stop().await;
            Ok(())
        }
        Place::Kubeconfig(_) | Place::InCluster => {
            let active = |cluster: &str| announce(&format!("ready on {cluster}"));
            place::run_on_cluster(&settings, &readiness, &stop, active).await
        }
    }
}

async fn answer_probes(settings: &Settings, readiness: &Readiness, stop: &CancellationToken) -> Result<()> {
    let Some(address) = settings.metrics_listen else { return Ok(()) };
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for metrics; choose another --metrics-listen")
    })?;
    tracing::info!(address = %listener.local_addr()?, "metrics");
    let (router, limits) = (probes::open(readiness.clone()), ferry_apiserver::Limits::default());
    tokio::spawn(ferry_apiserver::serve(router, listener, None, limits, stop.clone()));
    Ok(())
}

/// The one line on standard output, for whoever waits for it.
fn announce(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
