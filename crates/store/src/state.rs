//! What readers see: all objects, the watch logs and the watchers, in memory; changed only after COMMIT.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::log::Log;
use crate::watch::{Scope, Start, Subscription, Watcher};
use crate::{Event, Expired, Key, Object};

/// Objects and the version of the store at which the list is complete.
#[derive(Debug, Clone)]
pub struct List {
    /// In order of namespace and name.
    pub objects: Vec<Arc<Object>>,
    /// The version the list stands for.
    pub version: u64,
}

/// Bounds of what is kept for watchers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) log_events: usize,
    pub(crate) log_bytes: usize,
    pub(crate) watcher_events: usize,
    pub(crate) object_bytes: usize,
}

type Names = BTreeMap<String, Arc<Object>>;

#[derive(Debug)]
struct Table {
    namespaces: BTreeMap<String, Names>,
    log: Log,
    watchers: Vec<Watcher>,
}

/// The readable state. Callers hold it behind one lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) version: u64,
    /// The version at which this process opened the database: nothing older can be replayed.
    opened: u64,
    pub(crate) bounds: Bounds,
    tables: HashMap<Arc<str>, Table>,
    /// Those who watch everything.
    watchers: Vec<Watcher>,
    pub(crate) closed: bool,
}

impl State {
    pub(crate) fn new(version: u64, bounds: Bounds) -> Self {
        Self { version, opened: version, bounds, tables: HashMap::new(), watchers: Vec::new(), closed: false }
    }

    fn table(&mut self, resource: &Arc<str>) -> &mut Table {
        let (opened, bounds) = (self.opened, self.bounds);
        self.tables.entry(Arc::clone(resource)).or_insert_with(|| Table {
            namespaces: BTreeMap::new(),
            log: Log::new(opened, bounds.log_events, bounds.log_bytes),
            watchers: Vec::new(),
        })
    }

    /// Puts an object that was read from the database.
    pub(crate) fn load(&mut self, object: Object) {
        let object = Arc::new(object);
        let table = self.table(&object.key.resource);
        table.put(object);
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.tables.get(&key.resource)?.namespaces.get(&key.namespace)?.get(&key.name)
    }

    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> List {
        let objects = self.tables.get(resource).map(|t| t.list(namespace)).unwrap_or_default();
        List { objects, version: self.version }
    }

    /// The list as it was at `version`: the present one with the later events undone, newest first.
    pub(crate) fn list_at(
        &self,
        resource: &str,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<List, Expired> {
        let Some(table) = self.tables.get(resource) else {
            return if version < self.opened {
                Err(Expired { requested: version, oldest: self.opened })
            } else {
                Ok(List { objects: Vec::new(), version })
            };
        };
        let mut then: BTreeMap<(String, String), Arc<Object>> = BTreeMap::new();
        for object in table.list(namespace) {
            then.insert((object.key.namespace.clone(), object.key.name.clone()), object);
        }
        for event in table.log.after(version)?.rev() {
            let key = &event.object.key;
            if namespace.is_some_and(|n| n != key.namespace) {
                continue;
            }
            let place = (key.namespace.clone(), key.name.clone());
            match &event.previous {
                Some(previous) => then.insert(place, Arc::clone(previous)),
                None => then.remove(&place),
            };
        }
        Ok(List { objects: then.into_values().collect(), version })
    }

    pub(crate) fn subscribe(&mut self, scope: Scope, start: Start) -> Result<Subscription, Expired> {
        let (version, capacity, closed) = (self.version, self.bounds.watcher_events, self.closed);
        let table = self.table(&scope.resource);
        let mut initial = Vec::new();
        let mut backlog = std::collections::VecDeque::new();
        match start {
            Start::Now => {
                initial = table.list(scope.namespace.as_deref());
                initial.retain(|o| scope.covers(o));
            }
            Start::After(after) => {
                backlog.extend(table.log.after(after)?.filter(|e| scope.covers(&e.object)).cloned());
            }
        }
        let (sender, live) = mpsc::channel(capacity);
        table.watchers.retain(|w| !w.sender.is_closed());
        if !closed {
            table.watchers.push(Watcher { scope: Some(scope), sender });
        }
        Ok(Subscription { initial, version, backlog, live })
    }

    /// A watch of every resource, from now on.
    pub(crate) fn subscribe_all(&mut self) -> Subscription {
        let initial = self.tables.values().flat_map(|t| t.list(None)).collect();
        let (sender, live) = mpsc::channel(self.bounds.watcher_events);
        self.watchers.retain(|w| !w.sender.is_closed());
        if !self.closed {
            self.watchers.push(Watcher { scope: None, sender });
        }
        Subscription { initial, version: self.version, backlog: std::collections::VecDeque::new(), live }
    }

    /// Makes committed events visible and hands them to the watchers.
    pub(crate) fn publish(&mut self, events: Vec<Event>, version: u64) {
        for event in events {
            let table = self.table(&event.object.key.resource);
            if event.deleted {
                table.remove(&event.object.key);
            } else {
                table.put(Arc::clone(&event.object));
            }
            let event = Arc::new(event);
            table.watchers.retain(|w| w.offer(&event));
            table.log.push(Arc::clone(&event));
            self.watchers.retain(|w| w.offer(&event));
        }
        self.version = version;
    }

    /// Forgets history up to and including `version`.
    pub(crate) fn compact(&mut self, version: u64) {
        self.opened = self.opened.max(version);
        for table in self.tables.values_mut() {
            table.log.compact(version);
        }
    }

    /// Ends all watches.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.watchers.clear();
        for table in self.tables.values_mut() {
            table.watchers.clear();
        }
    }
}

impl Table {
    fn put(&mut self, object: Arc<Object>) {
        if let Some(names) = self.namespaces.get_mut(&object.key.namespace) {
            if let Some(slot) = names.get_mut(&object.key.name) {
                *slot = object;
            } else {
                names.insert(object.key.name.clone(), object);
            }
        } else {
            let (namespace, name) = (object.key.namespace.clone(), object.key.name.clone());
            self.namespaces.insert(namespace, Names::from([(name, object)]));
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(names) = self.namespaces.get_mut(&key.namespace) {
            names.remove(&key.name);
            if names.is_empty() {
                self.namespaces.remove(&key.namespace);
            }
        }
    }

    fn list(&self, namespace: Option<&str>) -> Vec<Arc<Object>> {
        match namespace {
            Some(n) => self.namespaces.get(n).map(|t| t.values().cloned().collect()).unwrap_or_default(),
            None => self.namespaces.values().flat_map(|t| t.values().cloned()).collect(),
        }
    }
}
