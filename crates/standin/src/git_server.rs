//! A loopback Git server: smart HTTP over the real `git http-backend`, for the demo and for tests. It serves every
//! bare repository below one directory, asks for a password where told to, counts what it is asked, and can be made
//! to misbehave (`faults`). It listens on 127.0.0.1 only and is no server for production.

mod access;
mod backend;
mod counts;
mod faults;
mod import;
mod lfs;
mod repository;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use counts::Counts;
pub use faults::{Fault, Hold, Service};
pub use import::Change;
pub use repository::{Branch, LogEntry, Repository, Tag};

/// Why the server could not be started or a repository not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory or the socket could not be used.
    #[error("cannot {what}")]
    Io {
        /// What was attempted.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Git itself refused.
    #[error("git {command} failed in {repository}: {stderr}")]
    Git {
        /// The sub-command.
        command: String,
        /// The repository's directory.
        repository: String,
        /// What Git said.
        stderr: String,
    },
    /// A repository's name that could leave the root directory.
    #[error("{0:?} is no name for a repository: use letters, digits, '-', '_', '.' and '/'")]
    Name(String),
}

/// Git, by its whole path: so it is started without a copy of our address space.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| ferry_git::Settings::default().found_program());
    &PROGRAM
}

/// What the request handlers share.
#[derive(Debug)]
struct Shared {
    root: PathBuf,
    access: access::Access,
    counts: counts::Counter,
    faults: faults::Faults,
}

/// The running server. Dropping it stops it: connections are closed and `git` children killed.
#[derive(Debug)]
pub struct GitServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl GitServer {
    /// Serves the repositories below `root` (made if missing) on a free port of 127.0.0.1.
    pub async fn start(root: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::start_on(root, 0).await
    }

    /// The same on a given port (0 picks one), so that URLs survive a restart.
    pub async fn start_on(root: impl Into<PathBuf>, port: u16) -> Result<Self, Error> {
        let root = root.into();
        let io = |what: String| move |source| Error::Io { what, source };
        std::fs::create_dir_all(&root).map_err(io(format!("make {}", root.display())))?;
        let root = root.canonicalize().map_err(io(format!("open {}", root.display())))?;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(io(format!("listen on 127.0.0.1:{port}")))?;
        let address = listener.local_addr().map_err(io("read the listening address".into()))?;
        let shared = Arc::new(Shared {
            root,
            access: access::Access::default(),
            counts: counts::Counter::default(),
            faults: faults::Faults::default(),
        });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        let accepting = tokio::spawn(accept(listener, router));
        Ok(Self { shared, address, accepting })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of one repository: `http://127.0.0.1:PORT/NAME.git`.
    pub fn repository_url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.url())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The directory whose repositories are served.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// Makes an empty bare repository `NAME.git` whose `HEAD` names `branch`. One that exists stays as it is.
    pub async fn create_repository(&self, name: &str, branch: &str) -> Result<Repository, Error> {
        Repository::create(&self.shared.root, name, branch).await
    }

    /// A repository by name, whether or not it is there.
    pub fn repository(&self, name: &str) -> Result<Repository, Error> {
        Repository::at(&self.shared.root, name)
    }

    /// Asks for this user and password wherever the path starts with `prefix` (`/private/`). The longest prefix wins;
    /// the same prefix again replaces the password.
    pub fn protect(&self, prefix: &str, username: &str, password: &str) {
        self.shared.access.protect(prefix, username, password);
    }

    /// How often the server was asked what, since the start or the last `reset_counts`.
    pub fn counts(&self) -> Counts {
        self.shared.counts.now()
    }

    /// Starts counting anew.
    pub fn reset_counts(&self) {
        self.shared.counts.reset();
    }

    /// Waits until the counts are as wanted (without polling).
    pub async fn until(&self, wanted: impl FnMut(&Counts) -> bool) {
        self.shared.counts.until(wanted).await;
    }

    /// From now on requests for `service` below `prefix` (`/` = all) meet this fault, `times` times (`None` = always).
    pub fn fail(&self, prefix: &str, service: Service, fault: Fault, times: Option<u32>) {
        self.shared.faults.add(prefix, service, fault, times);
    }

    /// Requests for `service` below `prefix` wait until the returned value is dropped.
    pub fn hold(&self, prefix: &str, service: Service) -> Hold {
        self.shared.faults.hold(prefix, service)
    }

    /// Forgets all faults; what hangs keeps hanging until its connection ends.
    pub fn behave(&self) {
        self.shared.faults.clear();
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the connections: when this future is dropped they end, and with them their children.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the loopback git server cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let served = auto::Builder::new(TokioExecutor::new()).http1_only();
            if let Err(error) = served.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the loopback git server ended early");
            }
        });
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let service = Service::of(request.uri());
    let open = shared.counts.start(service);
    if !shared.access.admits(&path, request.headers()) {
        shared.counts.unauthorized();
        return access::challenge();
    }
    let fault = shared.faults.meet(&path, service).await;
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status(code)) => refuse(code),
        Some(lost @ (Fault::LoseAnswer | Fault::KeepAnswer)) => {
            let answer = work(&shared, service, request, open).await;
            // Wait for the end of the work, then cut the connection without a word.
            let _whole = http_body_util::BodyExt::collect(answer.into_body()).await;
            if lost == Fault::KeepAnswer {
                return std::future::pending().await;
            }
            let cut = futures::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("cut")) });
            Body::from_stream(cut).into_response()
        }
        None => work(&shared, service, request, open).await,
    }
}

async fn work(shared: &Shared, service: Service, request: Request, open: counts::Open) -> Response {
    match service {
        Service::LargeFiles => lfs::answer(&shared.root, request).await,
        _ => backend::run(&shared.root, request, open).await,
    }
}

fn refuse(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::UNAUTHORIZED {
        return access::challenge();
    }
    (status, format!("refused with {status} as told\n")).into_response()
}
