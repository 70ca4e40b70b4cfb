//! The API server of our own: its data directory, its TLS, its users, and the definitions it starts with.

mod keys;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use ferry_apiserver::{
    Certificates, Identity, Limits, Options, Schemaless, Seats, Server, SigningKey, StaticTokens,
};
use ferry_store::Store;
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admission::Rules;
use crate::config::{Namespaces, Settings};
use crate::definitions;
use crate::probes::{self, Readiness};

/// The user behind the kubeconfig of a data directory.
pub const ADMIN: &str = "admin";
/// The user that controllers are.
pub const CONTROLLER: &str = "system:serviceaccount:kargo:kargo-controller";
/// The user that prepares the server and looks things up for admission.
const SYSTEM: &str = "system:ferry";

/// A running API server of our own.
pub struct Local {
    server: Server,
    url: String,
    kubeconfig: PathBuf,
    listening: JoinHandle<()>,
    stop: CancellationToken,
}

impl Local {
    /// Opens the data directory, listens, and installs what is ours.
    pub async fn start(settings: &Settings, readiness: Readiness) -> Result<Self> {
        let directory = &settings.data_dir;
        // First: a second process on this directory is told so, not that its port is taken.
        let store = Store::open(&ferry_store::Options::new(directory))?;
        let directory = &std::path::absolute(directory)?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            anyhow!(
                "cannot listen on {}: {error}; choose another --listen, port 0 picks a free one",
                settings.listen
            )
        })?;
        let url = format!("https://{}", listener.local_addr()?);
        let keys = keys::open(directory)?;
        let certificates = Certificates::open(&keys.tls, &settings.hosts)?;
        let tokens = StaticTokens::new()
            .with(&keys.admin, Identity::master(ADMIN))
            .with(&keys.controller, Identity::master(CONTROLLER));
        let options = Options {
            authenticator: Arc::new(tokens),
            signing_key: Some(Arc::new(SigningKey::read(&keys.accounts)?)),
            hosts: settings.hosts.clone(),
            event_seconds: settings.event_seconds,
            seats: Seats::of(settings.max_requests),
            schemaless: if settings.standin { schemaless() } else { Vec::new() },
            ..Options::default().with_roles(&store)
        };
        let rules = Arc::new(Rules::new(options.authorizer.clone()));
        let server = Server::new(store, Options { admission: rules.clone(), ..options })?;
        server.install_roles().await;
        let client = Client::new(server.router_for(Identity::master(SYSTEM)), "default");
        rules.look_up_with(client.clone());
        prepare(&client, settings).await.context("cannot prepare the API server")?;
        let kubeconfig = directory.join("kubeconfig");
        let kubeconfig_of = |token: &str| ferry_apiserver::kubeconfig(&url, &certificates.authority, token);
        keys::write_private(&kubeconfig, kubeconfig_of(&keys.admin))?;
        keys::write_private(&directory.join("controller.kubeconfig"), kubeconfig_of(&keys.controller))?;
        let stop = CancellationToken::new();
        let router = probes::around(server.router(), readiness);
        let limits = Limits::default();
        let serving =
            ferry_apiserver::serve(router, listener, Some(certificates.config), limits, stop.clone());
        let listening = tokio::spawn(serving);
        Ok(Self { server, url, kubeconfig, listening, stop })
    }

    /// A client for somebody inside this process.
    pub fn client(&self, identity: Identity) -> Client {
        Client::new(self.server.router_for(identity), "default")
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The kubeconfig of its administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Ends watches, requests and writes, and gives the data directory free.
    pub async fn stop(self) {
        self.server.stop();
        self.stop.cancel();
        let _ended = self.listening.await;
        let store = self.server.store().clone();
        // Waits for the writer's last commit.
        let _closed = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

/// What Applications of the stand-in may be made of.
fn schemaless() -> Vec<Schemaless> {
    let stored = |kind: &ferry_standin::argocd::Kind| Schemaless {
        group: kind.group,
        version: kind.version,
        kind: kind.kind,
        plural: kind.plural,
        namespaced: kind.namespaced,
        has_status: true,
    };
    ferry_standin::argocd::KINDS.iter().map(stored).collect()
}

async fn prepare(client: &Client, settings: &Settings) -> Result<()> {
    let mut wanted = ferry_api::crds::crds();
    let Namespaces { own, shared, system, argocd } = &settings.namespaces;
    let mut namespaces = vec!["default", own, shared, system];
    if settings.standin {
        wanted.extend(ferry_standin::argocd::crds());
        namespaces.push(argocd);
    }
    definitions::install(client, wanted).await?;
    for namespace in namespaces {
        definitions::ensure_namespace(client, namespace).await?;
    }
    Ok(())
}
