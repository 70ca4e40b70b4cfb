//! Anything at all as path, selector, patch and protobuf body: mutations of a kept corpus (`tests/corpus/`), thrown at
//! a whole server. It answers every time, and never because something panicked.

use std::path::Path;

use axum::body::Body;
use ferry_apiserver::{Identity, patch, selector};
use ferry_fuzz::Corpus;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::World;

const WORDS: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    "~1",
    "~",
    "/",
    "%00",
    "%2f",
    "..",
    ",",
    "=",
    "!",
    " in (",
    ")",
    "$patch",
    "-1",
    "18446744073709551616",
    "null",
    "\u{0}",
    "\u{fffd}",
    "é",
    "9e999",
    "{\"\":",
];

fn inputs(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/{target}.txt"));
    Corpus::read(&corpus, WORDS).inputs()
}

#[test]
fn selectors_are_read_or_refused() {
    for input in inputs("selector") {
        let text = String::from_utf8_lossy(&input);
        if let Ok(labels) = selector::Labels::parse(&text) {
            let _ = labels.matches(None);
        }
        let _ = selector::Fields::parse(&text);
    }
}

#[test]
fn patches_are_applied_or_refused() {
    let object: Value = serde_json::json!({"kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x"],
        "ownerReferences": [{"uid": "u"}]}, "data": {"a": "1", "b/c": "2", "~": ""}, "list": [1, {"a": []}, null]});
    for input in inputs("patch") {
        let Ok(change) = serde_json::from_slice::<Value>(&input) else { continue };
        let _ = patch::merge(&mut object.clone(), &change);
        let _ = patch::json(&mut object.clone(), &change);
        let _ = patch::strategic(&mut object.clone(), &change, "ConfigMap");
    }
}

/// What a server answers; a panic shows as 500.
async fn answer(world: &World, method: &str, path: &str, kind: &str, body: Vec<u8>) {
    let Ok(uri) = path.parse::<http::Uri>() else { return };
    let request = Request::builder().method(method).uri(uri).header("content-type", kind);
    let Ok(request) = request.body(Body::from(body.clone())) else { return };
    let router = world.server.router_for(Identity::master("fuzzer"));
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    if path.contains("watch") && status == 200 {
        return;
    }
    let said = response.into_body().collect().await.unwrap().to_bytes();
    assert_ne!(status, 500, "{method} {path:?} {body:?}: {}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn paths_lead_somewhere_or_nowhere() {
    let world = World::start().await;
    for (i, input) in inputs("path").enumerate() {
        let path = String::from_utf8_lossy(&input).into_owned();
        let method = ["GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD"][i % 6];
        answer(&world, method, &path, "application/merge-patch+json", b"{}".to_vec()).await;
    }
}

#[tokio::test]
async fn bodies_in_protobuf_are_read_or_refused() {
    let world = World::start().await;
    let kind = "application/vnd.kubernetes.protobuf";
    for input in inputs("protobuf") {
        answer(&world, "POST", "/api/v1/namespaces/default/configmaps", kind, input.clone()).await;
        answer(&world, "POST", "/api/v1/namespaces/default/secrets?dryRun=All", kind, input).await;
    }
}

#[tokio::test]
async fn applied_configurations_are_merged_or_refused() {
    let world = World::start().await;
    let path = "/api/v1/namespaces/default/configmaps/a?fieldManager=one&force=true";
    for input in inputs("apply") {
        answer(&world, "PATCH", path, "application/apply-patch+yaml", input).await;
    }
}
