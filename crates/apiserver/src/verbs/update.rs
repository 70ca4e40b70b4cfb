//! Replacing an object, also through `status` and `finalize`; patches end here, too.

use std::sync::Arc;

use axum::response::Response;
use ferry_store::{Object, WriteError};
use http::StatusCode;
use serde_json::{Map, Value};

use super::books::{self, Books};
use super::draft::{Draft, same_content};
use super::{ATTEMPTS, Call, decode};
use crate::admission::Operation;
use crate::kinds::Builtin;
use crate::options::WriteOptions;
use crate::schema::{Cause, CauseReason};
use crate::{Status, meta, respond};

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let options = WriteOptions::parse(&call.query, "UpdateOptions")?;
    let (object, duplicates) = decode::object(call)?;
    let mut draft = Draft::new(call, options);
    draft.duplicates(&duplicates);
    let result = replace(&mut draft, object).await;
    respond_to(draft, result, form, include).await
}

pub(super) async fn respond_to(
    draft: Draft<'_>,
    result: Result<Changed, Status>,
    form: crate::accept::Form,
    include: respond::Include,
) -> Result<Response, Status> {
    let call = draft.call;
    let response = match result {
        Ok(Changed::Stored(object)) => {
            call.after_write().await;
            respond::object(StatusCode::OK, &call.resource, &object, form, include)?
        }
        Ok(Changed::Same(object)) => respond::object(StatusCode::OK, &call.resource, &object, form, include)?,
        Ok(Changed::Value(value)) => {
            call.after_write().await;
            respond::value(StatusCode::OK, &call.resource, &value, form, include)?
        }
        Err(status) => return Ok(draft.refuse(status)),
    };
    Ok(draft.finish(response))
}

/// What became of a change.
pub(super) enum Changed {
    Stored(Arc<Object>),
    /// Nothing would change: nothing was written.
    Same(Arc<Object>),
    /// A dry run, or the last change before the object went away.
    Value(Value),
}

async fn replace(draft: &mut Draft<'_>, mut object: Value) -> Result<Changed, Status> {
    let call = draft.call;
    check_names(call, &object)?;
    draft.clean(&mut object)?;
    let version = meta::text(&object, "resourceVersion").to_owned();
    let uid = meta::text(&object, "uid").to_owned();
    let books = Books::given(call, &object);
    for _ in 0..ATTEMPTS {
        let old = call.find()?;
        check_version(call, &version, old.version)?;
        if !uid.is_empty() && uid != old.uid() {
            return Err(uid_conflict(call, &uid, old.uid()));
        }
        // Without a version the client does not mind what was there: it may take more than one try.
        let is_only = !version.is_empty();
        let tried = if is_only { std::mem::take(&mut object) } else { object.clone() };
        match change(draft, tried, &old, &books).await? {
            Attempt::Done(changed) => return Ok(changed),
            Attempt::Lost if is_only => return Err(Status::stale(&call.resource, call.name())),
            Attempt::Lost => {}
        }
    }
    Err(Status::stale(&call.resource, call.name()))
}

fn check_names(call: &Call, object: &Value) -> Result<(), Status> {
    let (given, expected) = (meta::text(object, "name"), call.name());
    if given.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({expected} based on URL) was undeterminable: name must be provided"
        )));
    }
    if given != expected {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({expected})"
        )));
    }
    super::create::check_namespace(call, object)
}

pub(super) fn check_version(call: &Call, version: &str, current: u64) -> Result<(), Status> {
    let resource = &call.resource;
    let needed =
        resource.custom().is_some() || resource.is(Builtin::Definition) || resource.is(Builtin::Lease);
    if version.is_empty() || version == "0" {
        if !needed {
            return Ok(());
        }
        let cause = Cause {
            reason: CauseReason::Invalid,
            field: "metadata.resourceVersion".into(),
            message: "Invalid value: 0: must be specified for an update".into(),
        };
        return Err(Status::invalid(&resource.group, &resource.plural, call.name(), &[cause]));
    }
    let given: u64 = version.parse().map_err(|_| crate::options::bad_version(version))?;
    if given == current { Ok(()) } else { Err(Status::stale(resource, call.name())) }
}

fn uid_conflict(call: &Call, wanted: &str, now: &str) -> Status {
    let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {now}");
    Status::conflict(&call.resource.group, &call.resource.plural, call.name(), &why)
}

