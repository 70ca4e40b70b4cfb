//! Making an object.

use axum::response::Response;
use ferry_store::{Object, WriteError};
use http::StatusCode;
use serde_json::Value;

use super::books::Books;
use super::draft::Draft;
use super::{ATTEMPTS, Call, decode};
use crate::admission::{Operation, Request};
use crate::options::WriteOptions;
use crate::{Status, meta, names, respond};

/// How many generated names are tried.
const NAMES: usize = 8;

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let options = WriteOptions::parse(&call.query, "CreateOptions")?;
    let (object, duplicates) = decode::object(call)?;
    let mut draft = Draft::new(call, options);
    draft.duplicates(&duplicates);
    let books = Books::given(call, &object);
    let made = create(&mut draft, object, books).await;
    respond_to(draft, made, form, include).await
}

pub(super) async fn respond_to(
    draft: Draft<'_>,
    made: Result<Made, Status>,
    form: crate::accept::Form,
    include: respond::Include,
) -> Result<Response, Status> {
    let call = draft.call;
    match made {
        Ok(Made::Stored(object)) => {
            call.after_write().await;
            let response = respond::object(StatusCode::CREATED, &call.resource, &object, form, include)?;
            Ok(draft.finish(response))
        }
        Ok(Made::Dry(value)) => {
            let response = respond::value(StatusCode::CREATED, &call.resource, &value, form, include)?;
            Ok(draft.finish(response))
        }
        Err(status) => Ok(draft.refuse(status)),
    }
}

/// What became of a new object.
pub(super) enum Made {
    Stored(std::sync::Arc<Object>),
    Dry(Value),
}

pub(super) async fn create(draft: &mut Draft<'_>, mut object: Value, books: Books) -> Result<Made, Status> {
    let call = draft.call;
    let resource = &call.resource;
    draft.clean(&mut object)?;
    check_namespace(call, &object)?;
    let version = meta::text(&object, "resourceVersion");
    if version.parse::<u64>().is_ok_and(|v| v != 0) {
        return Err(Status::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let generated = meta::text(&object, "name").is_empty() && !meta::text(&object, "generateName").is_empty();
    meta::begin(&mut object, resource, call.place.namespace.as_deref());
    if resource.has_status
        && resource.custom().is_some()
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    let template = generated.then(|| object.clone());
    for _ in 0..NAMES {
        if let Some(template) = &template {
            object.clone_from(template);
            let name = names::generate(meta::text(template, "generateName"));
            if let Some(metadata) = meta::of(&mut object) {
                metadata.insert("name".into(), name.into());
            }
        }
        match attempt(draft, std::mem::take(&mut object), &books).await {
            Err(status) if generated && status.reason == "AlreadyExists" => {}
            other => return other,
        }
    }
    Err(Status::new(409, "AlreadyExists", "no free name could be generated: try again"))
}

/// Tries one name; again if the namespace changed meanwhile.
async fn attempt(draft: &mut Draft<'_>, mut object: Value, books: &Books) -> Result<Made, Status> {
    let call = draft.call;
    let given = meta::text(&object, "name").to_owned();
    let mut guards = call.home(&given)?;
    if let Some(builtin) = call.resource.builtin() {
        builtin.complete(&mut object, None);
    }
    let entries = books.entries(call, &draft.options, None, &object);
    if let Some(builtin) = call.resource.builtin() {
        builtin.settle(&mut object);
    }
    let request = draft.request(Operation::Create, &given, None);
    draft.mutate(&request, &mut object).await?;
    meta::set_managed_fields(&mut object, entries);
    // The product's rules may name an object after its content.
    let name = meta::text(&object, "name").to_owned();
    let request = Request { name: name.clone(), ..request };
    draft.check(&request, &object, None).await?;
    let key = call.key(&name);
    if draft.options.dry_run {
        return match call.server.store().get(&key) {
            Some(now) => Err(exists(call, &now)),
            None => Ok(Made::Dry(object)),
        };
    }
    draft.stored_form(&mut object);
    for _ in 0..ATTEMPTS {
        match draft.create(key.clone(), object.clone(), guards).await {
            Ok(object) => return Ok(Made::Stored(object)),
            Err(WriteError::Guard(_)) => guards = call.home(&name)?,
            Err(WriteError::Exists(_)) => {
                return Err(match call.server.store().get(&key) {
                    Some(now) => exists(call, &now),
                    None => Status::exists(&call.resource, &name),
                });
            }
            Err(error) => return Err(call.refused(&error, &name)),
        }
    }
    Err(Status::stale(&call.resource, &name))
}

fn exists(call: &Call, now: &Object) -> Status {
    let mut status = Status::exists(&call.resource, &now.key.name);
    if meta::is_terminating(&now.value()) {
        status.message = format!(
            "object is being deleted: {} \"{}\" already exists",
            call.resource.qualified(),
            now.key.name
        );
    }
    status
}

/// A namespace in the body must be that of the path.
pub(super) fn check_namespace(call: &Call, object: &Value) -> Result<(), Status> {
    let given = meta::text(object, "namespace");
    if given.is_empty() || !call.resource.namespaced || given == call.namespace() {
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}
