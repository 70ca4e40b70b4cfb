//! The loopback listener: TLS, limits, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Bounds of the listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at a time; more wait.
    pub connections: usize,
    /// Longest time for a TLS handshake and for the head of a request.
    pub head: Duration,
    /// Longest time for running requests to end at shutdown.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, head: Duration::from_secs(10), grace: Duration::from_secs(5) }
    }
}

/// Serves `router` on `listener` until `stop`; over TLS if there is a configuration.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = Connection { router: router.clone(), tls: tls.clone(), limits, permit };
                tokio::spawn(connection.run(stream, graceful.watcher()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::info!("some connections did not end in time");
    }
}

struct Connection {
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: hyper_util::server::graceful::Watcher) {
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router);
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.head);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .max_concurrent_streams(1024);
        let result = match self.tls {
            None => {
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                watcher.watch(connection.into_owned()).await
            }
            Some(config) => match timeout(self.limits.head, TlsAcceptor::from(config).accept(stream)).await {
                Ok(Ok(stream)) => {
                    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                    watcher.watch(connection.into_owned()).await
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "TLS handshake failed");
                    return;
                }
                Err(_) => return,
            },
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection ended");
        }
        drop(self.permit);
    }
}

/// A kubeconfig with one cluster, user and context. `authority` is PEM; empty for plain HTTP.
pub fn kubeconfig(url: &str, authority: &str, token: &str) -> String {
    use base64::Engine;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let certificate = if authority.is_empty() {
        String::new()
    } else {
        let encoded = base64::engine::general_purpose::STANDARD.encode(authority);
        format!("\n    certificate-authority-data: {encoded}")
    };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: ferry\nclusters:\n- name: ferry\n  cluster:\n    server: {}{certificate}\nusers:\n- name: ferry\n  user:\n    token: {}\ncontexts:\n- name: ferry\n  context:\n    cluster: ferry\n    user: ferry\n",
        quoted(url),
        quoted(token),
    )
}
