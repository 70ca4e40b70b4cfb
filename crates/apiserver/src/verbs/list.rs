//! Lists: selectors, versions, pages, and the forms a list is answered in.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use ferry_store::{Key, List, Object};
use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::Call;
use crate::accept::{Encoding, Form, Shape};
use crate::collection::Continue;
use crate::options::{ListOptions, Match};
use crate::resource::{Nature, Resource};
use crate::respond::{self, Table, View, view};
use crate::{Status, meta};

/// Which objects of a resource a request is about.
pub(crate) struct Filter<'a> {
    resource: &'a Resource,
    options: &'a ListOptions,
    name: Option<&'a str>,
}

impl<'a> Filter<'a> {
    /// Refuses field selectors the resource does not support.
    pub(crate) fn new(
        resource: &'a Resource,
        options: &'a ListOptions,
        name: Option<&'a str>,
    ) -> Result<Self, Status> {
        for requirement in options.fields.iter().flat_map(crate::selector::Fields::requirements) {
            let path = requirement.field.as_str();
            let known = matches!(path, "metadata.name" | "metadata.namespace")
                || match &resource.nature {
                    Nature::Custom(custom) => custom.selectable.iter().any(|s| s == path),
                    Nature::Builtin(builtin) => builtin.field(&Value::Null, path).is_some(),
                    Nature::Review => false,
                };
            if !known {
                let text = format!("field label not supported: {path}");
                return Err(Status::bad_request(text));
            }
        }
        Ok(Self { resource, options, name })
    }

    /// Whether every object matches.
    pub(crate) fn is_open(&self) -> bool {
        self.options.labels.is_none() && self.options.fields.is_none() && self.name.is_none()
    }

    /// Whether it lets a stored object through; parsed only where what is asked for is inside.
    pub(crate) fn admits(&self, object: &Object) -> bool {
        if self.name.is_some_and(|name| name != object.key.name) {
            return false;
        }
        (self.options.labels.is_none() && self.options.fields.is_none()) || self.matches(&object.value())
    }

    fn matches(&self, object: &Value) -> bool {
        if let Some(labels) = &self.options.labels {
            let map = object.get("metadata").and_then(|m| m.get("labels")).and_then(Value::as_object);
            if !labels.matches(map) {
                return false;
            }
        }
        self.options.fields.as_ref().is_none_or(|f| f.matches(|path| self.field(object, path)))
    }

    fn field(&self, object: &Value, path: &str) -> Option<String> {
        match path {
            "metadata.name" => Some(meta::text(object, "name").to_owned()),
            "metadata.namespace" => Some(meta::text(object, "namespace").to_owned()),
            _ => match &self.resource.nature {
                Nature::Builtin(builtin) => builtin.field(object, path),
                Nature::Custom(_) => {
                    let value = path.split('.').try_fold(object, |value, part| value.get(part));
                    Some(match value {
                        None | Some(Value::Null) => String::new(),
                        Some(Value::String(text)) => text.clone(),
                        Some(other) => other.to_string(),
                    })
                }
                Nature::Review => None,
            },
        }
    }
}

pub(super) fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let options = ListOptions::parse(&call.query)?;
    let filter = Filter::new(&call.resource, &options, None)?;
    let page = Page::take(call, &options, &filter)?;
    match form.shape {
        Shape::Object | Shape::Discovery if form.encoding == Encoding::Json => {
            Ok(page.response(&call.resource))
        }
        Shape::Table { beta } => {
            let views: Vec<View> = page.objects.iter().map(|o| view(&call.resource, o)).collect();
            let table = Table::new(&call.resource, beta, include);
            let table = table.whole(views.iter().map(|view| &**view), &page.metadata(false));
            respond::encoded(StatusCode::OK, &table, form.encoding)
        }
        Shape::Metadata { beta } | Shape::MetadataList { beta } => {
            let items: Vec<Value> =
                page.objects.iter().map(|o| respond::partial(&view(&call.resource, o), beta)).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": if beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" },
                "metadata": page.metadata(false), "items": items,
            });
            respond::encoded(StatusCode::OK, &list, form.encoding)
        }
        _ => yaml(&page, &call.resource, form),
    }
}

pub(super) fn yaml(page: &Page, resource: &Resource, form: Form) -> Result<Response, Status> {
    let list: Value =
        serde_json::from_slice(&page.bytes(resource)).map_err(|error| Status::internal(error.to_string()))?;
    respond::encoded(StatusCode::OK, &list, form.encoding)
}

/// What of a list one answer carries.
pub(super) struct Page {
    pub(super) objects: Vec<Arc<Object>>,
    version: u64,
    token: String,
    remaining: Option<usize>,
}

impl Page {
    pub(super) fn take(call: &Call, options: &ListOptions, filter: &Filter<'_>) -> Result<Self, Status> {
        let token = options.token.as_deref().map(Continue::decode).transpose()?;
        let List { mut objects, version } = snapshot(call, options, token.as_ref())?;
        let paging = options.limit > 0 && !(options.version == Some(0) && options.matching == Match::Unset);
        let wide = call.resource.namespaced && call.place.namespace.is_none();
        let place = |object: &Object| {
            if wide {
                format!("{}/{}", object.key.namespace, object.key.name)
            } else {
                object.key.name.clone()
            }
        };
        if let Some(token) = &token {
            objects.retain(|o| token.admits(&place(o)));
        }
        let open = filter.is_open();
        if !open {
            objects.retain(|o| filter.admits(o));
        }
        let (mut next, mut remaining) = (String::new(), None);
        if paging && objects.len() > options.limit {
            remaining = open.then(|| objects.len() - options.limit);
            objects.truncate(options.limit);
            if let Some(last) = objects.last() {
                let version = i64::try_from(version).unwrap_or(i64::MAX);
                next = Continue::after(version, &place(last)).encode();
            }
        }
        Ok(Self { objects, version, token: next, remaining })
    }

