//! Answers: objects in the version and form the client asked for.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use ferry_store::Object;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::accept::{Encoding, Form, Shape};
use crate::kinds::{Builtin, newer_event};
use crate::resource::Resource;
use crate::{Status, meta};

/// A JSON answer, 200.
pub(crate) fn json(value: &Value) -> Response {
    bytes(StatusCode::OK, Bytes::from(value.to_string()))
}

/// A JSON answer of bytes that are JSON already.
pub(crate) fn bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer in the encoding asked for.
pub(crate) fn encoded(status: StatusCode, value: &Value, encoding: Encoding) -> Result<Response, Status> {
    match encoding {
        Encoding::Json => Ok(bytes(status, Bytes::from(value.to_string()))),
        Encoding::Yaml => {
            let text = serde_saphyr::to_string(value).map_err(|e| Status::internal(e.to_string()))?;
            let mut response = bytes(status, Bytes::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
            Ok(response)
        }
    }
}

/// An object as a client sees it.
pub(crate) enum View {
    /// As it is stored.
    Stored(Arc<Value>),
    /// Made for this version.
    Made(Value),
}

impl Deref for View {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::Stored(value) => value,
            Self::Made(value) => value,
        }
    }
}

impl View {
    pub(crate) fn into_owned(self) -> Value {
        match self {
            Self::Stored(value) => Arc::unwrap_or_clone(value),
            Self::Made(value) => value,
        }
    }
}

/// The object in the version of `resource`.
pub(crate) fn view(resource: &Resource, object: &Object) -> View {
    made(resource, object).map_or_else(|| View::Stored(object.value()), View::Made)
}

/// The object in the version of `resource`, where it is not as stored.
fn made(resource: &Resource, object: &Object) -> Option<Value> {
    let defaulted = with_defaults(resource, object);
    if same_version(resource, object.api_version()) {
        return defaulted;
    }
    let value = defaulted.map_or_else(|| object.value(), Arc::new);
    Some(in_version(resource, &value).into_owned())
}

/// A value as it is stored in the version of `resource`.
pub(crate) fn in_version<'a>(resource: &Resource, value: &'a Value) -> Cow<'a, Value> {
    let stored = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if same_version(resource, stored) {
        return Cow::Borrowed(value);
    }
    if resource.is(Builtin::Event) {
        return Cow::Owned(newer_event(value));
    }
    let mut value = value.clone();
    convert(resource, &mut value);
    Cow::Owned(value)
}

/// With the defaults that the schema got after the object was written, where that makes a difference. Objects that
/// need none are marked with the version of the definition for which that was found out.
fn with_defaults(resource: &Resource, object: &Object) -> Option<Value> {
    let custom = resource.custom()?;
    let schema = custom.storage.as_ref().or(custom.structural.as_ref());
    let structural = schema.filter(|_| object.version < custom.since)?;
    if object.mark.load(Ordering::Relaxed) == custom.since {
        return None;
    }
    let plain = object.value();
    let mut defaulted = Value::clone(&plain);
    structural.apply_defaults(&mut defaulted);
    if defaulted == *plain {
        object.mark.store(custom.since, Ordering::Relaxed);
        return None;
    }
    Some(defaulted)
}

/// Between the versions of a definition only `apiVersion` differs, and what each schema knows.
fn convert(resource: &Resource, value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".into(), resource.api_version().into());
    }
    if let Some(structural) = resource.custom().and_then(|c| c.structural.as_deref()) {
        structural.tidy(value, true);
    }
}

fn same_version(resource: &Resource, stored: &str) -> bool {
    match stored.split_once('/') {
        Some((group, version)) => group == resource.group && version == resource.version,
        None => resource.group.is_empty() && stored == resource.version,
    }
}

/// The object's bytes in the version of `resource`, without serialising again where that is possible.
pub(crate) fn object_bytes(resource: &Resource, object: &Object) -> Bytes {
    match made(resource, object) {
        None => object.bytes.clone(),
        Some(value) => Bytes::from(value.to_string()),
    }
}

/// One object as an answer.
pub(crate) fn object(
    status: StatusCode,
    resource: &Resource,
    object: &Object,
    form: Form,
    include: Include,
) -> Result<Response, Status> {
    if form == Form::PLAIN {
        return Ok(bytes(status, object_bytes(resource, object)));
    }
    value(status, resource, &view(resource, object), form, include)
}

/// The same for a value that is not stored.
pub(crate) fn value(
    status: StatusCode,
    resource: &Resource,
    value: &Value,
    form: Form,
    include: Include,
) -> Result<Response, Status> {
    let shaped = match form.shape {
        Shape::Table { beta } => {
            let version = meta::text(value, "resourceVersion");
            let list = json!({"resourceVersion": version});
            Table::new(resource, beta, include).whole(std::iter::once(value), &list)
        }
        Shape::Metadata { beta } => partial(value, beta),
        Shape::MetadataList { .. } => {
            return Err(Status::new(406, "NotAcceptable", "an object is not a list of metadata"));
        }
        Shape::Object | Shape::Discovery => return encoded(status, value, form.encoding),
    };
    encoded(status, &shaped, form.encoding)
}

/// `PartialObjectMetadata` of an object.
pub(crate) fn partial(value: &Value, beta: bool) -> Value {
    let version = if beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" };
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": version,
        "metadata": value.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}

/// What of each object a table's row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Status> {
        match text {
            None | Some("" | "Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::None),
            Some("Object") => Ok(Self::Object),
            Some(other) => Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

/// Makes tables of one resource.
pub(crate) struct Table<'a> {
    resource: &'a Resource,
    beta: bool,
    include: Include,
    now: jiff::Timestamp,
}

impl<'a> Table<'a> {
    pub(crate) fn new(resource: &'a Resource, beta: bool, include: Include) -> Self {
        Self { resource, beta, include, now: jiff::Timestamp::now() }
    }

    /// A table with its columns.
    pub(crate) fn whole<'v>(&self, objects: impl Iterator<Item = &'v Value>, list: &Value) -> Value {
        let mut table = self.rows(objects, list);
        if let Some(table) = table.as_object_mut() {
            table.insert("columnDefinitions".into(), self.resource.columns.definitions());
        }
        table
    }

    /// A table without, as later watch events have it.
    pub(crate) fn rows<'v>(&self, objects: impl Iterator<Item = &'v Value>, list: &Value) -> Value {
        let version = if self.beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" };
        let rows: Vec<Value> = objects.map(|object| self.row(object)).collect();
        json!({
            "kind": "Table", "apiVersion": version, "metadata": list,
            "columnDefinitions": null, "rows": rows,
        })
    }

    fn row(&self, object: &Value) -> Value {
        let mut row = Map::new();
        row.insert("cells".into(), self.resource.columns.row(object, self.now).into());
        match self.include {
            Include::None => row.insert("object".into(), Value::Null),
            Include::Metadata => row.insert("object".into(), partial(object, self.beta)),
            Include::Object => row.insert("object".into(), object.clone()),
        };
        Value::Object(row)
    }
}
