//! `/livez`, `/readyz` and `/metrics`: in the open on a listener of their own, and on the API server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{Method, StatusCode, header};

use crate::metrics;

/// What is not ready yet. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Parts>);

#[derive(Default)]
struct Parts {
    controllers_expected: AtomicBool,
    controllers: AtomicBool,
}

impl Readiness {
    /// From now on the controllers count.
    pub(crate) fn expect_controllers(&self) {
        self.0.controllers_expected.store(true, Ordering::SeqCst);
    }

    /// The controllers know everything that was there at the start.
    pub(crate) fn controllers_are_ready(&self) {
        self.0.controllers.store(true, Ordering::SeqCst);
    }

    fn answer(&self) -> Response {
        let waits =
            self.0.controllers_expected.load(Ordering::SeqCst) && !self.0.controllers.load(Ordering::SeqCst);
        if waits {
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