/// How one try ended.
pub(super) enum Attempt {
    Done(Changed),
    /// The object changed meanwhile.
    Lost,
}

/// Writes `object` (already cleaned, in the version of the call) over `old`, if that is still there.
pub(super) async fn change(
    draft: &mut Draft<'_>,
    mut object: Value,
    old: &Arc<Object>,
    books: &Books,
) -> Result<Attempt, Status> {
    let call = draft.call;
    let before = respond::view(&call.resource, old);
    keep_apart(call, &mut object, &before);
    complete(call, &mut object, old);
    let entries = books.entries(call, &draft.options, Some(&before), &object);
    if let Some(builtin) = call.resource.builtin() {
        builtin.settle(&mut object);
    }
    let request = draft.request(Operation::Update, call.name(), Some(old));
    draft.mutate(&request, &mut object).await?;
    keep_apart(call, &mut object, &before);
    complete(call, &mut object, old);
    count_generation(call, &mut object, &before);
    books::write(&mut object, entries, &before);
    draft.check(&request, &object, Some(&before)).await?;
    let goes = meta::is_terminating(&object) && is_free(call, &object);
    draft.stored_form(&mut object);
    if object == *old.value() && !goes {
        return Ok(Attempt::Done(Changed::Same(Arc::clone(old))));
    }
    if draft.options.dry_run {
        return Ok(Attempt::Done(Changed::Value(object)));
    }
    let store = call.server.store();
    let written = if goes {
        // The answer is the object as it would be, with the version it had.
        store.delete(old.key.clone(), old.version).await.map(|_| Changed::Value(object))
    } else {
        store.replace(old.key.clone(), old.version, object, Vec::new()).await.map(Changed::Stored)
    };
    match written {
        Ok(changed) => Ok(Attempt::Done(changed)),
        Err(WriteError::Conflict { .. }) => Ok(Attempt::Lost),
        Err(error) => Err(call.refused(&error, call.name())),
    }
}

fn complete(call: &Call, object: &mut Value, old: &Object) {
    if let Some(builtin) = call.resource.builtin()
        && (call.place.subresource.is_none() || builtin == Builtin::Definition)
    {
        builtin.complete(object, Some(&old.value()));
    }
}

/// Nothing holds a terminating object any more.
fn is_free(call: &Call, object: &Value) -> bool {
    let held = call.resource.is(Builtin::Namespace)
        && object.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|f| !f.is_empty());
    meta::finalizers(object).is_empty() && !held
}

/// Each path writes its own part: `status` only the status, the object everything else.
fn keep_apart(call: &Call, object: &mut Value, old: &Value) {
    let resource = &call.resource;
    match call.place.subresource.as_deref() {
        None => {
            meta::carry(object, old);
            if resource.has_status {
                copy(object, old, "status");
            }
        }
        Some("status") => only(object, old, "status"),
        _ => {
            // `finalize` changes the finalizers of a namespace's spec.
            only(object, old, "spec");
        }
    }
}

fn copy(object: &mut Value, old: &Value, field: &str) {
    let Some(map) = object.as_object_mut() else { return };
    match old.get(field) {
        Some(value) => map.insert(field.into(), value.clone()),
        None => map.remove(field),
    };
}

/// The old object with one field of the new. What is the same in both is not copied: most clients send back what they
/// have read.
fn only(object: &mut Value, old: &Value, field: &str) {
    let Some(old) = old.as_object() else { return };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Some(new) = object.as_object_mut() else { return };
    new.retain(|name, _| name == field || old.contains_key(name));
    for (name, value) in old.iter().filter(|(name, _)| *name != field) {
        match new.get_mut(name) {
            Some(same) if same == value => {}
            Some(other) => other.clone_from(value),
            None => drop(new.insert(name.clone(), value.clone())),
        }
    }
}

fn count_generation(call: &Call, object: &mut Value, old: &Value) {
    let resource = &call.resource;
    let counted = matches!(call.place.subresource.as_deref(), None | Some(super::SCALE));
    if !resource.counts_generations() || !counted {
        return;
    }
    if same_content(object, old, resource.has_status) {
        return;
    }
    let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
    if let Some(metadata) = meta::of(object) {
        metadata.insert("generation".into(), generation.saturating_add(1).into());
    }
}
