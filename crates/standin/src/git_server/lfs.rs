//! Git LFS of the served repositories, as its clients know it: the batch API with basic transfers, contents by their
//! SHA-256 in the directory `lfs` of each repository.

use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::repository::Repository;

/// Where the API of a repository begins.
pub(super) const PLACE: &str = ".git/info/lfs/";

/// The most bytes of one content.
const LARGEST: usize = 1 << 30;

pub(super) async fn answer(root: &Path, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let found = path.split_once(PLACE).and_then(|(name, what)| {
        let repository = Repository::at(root, name.trim_start_matches('/')).ok()?;
        Some((repository, what.to_owned()))
    });
    let Some((repository, what)) = found.filter(|(repository, _)| repository.directory().exists()) else {
        return said(StatusCode::NOT_FOUND, "there is no such repository");
    };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let objects = format!("http://{host}{}objects", path.split_at(path.len() - what.len()).0);
    let method = request.method().clone();
    let Ok(body) = axum::body::to_bytes(request.into_body(), LARGEST).await else {
        return said(StatusCode::PAYLOAD_TOO_LARGE, "that is too large");
    };
    let store = repository.directory().join("lfs");
    match (method, &*what) {
        (Method::POST, "objects/batch") => batch(&store, &objects, &body),
        (Method::GET, content) => match content.strip_prefix("objects/").filter(|oid| is_oid(oid)) {
            Some(oid) => read(&store.join(oid)).await,
            None => said(StatusCode::NOT_FOUND, "there is no such object"),
        },
        (Method::PUT, content) => match content.strip_prefix("objects/").filter(|oid| is_oid(oid)) {
            Some(oid) => write(&store, oid, &body).await,
            None => said(StatusCode::UNPROCESSABLE_ENTITY, "that is no SHA-256"),
        },
        _ => said(StatusCode::NOT_FOUND, "there is nothing of that name"),
    }
}

fn batch(store: &Path, objects: &str, body: &[u8]) -> Response {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return said(StatusCode::UNPROCESSABLE_ENTITY, "that is not JSON");
    };
    let is_upload = asked.get("operation") == Some(&json!("upload"));
    let named = asked.get("objects").and_then(Value::as_array).cloned().unwrap_or_default();
    let answers = named.into_iter().filter_map(|object| {
        let (oid, size) = (object.get("oid")?.as_str()?, object.get("size")?.as_u64()?);
        let action = json!({"href": format!("{objects}/{oid}")});
        let here = std::fs::metadata(store.join(oid)).is_ok_and(|found| found.len() == size);
        let mut answer = json!({"oid": oid, "size": size});
        let more = match (is_upload, here) {
            (true, true) => None,
            (true, false) => Some(("actions", json!({"upload": action}))),
            (false, true) => Some(("actions", json!({"download": action}))),
            (false, false) => Some(("error", json!({"code": 404, "message": "Object does not exist"}))),
        };
        if let (Some((key, value)), Some(fields)) = (more, answer.as_object_mut()) {
            fields.insert(key.to_owned(), value);
        }
        Some(answer)
    });
    let answer = json!({"transfer": "basic", "objects": answers.collect::<Vec<_>>()});
    json_of(StatusCode::OK, &answer)
}

async fn read(content: &Path) -> Response {
    match tokio::fs::read(content).await {
        Ok(bytes) => Body::from(bytes).into_response(),
        Err(_) => said(StatusCode::NOT_FOUND, "there is no such object"),
    }
}

/// Keeps a content under its name. That it is what its name says is checked by the real Git LFS that reads it.
async fn write(store: &Path, oid: &str, body: &[u8]) -> Response {
    let new = store.join(format!("{oid}.new"));
    let written = async {
        tokio::fs::create_dir_all(store).await?;
        tokio::fs::write(&new, body).await?;
        tokio::fs::rename(&new, store.join(oid)).await
    };
    match written.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn is_oid(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn said(status: StatusCode, message: &str) -> Response {
    json_of(status, &json!({"message": message}))
}

fn json_of(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/vnd.git-lfs+json")], value.to_string()).into_response()
}