    fn metadata(&self, plain: bool) -> Value {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), self.version.to_string().into());
        if !self.token.is_empty() || plain {
            metadata.insert("continue".into(), self.token.as_str().into());
        }
        if let Some(remaining) = self.remaining {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
        Value::Object(metadata)
    }

    /// The list as JSON, made of the objects' own bytes.
    pub(super) fn bytes(&self, resource: &Resource) -> Bytes {
        let mut out = self.head(resource).into_bytes();
        for (i, object) in self.objects.iter().enumerate() {
            item(&mut out, resource, object, i == 0);
        }
        out.extend_from_slice(b"]}");
        Bytes::from(out)
    }

    /// The same as an answer: a long list is made while it is sent, so that it never lies in memory whole.
    pub(super) fn response(self, resource: &Arc<Resource>) -> Response {
        let total: usize = self.objects.iter().map(|object| object.bytes.len()).sum();
        if total <= PIECE {
            return respond::bytes(StatusCode::OK, self.bytes(resource));
        }
        let head = Bytes::from(self.head(resource));
        let resource = resource.clone();
        let mut objects = self.objects.into_iter().enumerate();
        let pieces = std::iter::from_fn(move || {
            let mut out = Vec::with_capacity(PIECE + PIECE / 4);
            for (i, object) in objects.by_ref() {
                item(&mut out, &resource, &object, i == 0);
                if out.len() >= PIECE {
                    break;
                }
            }
            (!out.is_empty()).then(|| Bytes::from(out))
        });
        let whole = std::iter::once(head).chain(pieces).chain(std::iter::once(Bytes::from_static(b"]}")));
        let mut response = respond::bytes(StatusCode::OK, Bytes::new());
        let pieces = futures::stream::iter(whole.map(Ok::<_, std::convert::Infallible>));
        *response.body_mut() = Body::from_stream(pieces);
        response
    }

    /// All before the first item.
    fn head(&self, resource: &Resource) -> String {
        let head = json!({
            "apiVersion": resource.api_version(), "kind": resource.list_kind, "metadata": self.metadata(resource.custom().is_some()),
        });
        // `metadata` ends in a brace of its own.
        format!("{}}},\"items\":[", head.to_string().trim_end_matches('}'))
    }
}

/// How much of a long list is made at a time.
const PIECE: usize = 256 << 10;

fn item(out: &mut Vec<u8>, resource: &Resource, object: &Object, first: bool) {
    if !first {
        out.push(b',');
    }
    if resource.custom().is_some() {
        out.extend_from_slice(&respond::object_bytes(resource, object));
    } else {
        // Items of built-in lists do not repeat their kind.
        out.extend_from_slice(&serde_json::to_vec(&Item(&view(resource, object))).unwrap_or_default());
    }
}

/// An object without its kind.
struct Item<'a>(&'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.as_object().into_iter().flatten();
        serializer.collect_map(members.filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind")))
    }
}

fn snapshot(call: &Call, options: &ListOptions, token: Option<&Continue>) -> Result<List, Status> {
    let (storage, namespace) = (&*call.resource.storage, call.place.namespace.as_deref());
    if token.is_some() && options.version.is_some_and(|v| v != 0) {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let now = call.server.store().version();
    let at = match token {
        Some(token) => u64::try_from(token.version).ok(),
        None => match (options.version, options.matching) {
            (Some(version), Match::Exact) => Some(version),
            (Some(version), Match::Unset) if version > 0 && options.limit > 0 => Some(version),
            (Some(version), _) => {
                not_in_the_future(version, now)?;
                None
            }
            (None, _) => None,
        },
    };
    let Some(version) = at else {
        if let (Some(name), Some(namespace)) = (options.only_name(), call.place.namespace.as_deref()) {
            let key = Key::new(Arc::clone(&call.resource.storage), namespace, name);
            return Ok(List { objects: call.server.store().get(&key).into_iter().collect(), version: now });
        }
        return Ok(call.server.list(storage, namespace));
    };
    not_in_the_future(version, now)?;
    call.server.store().list_at(storage, namespace, version).map_err(|expired| {
        if token.is_some() {
            Status::expired(
                "The provided continue parameter is too old to display a consistent list result. Start a new list without the continue parameter.",
            )
        } else {
            Status::expired(format!("The resourceVersion for the provided list is too old: {expired}"))
        }
    })
}

/// A version that nobody can have seen.
pub(super) fn not_in_the_future(version: u64, now: u64) -> Result<(), Status> {
    if version <= now {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {version}, current: {now}");
    let mut status = Status::new(504, "Timeout", message);
    status.details.causes.push((
        "ResourceVersionTooLarge".into(),
        "Too large resource version".into(),
        String::new(),
    ));
    status.details.retry_after_seconds = Some(1);
    Err(status)
}
