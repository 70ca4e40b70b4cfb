//! The stand-in for Argo CD, and its loopback Git server: what the demo and the tests have instead of a cluster.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ferry_standin::git_server::GitServer;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::active::Gits;
use crate::config::Settings;

/// What runs of it.
pub struct Standin {
    controller: JoinHandle<()>,
    git_server: Option<GitServer>,
    stop: CancellationToken,
}

impl Standin {
    /// Starts it, if asked for.
    pub async fn start(settings: &Settings, client: Client, gits: &Gits) -> Result<Option<Self>> {
        let Some(git) = gits.standin.as_deref() else { return Ok(None) };
        let git_server = match &settings.standin_git {
            None => None,
            Some((root, port)) => {
                let server = GitServer::start_on(root, *port).await.context("the loopback git server")?;
                tracing::info!(url = server.url(), root = %root.display(), "serving Git repositories");
                Some(server)
            }
        };
        let chosen = ferry_standin::argocd::Settings {
            namespace: settings.namespaces.argocd.clone(),
            ..ferry_standin::argocd::Settings::default()
        };
        let stop = CancellationToken::new();
        let running = ferry_standin::argocd::run(client, Arc::new(git.clone()), chosen, stop.clone());
        Ok(Some(Self { controller: tokio::spawn(running), git_server, stop }))
    }

    /// The loopback Git server, if there is one.
    pub fn git_server(&self) -> Option<&GitServer> {
        self.git_server.as_ref()
    }

    /// Ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ended = self.controller.await;
    }
}
