//! Anything at all as path, selector, patch and protobuf body: mutations of a kept corpus (`tests/corpus/`), thrown at
//! a whole server. It answers every time, and never because something panicked. `FERRY_FUZZ_SECONDS=N` goes on for N
//! seconds a target instead of a fixed number of inputs; a finding becomes a file of the corpus.

use std::time::{Duration, Instant};

use axum::body::Body;
use ferry_apiserver::{Identity, patch, selector};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::World;

/// Inputs a target gets when nobody says otherwise.
const INPUTS: u64 = 5000;

/// A small generator of numbers: which inputs are tried depends on the seed alone.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// The kept inputs of a target: one a line, as text or, after `hex:`, in hexadecimal digits.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/corpus/{target}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let inputs: Vec<Vec<u8>> = text
        .lines()
        .map(|line| match line.strip_prefix("hex:") {
            Some(digits) => digits
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect(),
            None => line.as_bytes().to_vec(),
        })
        .collect();
    assert!(inputs.len() >= 5, "{target}: the corpus is nearly empty");
    inputs
}

/// An input made of kept ones.
fn mutated(corpus: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    const TOKENS: &[&str] = &[
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
    let mut input = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(input.len() + 1);
        match numbers.below(7) {
            0 => input.truncate(at),
            1 => input.insert(at, u8::try_from(numbers.below(256)).unwrap()),
            2 if at < input.len() => input[at] ^= 1 << numbers.below(8),
            3 if at < input.len() => drop(input.remove(at)),
            4 => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.below(other.len() + 1);
                input.splice(at..at, other[from..].iter().copied());
            }
            5 => {
                let end = (at + numbers.below(20)).min(input.len());
                let piece = input[at..end].to_vec();
                let times = 1 + numbers.below(200);
                input.splice(at..at, piece.repeat(times));
            }
            _ => drop(input.splice(at..at, TOKENS[numbers.below(TOKENS.len())].bytes())),
        }
    }
    input.truncate(1 << 16);
    input
}

/// Every kept input and many made of them.
fn inputs(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let seconds = std::env::var("FERRY_FUZZ_SECONDS").ok().and_then(|n| n.parse().ok());
    let end = seconds.map(|n| Instant::now() + Duration::from_secs(n));
    let kept = corpus(target);
    let seed = if end.is_some() { u64::from(std::process::id()) } else { 1 };
    let (mut numbers, mut count, made) = (Numbers(seed), 0, kept.clone());
    kept.into_iter().chain(std::iter::from_fn(move || {
        count += 1;
        let more = end.map_or(count <= INPUTS, |end| Instant::now() < end);
        more.then(|| mutated(&made, &mut numbers))
    }))
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
