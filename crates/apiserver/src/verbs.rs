//! The verbs, one file each, and what a call consists of.

mod apply;
mod books;
mod create;
mod decode;
mod delete;
mod delete_collection;
mod draft;
mod get;
mod json;
mod list;
mod patch;
mod protobuf;
mod scale;
mod update;
mod watch;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use ferry_store::{Guard, Key, Object, WriteError};
use http::HeaderMap;

use crate::accept::Form;
use crate::kinds::{Builtin, NAMESPACES};
use crate::options::Query;
use crate::path::Path;
use crate::resource::Resource;
use crate::respond::Include;
use crate::{Identity, Server, Status, meta, tokens};

pub(crate) use delete::{DeleteOptions, remove};
pub(crate) use list::Filter;
pub(crate) use scale::SUBRESOURCE as SCALE;

/// How often a write is tried again when what it was based on changed meanwhile.
pub(crate) const ATTEMPTS: usize = 64;

/// A request about a resource.
pub(crate) struct Call {
    pub(crate) server: Server,
    pub(crate) identity: Identity,
    pub(crate) resource: Arc<Resource>,
    pub(crate) place: Path,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) fn read(call: &Call, verb: &str) -> Result<Response, Status> {
    match verb {
        "get" if call.place.subresource.as_deref() == Some(SCALE) => scale::get(call),
        "get" => get::answer(call),
        "list" => list::answer(call),
        _ => watch::answer(call),
    }
}

pub(crate) async fn write(call: Call, verb: &str) -> Result<Response, Status> {
    let named = call.place.name.is_some();
    let sub = call.place.subresource.is_some();
    match verb {
        "create" if tokens::is_about(&call.resource.storage, call.place.subresource.as_deref()) => {
            tokens::answer(&call)
        }
        "create" if !named => create::answer(&call).await,
        "update" if call.place.subresource.as_deref() == Some(SCALE) => scale::update(&call).await,
        "patch" if call.place.subresource.as_deref() == Some(SCALE) => scale::patch(&call).await,
        "update" if named => update::answer(&call).await,
        "update" | "patch" if !named => Err(Status::bad_request("name must be provided")),
        "patch" if named => patch::answer(&call).await,
        "delete" if named && !sub => delete::answer(&call).await,
        "deletecollection" if call.resource.verbs().contains(&"deletecollection") => {
            delete_collection::answer(&call).await
        }
        other => Err(Status::method_not_allowed(&call.resource, other)),
    }
}

impl Call {
    pub(crate) fn namespace(&self) -> &str {
        self.place.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.place.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        Key::new(Arc::clone(&self.resource.storage), self.namespace(), name)
    }

    /// The object the path names, or 404.
    pub(crate) fn find(&self) -> Result<Arc<Object>, Status> {
        let name = self.name();
        self.server.store().get(&self.key(name)).ok_or_else(|| Status::not_found(&self.resource, name))
    }

    pub(crate) fn form(&self) -> Result<(Form, Include), Status> {
        Ok((Form::choose(&self.headers)?, Include::parse(self.query.get("includeObject"))?))
    }

    /// The namespace a new object goes to, which must be there and stay; none for objects of the whole cluster.
    pub(crate) fn home(&self, name: &str) -> Result<Vec<Guard>, Status> {
        if !self.resource.namespaced {
            return Ok(Vec::new());
        }
        let (namespace, resource) = (self.namespace(), &self.resource);
        let key = Key::new(NAMESPACES, "", namespace);
        let Some(object) = self.server.store().get(&key) else {
            let message = format!("namespaces \"{namespace}\" not found");
            return Err(Status::about(404, "NotFound", message, "", "namespaces", namespace));
        };
        if meta::is_terminating(&object.value()) {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            let mut status = Status::forbidden(&resource.group, &resource.plural, name, &why);
            status.details.causes.push((
                "NamespaceTerminating".into(),
                format!("namespace {namespace} is being terminated"),
                "metadata.namespace".into(),
            ));
            return Err(status);
        }
        Ok(vec![Guard { key, version: object.version }])
    }

    /// The answer to a write the store refused.
    pub(crate) fn refused(&self, error: &WriteError, name: &str) -> Status {
        refused(&self.resource, error, name)
    }

    /// What follows a write: a changed definition is served at once.
    pub(crate) async fn after_write(&self) {
        if self.resource.is(Builtin::Definition) {
            crate::definitions::settle(&self.server).await;
        }
    }
}

/// The answer to a write the store refused.
pub(crate) fn refused(resource: &Resource, error: &WriteError, name: &str) -> Status {
    match error {
        WriteError::Exists(_) => Status::exists(resource, name),
        WriteError::Missing(_) => Status::not_found(resource, name),
        WriteError::Conflict { .. } | WriteError::Guard(_) => Status::stale(resource, name),
        WriteError::TooLarge { .. } => Status::new(413, "RequestEntityTooLarge", error.to_string()),
        WriteError::Shape(_) => Status::bad_request(error.to_string()),
        WriteError::Full(_) => Status::new(507, "InsufficientStorage", error.to_string()),
        WriteError::Database(_) => Status::internal(error.to_string()),
        WriteError::Closed => Status::new(503, "ServiceUnavailable", error.to_string()),
    }
}

/// The body of a call, whatever it is.
pub(crate) fn decode_body(call: &Call) -> Result<serde_json::Value, Status> {
    decode::body(call).map(|(value, _)| value)
}

/// The books of an object that is made from nothing but `blank`.
pub(crate) fn books_of_new(
    call: &Call,
    object: &serde_json::Value,
    blank: &serde_json::Value,
) -> Result<Vec<serde_json::Value>, Status> {
    let options = crate::options::WriteOptions::parse(&call.query, "CreateOptions")?;
    Ok(books::of_new(call, &options, object, blank))
}

/// The body of a call as an object of its kind.
pub(crate) fn decode_object(call: &Call) -> Result<serde_json::Value, Status> {
    decode::object(call).map(|(object, _)| object)
}
