//! The one entry of every request: path, verb, permission, then the verb's own file.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::authorization::{Attributes, refusal};
use crate::options::Query;
use crate::path::{self, Path, Place};
use crate::resource::{Nature, Resource};
use crate::server::Outside;
use crate::verbs::{self, Call};
use crate::{Identity, Server, Status, discovery, documents, health, reviews};

/// Largest body that is read.
const BODY_LIMIT: usize = 3 << 20;
/// Longest time for it to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);

pub(crate) async fn handle(State(server): State<Server>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let verb = parts.method.as_str().to_owned();
    let uri = tracing::enabled!(tracing::Level::DEBUG).then(|| parts.uri.clone());
    let head = parts.method == Method::HEAD;
    let mut response = match answer(server, parts, body).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    };
    if head {
        *response.body_mut() = Body::empty();
    }
    let code = response.status().as_u16().to_string();
    if let Some(uri) = uri {
        tracing::debug!(verb, path = %uri, code, elapsed = ?started.elapsed(), "request");
    }
    metrics::counter!("ferry_apiserver_requests_total", "verb" => verb.clone(), "code" => code).increment(1);
    metrics::histogram!("ferry_apiserver_request_seconds", "verb" => verb)
        .record(started.elapsed().as_secs_f64());
    response
}

async fn answer(server: Server, parts: Parts, body: Body) -> Result<Response, Status> {
    let identity = parts.extensions.get::<Identity>().cloned().unwrap_or_else(Identity::anonymous);
    let path = parts.uri.path();
    let root = path.split('/').nth(1).unwrap_or_default();
    if !matches!(root, "api" | "apis") {
        return elsewhere(&server, &identity, &parts).await;
    }
    match path::parse(path) {
        Some(Place::Resource(place)) => on_resource(server, identity, parts, place, body).await,
        Some(place) => {
            permit_path(&server, &identity, &parts).await?;
            discovery::answer(&server, &place, &parts.headers)
        }
        None => {
            permit_path(&server, &identity, &parts).await?;
            Ok(page_not_found())
        }
    }
}

/// What is not below `/api` or `/apis`.
async fn elsewhere(server: &Server, identity: &Identity, parts: &Parts) -> Result<Response, Status> {
    permit_path(server, identity, parts).await?;
    let path = parts.uri.path();
    match path.split('/').nth(1).unwrap_or_default() {
        "healthz" | "livez" | "readyz" => Ok(health::answer(path)),
        "version" => health::version(&parts.headers),
        "openapi" => {
            let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
            Ok(documents::answer(server, path, accept))
        }
        _ => Ok(page_not_found()),
    }
}

async fn permit_path(server: &Server, identity: &Identity, parts: &Parts) -> Result<(), Status> {
    let attributes = Attributes {
        verb: parts.method.as_str().to_ascii_lowercase(),
        path: Some(parts.uri.path().to_owned()),
        ..Attributes::default()
    };
    permit(server, identity, &attributes).await
}

async fn permit(server: &Server, identity: &Identity, attributes: &Attributes) -> Result<(), Status> {
    if crate::authorization::is_open(attributes) {
        return Ok(());
    }
    let decision = server.authorizer().authorize(identity, attributes).await;
    if decision.allowed { Ok(()) } else { Err(refusal(identity, attributes, &decision)) }
}

async fn on_resource(
    server: Server,
    identity: Identity,
    parts: Parts,
    place: Path,
    body: Body,
) -> Result<Response, Status> {
    let query = Query::parse(parts.uri.query());
    let verb = verb(&parts.method, &place, &query);
    let attributes = Attributes {
        verb: verb.to_owned(),
        group: place.group.clone(),
        version: place.version.clone(),
        resource: place.plural.clone(),
        subresource: place.subresource.clone().unwrap_or_default(),
        namespace: place.namespace.clone().unwrap_or_default(),
        name: place.name.clone().unwrap_or_default(),
        path: None,
    };
    permit(&server, &identity, &attributes).await?;
    let catalog = server.catalog();
    let Some(resource) = catalog.get(&place.group, &place.version, &place.plural).cloned() else {
        return Ok(page_not_found());
    };
    drop(catalog);
    if !is_served(&resource, &place, verb) {
        return no_subresource(&resource, &place);
    }
    let asked = place.subresource.as_deref() == Some("token") || matches!(resource.nature, Nature::Review);
    let only_made = asked && verb != "create";
    if verb.is_empty() || only_made {
        return Err(Status::method_not_allowed(&resource, ""));
    }
    let reading = matches!(verb, "get" | "list" | "watch");
    let bytes = if reading { Bytes::new() } else { read(body).await? };
    let outside = parts.extensions.get::<Outside>().is_some();
    let seat = if outside { Some(server.clone().fairness().seat(&identity.name).await?) } else { None };
    let deprecation = resource.custom().and_then(|c| c.deprecation.clone());
    let call = Call { server, identity, resource, place, query, headers: parts.headers, body: bytes };
    let mut response = if reading {
        verbs::read(&call, verb)?
    } else {
        // A task of its own: a client that goes away must not stop a write midway.
        let verb = verb.to_owned();
        let task = tokio::spawn(async move {
            let _seat = seat;
            write(call, &verb).await
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a write panicked");
            Status::internal("an internal error happened; see the server's log")
        })??
    };
    if let Some(text) = deprecation {
        warn(&mut response, &text);
    }
    Ok(response)
}

async fn write(call: Call, verb: &str) -> Result<Response, Status> {
    if matches!(call.resource.nature, Nature::Review) {
        return reviews::answer(&call).await;
    }
    verbs::write(call, verb).await
}

/// Adds a `Warning` header.
pub(crate) fn warn(response: &mut Response, text: &str) {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
        response.headers_mut().append(header::WARNING, value);
    }
}

fn verb(method: &Method, place: &Path, query: &Query) -> &'static str {
    let named = place.name.is_some();
    match *method {
        Method::GET | Method::HEAD if named => "get",
        Method::GET | Method::HEAD if query.flag("watch") => "watch",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "",
    }
}

/// Whether such a path exists: with a namespace for namespaced resources, with known subresources.
fn is_served(resource: &Resource, place: &Path, verb: &str) -> bool {
    let everywhere = matches!(verb, "list" | "watch") && place.name.is_none();
    if resource.namespaced && place.namespace.is_none() && !everywhere {
        return false;
    }
    if !resource.namespaced && place.namespace.is_some() {
        return false;
    }
    match place.subresource.as_deref() {
        None => true,
        Some("status") => resource.has_status,
        Some("token") => crate::tokens::is_about(&resource.storage, Some("token")),
        Some(verbs::SCALE) => resource.has_scale() && place.name.is_some(),
        Some("finalize") => resource.is(crate::kinds::Builtin::Namespace),
        Some(_) => false,
    }
}

/// A path below an object that is not there: as if the object were not.
fn no_subresource(resource: &Resource, place: &Path) -> Result<Response, Status> {
    let known = !resource.namespaced || place.namespace.is_some();
    match (&place.name, resource.custom()) {
        (Some(name), Some(_)) if known => Err(Status::not_found(resource, name)),
        _ => Ok(page_not_found()),
    }
}

async fn read(body: Body) -> Result<Bytes, Status> {
    let whole = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_LIMIT).collect());
    let Ok(read) = whole.await else {
        let message = format!("the body of the request did not arrive within {} s", BODY_TIME.as_secs());
        return Err(Status::new(504, "Timeout", message));
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Status::too_large()),
        Err(error) => Err(Status::bad_request(format!("the body could not be read: {error}"))),
    }
}

pub(crate) fn page_not_found() -> Response {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
