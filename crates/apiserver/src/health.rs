//! `/livez`, `/readyz`, `/healthz` and `/version`.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use serde_json::json;

use crate::accept::Form;
use crate::handler::page_not_found;
use crate::{Status, respond};

/// The version of Kubernetes whose API this is.
const MINOR: &str = "36";

const CHECKS: &[&str] = &["ping", "etcd", "log"];

pub(crate) fn answer(path: &str) -> Response {
    let mut parts = path.split('/').skip(2);
    match (parts.next(), parts.next()) {
        (None, _) => {}
        (Some(check), None) if CHECKS.contains(&check) => {}
        _ => return page_not_found(),
    }
    let mut response = Response::new(Body::from("ok"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

pub(crate) fn version(headers: &http::HeaderMap) -> Result<Response, Status> {
    Form::choose(headers)?;
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Ok(respond::json(&json!({
        "major": "1", "minor": MINOR, "emulationMajor": "1", "emulationMinor": MINOR,
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": format!("v1.{MINOR}.0+ferry"), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{machine}", std::env::consts::OS),
    })))
}
