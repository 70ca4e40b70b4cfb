//! Terminating namespaces: everything in them is deleted; when nothing is left, they go.

use ferry_store::{Event, Key};
use serde_json::{Value, json};

use crate::kinds::NAMESPACES;
use crate::verbs::{DeleteOptions, remove};
use crate::{Server, meta};

/// Namespaces that every cluster has.
const ALWAYS: &[&str] = &["default", "kube-system"];

/// Makes the namespaces that every cluster has.
pub(crate) async fn make_default(server: &Server) {
    let catalog = server.catalog();
    let Some(resource) = catalog.get("", "v1", "namespaces") else { return };
    for name in ALWAYS {
        let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        meta::begin(&mut object, resource, None);
        if let Some(builtin) = resource.builtin() {
            builtin.complete(&mut object, None);
        }
        match server.store().create(Key::new(NAMESPACES, "", *name), object, Vec::new()).await {
            Ok(_) | Err(ferry_store::WriteError::Exists(_)) => {}
            Err(error) => tracing::warn!(%error, namespace = name, "cannot make a namespace"),
        }
    }
}

/// Empties terminating namespaces, for ever.
pub(crate) async fn empty(server: &Server) {
    loop {
        let mut events = server.store().subscribe_all();
        for namespace in server.objects(NAMESPACES) {
            if meta::is_terminating(&namespace.value()) {
                empty_one(server, &namespace.key.name).await;
            }
        }
        // Ends when this watcher was too slow: start over.
        while let Some(event) = events.next().await {
            if let Some(name) = concerns(server, &event) {
                empty_one(server, &name).await;
            }
        }
        if server.store().is_closed() {
            return std::future::pending().await;
        }
        tokio::task::yield_now().await;
    }
}

/// The terminating namespace that has to be looked at after this event.
fn concerns(server: &Server, event: &Event) -> Option<String> {
    let key = &event.object.key;
    let name = if &*key.resource == NAMESPACES {
        &key.name
    } else if event.deleted && !key.namespace.is_empty() {
        &key.namespace
    } else {
        return None;
    };
    let namespace = server.store().get(&Key::new(NAMESPACES, "", name.as_str()))?;
    meta::is_terminating(&namespace.value()).then(|| name.clone())
}

async fn empty_one(server: &Server, name: &str) {
    let mut left = 0;
    for resource in server.catalog().stored().into_iter().filter(|r| r.namespaced) {
        for object in server.list(&resource.storage, Some(name)).objects {
            if !meta::is_terminating(&object.value())
                && let Err(status) = remove(server, resource, &object.key, &DeleteOptions::default()).await
                && status.code != 404
            {
                tracing::warn!(%status, namespace = name, "cannot delete an object of a namespace");
            }
        }
        left += server.list(&resource.storage, Some(name)).objects.len();
    }
    if left == 0 {
        release(server, name).await;
    }
}

/// Takes the server's finalizer off the namespace's spec; it goes if nothing else holds it.
async fn release(server: &Server, name: &str) {
    let key = Key::new(NAMESPACES, "", name);
    while let Some(current) = server.store().get(&key) {
        let mut object = Value::clone(&current.value());
        let mut held = false;
        if let Some(list) = object.pointer_mut("/spec/finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != "kubernetes");
            held = !list.is_empty();
        }
        let written = if !held && meta::finalizers(&object).is_empty() {
            server.store().delete(key.clone(), current.version).await
        } else if object == *current.value() {
            return;
        } else {
            server.store().replace(key.clone(), current.version, object, Vec::new()).await
        };
        match written {
            Err(ferry_store::WriteError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, namespace = name, "cannot release a namespace");
                return;
            }
            Ok(_) => return,
        }
    }
}
