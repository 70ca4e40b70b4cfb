//! Alone: our own API server, and on it controllers, engine and, if asked for, the stand-in.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use ferry_apiserver::Identity;
use ferry_engine::world;
use ferry_standin::git_server::GitServer;
use kube::Client;

use crate::active::{Active, Clusters, Gits};
use crate::config::Settings;
use crate::connect;
use crate::local::{self, Local};
use crate::probes::Readiness;
use crate::standin::Standin;

/// A whole Ferry in one process.
pub struct Alone {
    local: Local,
    standin: Option<Standin>,
    active: Option<Active>,
}

impl Alone {
    /// Starts everything that the settings ask for.
    pub async fn start(settings: &Settings, readiness: &Readiness) -> Result<Self> {
        let local = Local::start(settings, readiness.clone()).await?;
        if !settings.controllers {
            return Ok(Self { local, standin: None, active: None });
        }
        let gits = Gits::open(settings)?;
        let outsider =
            local.client(Identity::master("system:serviceaccount:argocd:argocd-application-controller"));
        let standin = Standin::start(settings, outsider, &gits).await?;
        let own = local.client(Identity::master(local::CONTROLLER));
        let (argocd, argocd_name) = match &settings.argocd_kubeconfig {
            Some(file) => (connect::by_kubeconfig(file).await?, format!("the cluster of {}", file.display())),
            None => (own.clone(), "Ferry's own API server".to_owned()),
        };
        let clusters = Clusters { own, argocd, argocd_name };
        let authority = Arc::new(world::Alone);
        let active = Some(Active::start(settings, &clusters, &gits, authority, readiness)?);
        Ok(Self { local, standin, active })
    }

    /// A client that is the administrator, without a socket.
    pub fn client(&self) -> Client {
        self.local.client(Identity::master(local::ADMIN))
    }

    /// Where the API server listens.
    pub fn url(&self) -> &str {
        self.local.url()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        self.local.kubeconfig()
    }

    /// The loopback Git server, if there is one.
    pub fn git_server(&self) -> Option<&GitServer> {
        self.standin.as_ref().and_then(Standin::git_server)
    }

    /// An orderly end: steps at work get their time, the API server goes last.
    pub async fn stop(self) {
        if let Some(active) = self.active {
            active.stop().await;
        }
        if let Some(standin) = self.standin {
            standin.stop().await;
        }
        self.local.stop().await;
    }
}
