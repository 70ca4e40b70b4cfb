//! The server: what it is made of, and the routers it gives.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use ferry_store::{List, Object, Scope, Start, Store, Subscription};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::admission::AdmitAll;
use crate::authentication::{self, Shared};
use crate::catalog::Catalog;
use crate::documents::Documents;
use crate::fairness::{Fairness, Seats};
use crate::kinds::DEFINITIONS;
use crate::schemaless::Schemaless;
use crate::{
    Admission, Authenticator, Authorizer, Identity, KeyError, MastersOnly, Roles, SigningKey, StaticTokens,
    Status, handler, roles,
};

/// What a server is made with.
#[derive(Clone)]
pub struct Options {
    /// Rules around writes.
    pub admission: Arc<dyn Admission>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// The roles and bindings behind `authorizer`, where it goes by them: then nobody hands out what they do not have.
    pub roles: Option<Arc<Roles>>,
    /// What tokens of ServiceAccounts are signed with; none: a key that lasts as long as the process.
    pub signing_key: Option<Arc<SigningKey>>,
    /// Whose token it is, of those that are no ServiceAccount's.
    pub authenticator: Arc<dyn Authenticator>,
    /// Host names served beside the loopback ones.
    pub hosts: Vec<String>,
    /// Whether to collect orphans and empty terminating namespaces (a real cluster's controller manager does).
    pub background: bool,
    /// Seconds an Event is kept; 0: for ever.
    pub event_seconds: u64,
    /// How many requests from sockets are worked on at a time.
    pub seats: Seats,
    /// Kinds that are served beside the built-in ones, with any content.
    pub schemaless: Vec<Schemaless>,
}

impl Options {
    /// The same, deciding by the roles and bindings of a store.
    #[must_use]
    pub fn with_roles(self, store: &Store) -> Self {
        let roles = Arc::new(Roles::new(store.clone()));
        Self { authorizer: roles.clone(), roles: Some(roles), ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            admission: Arc::new(AdmitAll),
            authorizer: Arc::new(MastersOnly),
            roles: None,
            signing_key: None,
            authenticator: Arc::new(StaticTokens::new()),
            hosts: Vec::new(),
            background: true,
            event_seconds: 3600,
            seats: Seats::default(),
            schemaless: Vec::new(),
        }
    }
}

/// Says that a request came through a socket.
#[derive(Clone, Copy)]
pub(crate) struct Outside;

/// The API server. Clones share it.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: Options,
    catalog: RwLock<Arc<Catalog>>,
    /// One at a time builds the catalog.
    building: Mutex<()>,
    documents: Documents,
    signing_key: Arc<SigningKey>,
    fairness: Fairness,
    changed: watch::Sender<u64>,
    stop: CancellationToken,
}

impl Server {
    /// A server over a store. Must be called inside a Tokio runtime when `options.background` is set.
    pub fn new(store: Store, mut options: Options) -> Result<Self, KeyError> {
        let background = options.background;
        let signing_key = match options.signing_key.take() {
            Some(key) => key,
            None => Arc::new(SigningKey::ephemeral()?),
        };
        let fairness = Fairness::new(options.seats);
        let inner = Inner {
            store,
            fairness,
            options,
            catalog: RwLock::default(),
            building: Mutex::new(()),
            documents: Documents::default(),
            signing_key,
            changed: watch::Sender::new(0),
            stop: CancellationToken::new(),
        };
        let server = Self { inner: Arc::new(inner) };
        server.refresh();
        if background {
            crate::background::start(&server);
        }
        Ok(server)
    }

    /// Makes the roles and bindings that every server has, where they are missing.
    pub async fn install_roles(&self) {
        roles::install(self).await;
    }

    /// A router for an in-process client that is `identity`: whatever headers say.
    pub fn router_for(&self, identity: Identity) -> Router {
        Router::new()
            .fallback(handler::handle)
            .with_state(self.clone())
            .layer(Extension(identity))
            .layer(CatchPanicLayer::custom(on_panic))
    }

    /// A router for sockets: every request is asked who it is from, and `Host` is checked.
    pub fn router(&self) -> Router {
        Router::new()
            .fallback(handler::handle)
            .with_state(self.clone())
            .layer(axum::middleware::from_fn_with_state(self.clone(), authentication::identify))
            .layer(Extension(Outside))
            .layer(CatchPanicLayer::custom(on_panic))
    }

    /// Ends watches and background work. The store stays open.
    pub fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.inner.stop
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn hosts(&self) -> &[String] {
        &self.inner.options.hosts
    }

    pub(crate) fn admission(&self) -> &dyn Admission {
        self.inner.options.admission.as_ref()
    }

    pub(crate) fn authorizer(&self) -> &dyn Authorizer {
        self.inner.options.authorizer.as_ref()
    }

    pub(crate) fn roles(&self) -> Option<&Roles> {
        self.inner.options.roles.as_deref()
    }

    pub(crate) fn fairness(&self) -> &Fairness {
        &self.inner.fairness
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.inner.signing_key
    }

    pub(crate) fn authenticator(&self) -> &Shared {
        &self.inner.options.authenticator
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.catalog.read())
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.inner.documents
    }

    /// Tells when the catalog has changed.
    pub(crate) fn catalog_changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Builds the catalog from the stored definitions; called after every write to one.
    pub(crate) fn refresh(&self) {
        let _turn = self.inner.building.lock();
        let definitions = self.inner.store.list(DEFINITIONS, None);
        let before = self.catalog();
        *self.inner.catalog.write() =
            Arc::new(Catalog::build(&definitions.objects, &self.inner.options.schemaless, &before));
        self.inner.changed.send_replace(definitions.version);
    }

    pub(crate) fn list(&self, storage: &str, namespace: Option<&str>) -> List {
        self.inner.store.list(storage, namespace)
    }

    pub(crate) fn objects(&self, storage: &str) -> Vec<Arc<Object>> {
        self.inner.store.list(storage, None).objects
    }

    pub(crate) fn subscribe(&self, scope: Scope, start: Start) -> Result<Subscription, ferry_store::Expired> {
        self.inner.store.subscribe(scope, start)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("store", &self.inner.store.directory()).finish_non_exhaustive()
    }
}

fn on_panic(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    use axum::response::IntoResponse;
    tracing::error!("a request handler panicked");
    Status::internal("an internal error happened; see the server's log").into_response()
}
