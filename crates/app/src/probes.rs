//! `/livez`, `/readyz` and `/metrics`: in the open on a listener of their own, and on the API server's.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{Method, StatusCode, header};
use parking_lot::Mutex;

use crate::metrics;

/// Whether the process is ready. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<Question>>>);

type Question = Box<dyn Fn() -> bool + Send + Sync>;

impl Readiness {
    /// From now on this is asked: whether the controllers know what was there at the start.
    pub(crate) fn ask(&self, question: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.lock() = Some(Box::new(question));
    }

    fn answer(&self) -> Response {
        if self.0.lock().as_ref().is_some_and(|is_ready| !is_ready()) {
            return (StatusCode::SERVICE_UNAVAILABLE, "controllers: not yet\n").into_response();
        }
        "ok".into_response()
    }
}

/// The router of a listener without credentials.
pub(crate) fn open(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|State(readiness): State<Readiness>| async move { readiness.answer() }))
        .route("/metrics", get(|| async { exposition() }))
        .with_state(readiness)
}

/// The API server's router, with readiness and metrics.
pub(crate) fn around(server: Router, readiness: Readiness) -> Router {
    server.layer(from_fn_with_state(readiness, step_in))
}

async fn step_in(State(readiness): State<Readiness>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (is_ready, is_metrics) = (path == "/readyz", path == "/metrics" && request.method() == Method::GET);
    let answer = next.run(request).await;
    match answer.status() {
        StatusCode::OK if is_ready => readiness.answer(),
        // The server knows no such path, so it has let this user pass.
        StatusCode::NOT_FOUND if is_metrics => exposition(),
        _ => answer,
    }
}

fn exposition() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}
