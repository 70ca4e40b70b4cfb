//! Somebody else writes an Application just before the stand-in does, at the worst moment each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::laws;
use super::world::{URL, World};

const ALL: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: menu
---
apiVersion: batch/v1
kind: Job
metadata:
  name: prepare
  annotations:
    argocd.argoproj.io/hook: PreSync
";

/// What went through.
#[derive(Default)]
struct Seen {
    /// How often the rival wrote.
    written: AtomicUsize,
    /// How many objects the stand-in deleted.
    deleted: AtomicUsize,
}

/// A rival that writes the Application once before each of the first `times` patches that `matter`.
async fn contested(times: usize, matter: fn(&Value) -> bool) -> (World, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let shared = seen.clone();
    let world = World::start_through(|router| {
        let direct = router.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let (direct, seen) = (direct.clone(), shared.clone());
            async move {
                if request.method() == Method::DELETE {
                    seen.deleted.fetch_add(1, Ordering::SeqCst);
                }
                let is_app = request.uri().path().ends_with("/applications/shop");
                if !is_app || request.method() != Method::PATCH {
                    return next.run(request).await;
                }
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let is_time = seen.written.load(Ordering::SeqCst) < times;
                if is_time && matter(&serde_json::from_slice(&body).unwrap()) {
                    let count = seen.written.fetch_add(1, Ordering::SeqCst);
                    let patch = json!({"metadata": {"annotations": {"rival": count.to_string()}}});
                    let mut theirs = Request::new(Body::from(patch.to_string()));
                    *theirs.method_mut() = Method::PATCH;
                    *theirs.uri_mut() = parts.uri.clone();
                    let kind = HeaderValue::from_static("application/merge-patch+json");
                    theirs.headers_mut().insert(CONTENT_TYPE, kind);
                    assert!(direct.oneshot(theirs).await.unwrap().status().is_success());
                }
                next.run(Request::from_parts(parts, Body::from(body))).await
            }
        }))
    });
    (world.await, seen)
}

fn entry(app: &Value, kind: &str) -> Value {
    let entries = app["status"]["operationState"]["syncResult"]["resources"].as_array();
    let found = entries.into_iter().flatten().find(|entry| entry["kind"] == kind);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn what_was_done_before_a_conflict_is_told_and_not_done_again() {
    let ends = |patch: &Value| patch["status"]["operationState"]["phase"] == "Succeeded";
    let (world, seen) = contested(3, ends).await;
    world.git.push(
        URL,
        "main",
        &[("app/all.yaml", Some("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: menu\n"))],
    );
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    let app = world.until_promoted("p.1").await;
    assert_eq!(seen.written.load(Ordering::SeqCst), 3, "the rival wrote");
    assert_eq!(entry(&app, "ConfigMap")["message"], "configmap/menu created");
    assert_eq!(app["status"]["operationState"]["message"], "successfully synced (all tasks run)");
    assert_eq!(app["status"]["history"].as_array().unwrap().len(), 1);
    laws::check(&world.versions());
}

#[tokio::test]
async fn a_hook_is_made_once_whoever_writes_in_between() {
    let waits = |patch: &Value| {
        let message = patch["status"]["operationState"]["message"].as_str();
        message.is_some_and(|message| message.starts_with("waiting for completion of hook"))
    };
    let (world, seen) = contested(1, waits).await;
    world.git.push(URL, "main", &[("app/all.yaml", Some(ALL))]);
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    let told = "waiting for completion of hook batch/Job/prepare";
    let app = world.until(told, |app| app["status"]["operationState"]["message"] == told).await;
    assert_eq!(seen.written.load(Ordering::SeqCst), 1, "the rival wrote");
    assert_eq!(entry(&app, "Job")["message"], "job.batch/prepare created");
    assert_eq!(seen.deleted.load(Ordering::SeqCst), 0, "a hook is deleted before it is made anew");
    laws::check(&world.versions());
}
