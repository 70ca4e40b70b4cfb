//! The one writer: takes requests from a queue, commits as many as are waiting in one transaction, then publishes
//! and replies. A request is a compare-and-swap; it is judged against what the requests before it will leave.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::Arc;

use ferry_failpoint::point;
use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::database::{self, Database};
use crate::state::State;
use crate::{Event, Key, Object, WriteError};

/// Most requests in one transaction.
const BATCH: usize = 512;

/// An object a write relies on: it must still have this version when the write happens.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The object.
    pub key: Key,
    /// The version that was seen.
    pub version: u64,
}

/// What is asked of the writer.
#[derive(Debug)]
pub(crate) enum Change {
    Create(Value),
    Replace { expected: u64, value: Value },
    Delete { expected: u64 },
}

pub(crate) type Reply = Result<Arc<Object>, WriteError>;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) key: Key,
    pub(crate) change: Change,
    pub(crate) guards: Vec<Guard>,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// How many of the objects that were last written stay parsed.
const PARSED: usize = 64;

/// Runs until every sender is gone. The lock of the data directory is held as long.
pub(crate) fn run(
    mut database: Database,
    state: &RwLock<State>,
    mut queue: mpsc::Receiver<Request>,
    lock: File,
) {
    // What was just written is what is asked for next: by watchers, and by who writes it again.
    let mut recent: VecDeque<Arc<Value>> = VecDeque::new();
    while let Some(first) = queue.blocking_recv() {
        let mut requests = vec![first];
        while requests.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            requests.push(next);
        }
        let mut batch = Batch::judge(&state.read(), requests);
        recent.extend(std::mem::take(&mut batch.values));
        batch.finish(&mut database, state);
        recent.drain(..recent.len().saturating_sub(PARSED));
    }
    state.write().close();
    drop(database);
    drop(lock);
}

#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    /// Their objects, parsed.
    values: Vec<Arc<Value>>,
    replies: Vec<oneshot::Sender<Reply>>,
    /// Answered after the commit, too: a refusal may rest on what is about to be committed.
    refused: Vec<(oneshot::Sender<Reply>, WriteError)>,
    /// What the events so far make of the objects they touch.
    overlay: HashMap<Key, Option<Arc<Object>>>,
    version: u64,
}

impl Batch {
    fn judge(state: &State, requests: Vec<Request>) -> Self {
        let mut batch = Self { version: state.version, ..Self::default() };
        for request in requests {
            let Request { key, change, guards, reply } = request;
            match batch.event(state, key, change, &guards) {
                Ok((event, value)) => {
                    batch.values.push(value);
                    let now = (!event.deleted).then(|| Arc::clone(&event.object));
                    batch.overlay.insert(event.object.key.clone(), now);
                    batch.version = event.version();
                    batch.events.push(event);
                    batch.replies.push(reply);
                }
                Err(error) => batch.refused.push((reply, error)),
            }
        }
        batch
    }

    fn current<'a>(&'a self, state: &'a State, key: &Key) -> Option<&'a Arc<Object>> {
        match self.overlay.get(key) {
            Some(pending) => pending.as_ref(),
            None => state.get(key),
        }
    }

    fn event(
        &self,
        state: &State,
        key: Key,
        change: Change,
        guards: &[Guard],
    ) -> Result<(Event, Arc<Value>), WriteError> {
        for guard in guards {
            if self.current(state, &guard.key).is_none_or(|o| o.version != guard.version) {
                return Err(WriteError::Guard(guard.key.clone()));
            }
        }
        let previous = self.current(state, &key).cloned();
        let version = self.version + 1;
        let (value, deleted) = match (change, &previous) {
            (Change::Create(_), Some(_)) => return Err(WriteError::Exists(key)),
            (Change::Create(value), None) => (value, false),
            (_, None) => return Err(WriteError::Missing(key)),
            (Change::Replace { expected, .. } | Change::Delete { expected }, Some(now))
                if now.version != expected =>
            {
                return Err(WriteError::Conflict { key, expected, current: now.version });
            }
            (Change::Replace { value, .. }, Some(_)) => (value, false),
            (Change::Delete { .. }, Some(now)) => (Value::clone(&now.value()), true),
        };
        if !value.is_object() {
            return Err(WriteError::Shape(key));
        }
        let (object, value) =
            Object::build(key.clone(), version, value).map_err(|_| WriteError::Shape(key.clone()))?;
        let (bytes, limit) = (object.bytes.len(), state.bounds.object_bytes);
        if bytes > limit && !deleted {
            return Err(WriteError::TooLarge { key, bytes, limit });
        }
        Ok((Event { object: Arc::new(object), previous, deleted }, value))
    }

    fn finish(self, database: &mut Database, state: &RwLock<State>) {
        if self.events.is_empty() {
            refuse(self.refused);
            return;
        }
        metrics::histogram!("ferry_store_batch_size")
            .record(f64::from(u32::try_from(self.events.len()).unwrap_or(u32::MAX)));
        let started = std::time::Instant::now();
        point!("store.commit");
        if let Err(error) = database.commit(&self.events, self.version) {
            tracing::error!(%error, writes = self.events.len(), "cannot commit");
            let failed = self.replies.into_iter().chain(self.refused.into_iter().map(|(reply, _)| reply));
            let why = || {
                if database::is_full(&error) {
                    WriteError::Full(error.to_string())
                } else {
                    WriteError::Database(error.to_string())
                }
            };
            refuse(failed.map(|reply| (reply, why())));
            return;
        }
        metrics::histogram!("ferry_store_commit_seconds").record(started.elapsed().as_secs_f64());
        let objects: Vec<_> = self.events.iter().map(|e| Arc::clone(&e.object)).collect();
        point!("store.committed");
        state.write().publish(self.events, self.version);
        point!("store.published");
        for (reply, object) in self.replies.into_iter().zip(objects) {
            let _ = reply.send(Ok(object));
        }
        refuse(self.refused);
    }
}

fn refuse(refused: impl IntoIterator<Item = (oneshot::Sender<Reply>, WriteError)>) {
    for (reply, error) in refused {
        // Nobody waits for the answer any more: nothing to do.
        let _ = reply.send(Err(error));
    }
}
