//! Garbage collection: an object whose owners are all gone goes, too; foreground deletion waits for dependents, and
//! orphaning lets them go free. Driven by one watch of everything.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ferry_store::{Event, Key, Object};
use serde_json::Value;

use crate::resource::Resource;
use crate::verbs::{DeleteOptions, remove};
use crate::{Server, meta};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Collects for ever.
pub(crate) async fn collect(server: &Server) {
    loop {
        let mut events = server.store().subscribe_all();
        let mut graph = Graph::default();
        let initial = std::mem::take(&mut events.initial);
        for object in &initial {
            graph.put(object);
        }
        for object in &initial {
            visit(server, &graph, object).await;
        }
        drop(initial);
        while let Some(event) = events.next().await {
            on_event(server, &mut graph, &event).await;
        }
        if server.store().is_closed() {
            return std::future::pending().await;
        }
        tokio::task::yield_now().await;
    }
}

/// Who is there, and who depends on whom. It holds the objects that the store holds, not names of its own.
#[derive(Default)]
struct Graph {
    alive: HashSet<ByUid>,
    dependents: HashMap<String, HashSet<ByUid>>,
}

/// An object in its latest version, found by its uid.
struct ByUid(Arc<Object>);

impl Borrow<str> for ByUid {
    fn borrow(&self) -> &str {
        self.0.uid()
    }
}

impl Hash for ByUid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.uid().hash(state);
    }
}

impl PartialEq for ByUid {
    fn eq(&self, other: &Self) -> bool {
        self.0.uid() == other.0.uid()
    }
}

impl Eq for ByUid {}

impl Graph {
    fn put(&mut self, object: &Arc<Object>) {
        self.alive.replace(ByUid(object.clone()));
        for owner in owners(&object.value()) {
            self.dependents.entry(owner).or_default().replace(ByUid(object.clone()));
        }
    }

    fn forget_references(&mut self, object: &Object) {
        for owner in owners(&object.value()) {
            if let Some(set) = self.dependents.get_mut(&owner) {
                set.remove(object.uid());
                if set.is_empty() {
                    self.dependents.remove(&owner);
                }
            }
        }
    }

    /// The object of this uid.
    fn find(&self, uid: &str) -> Option<&Key> {
        self.alive.get(uid).map(|object| &object.0.key)
    }

    fn dependents_of(&self, uid: &str) -> Vec<Key> {
        self.dependents.get(uid).into_iter().flatten().map(|object| object.0.key.clone()).collect()
    }
}

fn owners(object: &Value) -> Vec<String> {
    let list = object.get("metadata").and_then(|m| m.get("ownerReferences")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|r| r.get("uid")?.as_str()).map(str::to_owned).collect()
}

async fn on_event(server: &Server, graph: &mut Graph, event: &Event) {
    if let Some(previous) = &event.previous {
        graph.forget_references(previous);
    }
    let uid = event.object.uid();
    if event.deleted {
        graph.alive.remove(uid);
    } else {
        graph.put(&event.object);
        visit(server, graph, &event.object).await;
    }
    if event.deleted {
        for key in graph.dependents_of(uid) {
            if let Some(dependent) = server.store().get(&key) {
                visit(server, graph, &dependent).await;
            }
        }
        // An owner that waits for this dependent may go now.
        for owner in owners(&event.object.value()) {
            let waiting = graph.find(&owner).and_then(|key| server.store().get(key));
            if let Some(owner) = waiting {
                visit(server, graph, &owner).await;
            }
        }
    }
}

async fn visit(server: &Server, graph: &Graph, object: &Arc<Object>) {
    let Some(resource) = resource_of(server, object) else { return };
    let value = object.value();
    if meta::is_terminating(&value) {
        let finalizers = meta::finalizers(&value);
        if finalizers.contains(&ORPHAN) {
            orphan(server, graph, object).await;
            take_off(server, &resource, &object.key, ORPHAN).await;
        } else if finalizers.contains(&FOREGROUND) && !blocked(server, graph, object).await {
            take_off(server, &resource, &object.key, FOREGROUND).await;
        }
        return;
    }
    let owners = owners(&object.value());
    if owners.is_empty() {
        return;
    }
    // An owner in another namespace does not count: the names mean something else there.
    let present = |uid: &String| {
        graph.find(uid).is_some_and(|k| k.namespace.is_empty() || k.namespace == object.key.namespace)
    };
    if owners.iter().any(present) {
        return;
    }
    let options = DeleteOptions { uid: Some(object.uid().to_owned()), ..DeleteOptions::default() };
    if let Err(status) = remove(server, &resource, &object.key, &options).await
        && status.code != 404
        && status.code != 409
    {
        tracing::warn!(%status, "cannot collect an object without owner");
    }
}

/// Deletes the dependents that hold their owner; whether any is left.
async fn blocked(server: &Server, graph: &Graph, owner: &Object) -> bool {
    let mut left = false;
    for key in graph.dependents_of(owner.uid()) {
        let Some(dependent) = server.store().get(&key) else { continue };
        let holds = references(&dependent.value()).any(|r| {
            r.get("uid").is_some_and(|u| u == owner.uid())
                && r.get("blockOwnerDeletion") == Some(&Value::Bool(true))
        });
        if !meta::is_terminating(&dependent.value())
            && let Some(resource) = resource_of(server, &dependent)
            && let Err(status) = remove(server, &resource, &key, &DeleteOptions::default()).await
            && status.code != 404
        {
            tracing::warn!(%status, "cannot delete a dependent");
        }
        left |= holds && server.store().get(&key).is_some();
    }
    left
}

fn references(object: &Value) -> impl Iterator<Item = &Value> {
    let list = object.get("metadata").and_then(|m| m.get("ownerReferences")).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// Takes the owner out of its dependents' references.
async fn orphan(server: &Server, graph: &Graph, owner: &Object) {
    for key in graph.dependents_of(owner.uid()) {
        edit(server, &key, |object| {
            let Some(metadata) = meta::of(object) else { return };
            if let Some(list) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
                list.retain(|r| r.get("uid").is_none_or(|u| u != owner.uid()));
                if list.is_empty() {
                    metadata.remove("ownerReferences");
                }
            }
        })
        .await;
    }
}

/// Takes a finalizer off; the object goes if it was the last.
async fn take_off(server: &Server, resource: &Resource, key: &Key, finalizer: &str) {
    edit(server, key, |object| {
        let Some(metadata) = meta::of(object) else { return };
        if let Some(list) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != finalizer);
            if list.is_empty() {
                metadata.remove("finalizers");
            }
        }
    })
    .await;
    let free = server.store().get(key).is_some_and(|o| meta::finalizers(&o.value()).is_empty());
    if free
        && let Err(status) = remove(server, resource, key, &DeleteOptions::default()).await
        && status.code != 404
    {
        tracing::warn!(%status, "cannot delete an object that is free to go");
    }
}

async fn edit(server: &Server, key: &Key, change: impl Fn(&mut Value)) {
    while let Some(current) = server.store().get(key) {
        let mut object = Value::clone(&current.value());
        change(&mut object);
        if object == *current.value() {
            return;
        }
        match server.store().replace(key.clone(), current.version, object, Vec::new()).await {
            Err(ferry_store::WriteError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot change a dependent or its owner");
                return;
            }
            Ok(_) => return,
        }
    }
}

fn resource_of(server: &Server, object: &Object) -> Option<Arc<Resource>> {
    let catalog = server.catalog();
    catalog.at(&object.key.resource).cloned()
}
