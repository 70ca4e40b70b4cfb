//! Clients for clusters that are not ours: by a kubeconfig, or from inside a Pod.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;

/// Longest pause between attempts.
const PAUSE: Duration = Duration::from_secs(30);

/// A client by a kubeconfig's current context. Nothing is asked yet.
pub async fn by_kubeconfig(path: &Path) -> Result<Client> {
    let at = || format!("kubeconfig {}", path.display());
    if !path.exists() {
        return Err(anyhow!("{}: there is no such file", at()));
    }
    let kubeconfig = Kubeconfig::read_from(path).with_context(at)?;
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.with_context(at)?;
    client(config).with_context(at)
}

/// A client as the service account of this Pod.
pub fn in_cluster() -> Result<Client> {
    let config = Config::incluster().context(
        "in-cluster: this process is no Pod with a service account (give --kubeconfig FILE outside of a cluster)",
    )?;
    client(config)
}

fn client(mut config: Config) -> Result<Client> {
    config.connect_timeout = Some(Duration::from_secs(10));
    // Watches are silent for long; the server ends them within five minutes.
    config.read_timeout = Some(Duration::from_secs(330));
    config.write_timeout = Some(Duration::from_secs(30));
    Ok(Client::try_from(config)?)
}

/// Asks the API server until it answers: says why it does not, and goes on trying. `false`: told to stop.
pub(crate) async fn until_reachable(client: &Client, what: &str, stop: &CancellationToken) -> bool {
    let mut pause = Duration::from_millis(500);
    loop {
        let asked = tokio::time::timeout(Duration::from_secs(10), client.apiserver_version());
        let answer = tokio::select! {
            answer = asked => answer,
            () = stop.cancelled() => return false,
        };
        let why = match answer {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => words(&error),
            Err(_) => "no answer within 10 s".to_owned(),
        };
        tracing::error!("the API server of {what} cannot be reached: {why}; trying again in {pause:?}");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return false,
        }
        pause = (pause * 2).min(PAUSE);
    }
}

/// What a client's error says to a person.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => causes(other),
    }
}

/// An error with what it came from.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}
