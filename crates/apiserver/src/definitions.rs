//! What follows from a stored definition: its names are accepted and it is established, or it clashes with another;
//! and when it is deleted, its objects go first.

use std::collections::HashSet;
use std::sync::Arc;

use ferry_store::{Key, Object, Scope, Start};
use serde_json::{Value, json};

use crate::kinds::DEFINITIONS;
use crate::ownership::{self, Book, Managed, Shape, update};
use crate::verbs::{DeleteOptions, remove};
use crate::{Server, meta};

const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Brings the status of every definition up to date, serves what is served now, and cleans up what goes.
pub(crate) async fn settle(server: &Server) {
    let mut taken = HashSet::new();
    let mut definitions = server.objects(DEFINITIONS);
    // Who has its names already keeps them; then who came first.
    definitions.sort_by_key(|d| (!has_condition(&d.value(), "NamesAccepted", "True"), d.version));
    for definition in definitions {
        let clash = claim(&mut taken, &definition.value());
        settle_one(server, &definition, clash.as_deref()).await;
    }
    server.refresh();
    for definition in server.objects(DEFINITIONS) {
        let waits = meta::finalizers(&definition.value()).contains(&CLEANUP);
        if meta::is_terminating(&definition.value()) && waits {
            tokio::spawn(clean_up(server.clone(), definition));
        }
    }
}

/// Notes the definition's names; gives the one that is taken already.
fn claim(taken: &mut HashSet<(String, &'static str, String)>, definition: &Value) -> Option<String> {
    let group = definition.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names = definition.pointer("/spec/names")?;
    let text = |field: &str| names.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut wanted = vec![("name", text("plural")), ("name", text("singular"))];
    let short = names.get("shortNames").and_then(Value::as_array);
    wanted.extend(short.into_iter().flatten().filter_map(Value::as_str).map(|s| ("name", s.to_owned())));
    wanted.push(("kind", text("kind")));
    wanted.push(("kind", text("listKind")));
    wanted.dedup();
    let wanted: HashSet<_> = wanted.into_iter().map(|(what, name)| (group.clone(), what, name)).collect();
    let clash = wanted.iter().find(|w| taken.contains(*w)).map(|w| w.2.clone());
    if clash.is_none() {
        taken.extend(wanted);
    }
    clash
}

async fn settle_one(server: &Server, definition: &Arc<Object>, clash: Option<&str>) {
    let mut current = Arc::clone(definition);
    loop {
        let mut object = Value::clone(&current.value());
        write_status(&mut object, clash);
        if object == *current.value() {
            return;
        }
        keep_books(&mut object, &current.value());
        match server.store().replace(current.key.clone(), current.version, object, Vec::new()).await {
            Ok(_) => return,
            Err(ferry_store::WriteError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot write the status of a definition");
                return;
            }
        }
        match server.store().get(&current.key) {
            Some(now) => current = now,
            None => return,
        }
    }
}

/// The status is the server's own.
fn keep_books(object: &mut Value, before: &Value) {
    let book = Book {
        shape: Shape::of_definitions(),
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        manager: "kube-apiserver".to_owned(),
        subresource: "status".to_owned(),
        now: meta::now(),
        scope: ownership::Scope::Only("status"),
        is_served: &|_| true,
    };
    let managed = Managed::read(meta::managed_fields(before)).unwrap_or_default();
    let entries = update(&book, managed, before, object).written();
    meta::set_managed_fields(object, entries);
}

fn write_status(object: &mut Value, clash: Option<&str>) {
    let names = object.pointer("/spec/names").cloned().unwrap_or_default();
    let versions = object.pointer("/spec/versions").and_then(Value::as_array);
    let storage = versions
        .into_iter()
        .flatten()
        .find(|v| v.get("storage") == Some(&Value::Bool(true)))
        .and_then(|v| v.get("name").cloned());
    let (accepted, established) = match clash {
        None => (
            condition("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
            condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
        ),
        Some(name) => (
            condition("NamesAccepted", "False", "NameConflict", &format!("\"{name}\" is already in use")),
            condition("Established", "False", "NotAccepted", "not all names are accepted"),
        ),
    };
    let Some(map) = object.as_object_mut() else { return };
    let status = map.entry("status").or_insert_with(|| json!({}));
    let Some(status) = status.as_object_mut() else { return };
    if clash.is_none() {
        status.insert("acceptedNames".into(), names);
    }
    let stored = status.entry("storedVersions").or_insert_with(|| json!([]));
    if let (Some(stored), Some(storage)) = (stored.as_array_mut(), storage)
        && !stored.contains(&storage)
    {
        stored.push(storage);
    }
    let conditions = status.entry("conditions").or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    for wanted in [accepted, established] {
        set_condition(conditions, wanted);
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": meta::now()})
}

fn set_condition(conditions: &mut Value, wanted: Value) {
    let Some(list) = conditions.as_array_mut() else { return };
    match list.iter_mut().find(|c| c.get("type") == wanted.get("type")) {
        // A name once accepted stays served; the time is that of the last change of status.
        Some(now) if now.get("status") == wanted.get("status") => {}
        Some(now) => *now = wanted,
        None => list.push(wanted),
    }
}

fn has_condition(definition: &Value, kind: &str, status: &str) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|c| c.get("type").is_some_and(|t| t == kind) && c.get("status").is_some_and(|s| s == status))
}

/// Deletes the definition's objects, waits until they are gone, then lets the definition go.
async fn clean_up(server: Server, definition: Arc<Object>) {
    let catalog = server.catalog();
    let value = definition.value();
    let text = |p: &str| value.pointer(p).and_then(Value::as_str).unwrap_or_default();
    let storage: Arc<str> = format!("{}/{}", text("/spec/group"), text("/spec/names/plural")).into();
    let resource = catalog.at(&storage).cloned();
    drop(catalog);
    if let Some(resource) = resource {
        let Ok(mut events) = server.subscribe(Scope::all(Arc::clone(&storage)), Start::Now) else { return };
        for object in &events.initial {
            if let Err(status) = remove(&server, &resource, &object.key, &DeleteOptions::default()).await
                && status.code != 404
            {
                tracing::warn!(%status, "cannot delete an object of a deleted definition");
            }
        }
        while !server.objects(&storage).is_empty() {
            tokio::select! {
                () = server.stopped().cancelled() => return,
                event = events.next() => if event.is_none() { return },
            }
        }
    }
    release(&server, &definition.key).await;
    server.refresh();
}

/// Takes the finalizer off; the definition goes if it was the last.
async fn release(server: &Server, key: &Key) {
    while let Some(current) = server.store().get(key) {
        let mut object = Value::clone(&current.value());
        if let Some(list) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != CLEANUP);
        }
        let written = if meta::finalizers(&object).is_empty() {
            server.store().delete(key.clone(), current.version).await
        } else if object == *current.value() {
            return;
        } else {
            server.store().replace(key.clone(), current.version, object, Vec::new()).await
        };
        match written {
            Err(ferry_store::WriteError::Conflict { .. }) => {}
            _ => return,
        }
    }
}
