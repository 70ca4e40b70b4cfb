//! Watching: a subscription is the backlog and a bounded live channel, taken under one lock so nothing falls between.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{Event, Object};

/// What a watcher wants to see.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The resource (`group/plural`).
    pub resource: Arc<str>,
    /// Only this namespace; `None`: all.
    pub namespace: Option<String>,
    /// Only the object of this name; `None`: all.
    pub name: Option<String>,
}

impl Scope {
    /// Everything of a resource.
    pub fn all(resource: impl Into<Arc<str>>) -> Self {
        Self { resource: resource.into(), namespace: None, name: None }
    }

    pub(crate) fn covers(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|n| n == object.key.namespace)
            && self.name.as_deref().is_none_or(|n| n == object.key.name)
    }
}

/// Where a watch starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the events after this version.
    After(u64),
    /// With the objects as they are (in [`Subscription::initial`]), then what happens to them.
    Now,
}

/// A running watch. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    /// The objects at the start, in order of namespace and name; only for [`Start::Now`].
    pub initial: Vec<Arc<Object>>,
    /// The store's version when the watch started.
    pub version: u64,
    pub(crate) backlog: VecDeque<Arc<Event>>,
    pub(crate) live: mpsc::Receiver<Arc<Event>>,
}

impl Subscription {
    /// The next event. `None`: the watch has ended, because the watcher was too slow or the store is closed; resume
    /// from the last version seen.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        match self.backlog.pop_front() {
            Some(event) => Some(event),
            None => self.live.recv().await,
        }
    }

    /// Whether nothing will come any more.
    pub fn is_over(&self) -> bool {
        self.backlog.is_empty() && self.live.is_empty() && self.live.is_closed()
    }

    /// The next event that is there already.
    pub fn try_next(&mut self) -> Option<Arc<Event>> {
        self.backlog.pop_front().or_else(|| self.live.try_recv().ok())
    }
}

/// The writer's end of a subscription.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// `None`: everything.
    pub(crate) scope: Option<Scope>,
    pub(crate) sender: mpsc::Sender<Arc<Event>>,
}

impl Watcher {
    /// Hands the event over. `false`: the watcher is gone or too slow, forget it.
    pub(crate) fn offer(&self, event: &Arc<Event>) -> bool {
        if self.scope.as_ref().is_none_or(|s| s.covers(&event.object)) {
            self.sender.try_send(Arc::clone(event)).is_ok()
        } else {
            !self.sender.is_closed()
        }
    }
}
