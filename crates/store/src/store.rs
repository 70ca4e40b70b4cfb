//! The store's face: open, read from memory, write through the queue, watch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::database::Database;
use crate::state::{Bounds, List, State};
use crate::watch::{Scope, Start, Subscription};
use crate::writer::{self, Change, Guard, Reply, Request};
use crate::{Error, Expired, Key, Object, WriteError, files};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made if it is not there.
    pub directory: PathBuf,
    /// Most events of one resource kept for watchers that resume.
    pub log_events: usize,
    /// Most bytes of such events, per resource.
    pub log_bytes: usize,
    /// Most events waiting for one watcher before it is ended.
    pub watcher_events: usize,
    /// Requests that may wait for the writer before callers do.
    pub queue: usize,
    /// Versions of a new database start after this one.
    pub first_version: u64,
    /// Largest object, serialised.
    pub object_bytes: usize,
    /// Largest database file; none: as large as the disk lets it be.
    pub database_bytes: Option<u64>,
}

impl Options {
    /// The defaults, for a data directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            log_events: 20_000,
            log_bytes: 2 << 20,
            watcher_events: 8_192,
            queue: 4_096,
            first_version: 0,
            object_bytes: 3 << 19,
            database_bytes: None,
        }
    }
}

/// A handle on the store; clones share it. When the last one is dropped, what is queued is still committed.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Arc<RwLock<State>>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    directory: PathBuf,
}

impl Store {
    /// Opens the data directory. Blocks while the database is read.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let (path, mut lock) = files::prepare(&options.directory)?;
        let database = Database::open(&path)?;
        files::mark_used(&mut lock)
            .map_err(|source| Error::Io { path: options.directory.clone(), source })?;
        if let Some(bytes) = options.database_bytes {
            database.limit(bytes)?;
        }
        database.raise_version(options.first_version)?;
        let bounds = Bounds {
            log_events: options.log_events,
            log_bytes: options.log_bytes,
            watcher_events: options.watcher_events.max(1),
            object_bytes: options.object_bytes,
        };
        let mut state = State::new(database.version()?, bounds);
        database.load(|object| state.load(object))?;
        let state = Arc::new(RwLock::new(state));
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let shared = Arc::clone(&state);
        let writer = std::thread::Builder::new()
            .name("ferry-store".into())
            .spawn(move || writer::run(database, &shared, receiver, lock))
            .map_err(|source| Error::Io { path, source })?;
        let inner = Inner {
            state,
            queue: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            directory: options.directory.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// The version of the newest committed write.
    pub fn version(&self) -> u64 {
        self.inner.state.read().version
    }

    /// The object, if it is there.
    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.inner.state.read().get(key).cloned()
    }

    /// All objects of a resource, or those of one namespace.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> List {
        self.inner.state.read().list(resource, namespace)
    }

    /// The same as it was at an earlier version, as far as history is kept.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, version: u64) -> Result<List, Expired> {
        self.inner.state.read().list_at(resource, namespace, version)
    }

    /// Starts a watch.
    pub fn subscribe(&self, scope: Scope, start: Start) -> Result<Subscription, Expired> {
        self.inner.state.write().subscribe(scope, start)
    }

    /// Watches every resource: all objects as they are, then what happens to them.
    pub fn subscribe_all(&self) -> Subscription {
        self.inner.state.write().subscribe_all()
    }

    /// Forgets history up to and including `version`: watches from before it are refused.
    pub fn compact(&self, version: u64) {
        self.inner.state.write().compact(version);
    }

    /// Stores a new object. Durable when this returns, like all writes; a dropped call may or may not have written.
    pub async fn create(&self, key: Key, value: Value, guards: Vec<Guard>) -> Reply {
        self.send(key, Change::Create(value), guards).await
    }

    /// Replaces an object that still has the version `expected`.
    pub async fn replace(&self, key: Key, expected: u64, value: Value, guards: Vec<Guard>) -> Reply {
        self.send(key, Change::Replace { expected, value }, guards).await
    }

    /// Removes an object that still has the version `expected`; gives its last content with the deletion's version.
    pub async fn delete(&self, key: Key, expected: u64) -> Reply {
        self.send(key, Change::Delete { expected }, Vec::new()).await
    }

    async fn send(&self, key: Key, change: Change, guards: Vec<Guard>) -> Result<Arc<Object>, WriteError> {
        let queue = self.inner.queue.lock().clone().ok_or(WriteError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { key, change, guards, reply };
        queue.send(request).await.map_err(|_| WriteError::Closed)?;
        drop(queue);
        answer.await.map_err(|_| WriteError::Closed)?
    }

    /// Whether the store was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.queue.lock().is_none()
    }

    /// Commits what is queued, ends all watches and gives the data directory free. Blocks until that is done.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        drop(self.queue.lock().take());
        let writer = self.writer.lock().take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
