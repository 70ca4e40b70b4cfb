//! Where the credential for a registry goes, and where it does not, whoever asks for it.

use std::net::{IpAddr, Ipv4Addr};

use ferry_artifact::egress::Egress;
use ferry_engine::StepResult;
use ferry_net::Http;
use ferry_oci::digest_of;
use serde_json::{Value, json};

use crate::bench::{Bench, secret};
use crate::http::{Server, bench_with};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const PASSWORD: &str = "S3cretPassw0rd";
/// `bob:S3cretPassw0rd`.
const BASIC: &str = "Ym9iOlMzY3JldFBhc3N3MHJk";

/// A bench for which every name is this machine, with a password for `a/b` of the registry.
fn bench(registry: &Server) -> (Bench, String) {
    let names = |_: &str| vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let mut bench = bench_with(Http::with_names(Egress::default().with_loopback(), names));
    let reference = format!("{}/a/b:1", registry.url.trim_start_matches("http://"));
    let data = json!({"repoURL": reference.trim_end_matches(":1"), "username": "bob", "password": PASSWORD});
    bench.world.secrets = vec![secret("image", "s", "demo", &data)];
    (bench, reference)
}

fn download(answers: &[Value]) -> (StepResult, Vec<Value>) {
    // It is asked for TLS first, then whether it speaks without.
    let pings = [json!({"status": 200}), json!({"status": 200})];
    let registry = Server::answering(&[&pings[..], answers].concat());
    let (bench, reference) = bench(&registry);
    let config = json!({"imageRef": reference, "outPath": "out"});
    let result = bench.run_in("oci-download", config, |ctx| "demo".clone_into(&mut ctx.project));
    (result, registry.seen())
}

fn manifest() -> Value {
    let layer = json!({"mediaType": LAYER, "digest": digest_of(b"layer"), "size": 5});
    let kind = "application/vnd.oci.image.manifest.v1+json";
    json!({"status": 200, "body": json!({"layers": [layer]}).to_string(), "headers": [["Content-Type", kind]]})
}

fn asks(challenge: &str) -> Value {
    json!({"status": 401, "headers": [["WWW-Authenticate", challenge]]})
}

fn proofs(seen: &[Value]) -> Vec<&str> {
    seen.iter().filter_map(|request| request["headers"]["authorization"][0].as_str()).collect()
}

#[test]
fn who_a_blob_is_with_is_not_told_who_we_are() {
    let basic = format!("Basic {BASIC}");
    for challenge in ["Bearer realm=\"TOKENS/token\"", "Basic realm=\"x\""] {
        let tokens = Server::answering(&[json!({"status": 200, "body": "{\"token\":\"t\"}"})]);
        let there = Server::answering(&[asks(&challenge.replace("TOKENS", &tokens.url))]);
        let place = format!("{}/blob", there.url.replace("127.0.0.1", "localhost"));
        let leads = json!({"status": 307, "headers": [["Location", place]]});
        let (result, seen) = download(&[asks("Basic realm=\"x\""), manifest(), leads]);
        result.unwrap_err();
        assert_eq!(proofs(&seen), [basic.as_str(), basic.as_str()], "{challenge}");
        assert_eq!(there.seen().len(), 1, "{challenge}");
        assert!(proofs(&there.seen()).is_empty() && tokens.seen().is_empty(), "{challenge}");
    }
}

#[test]
fn a_token_server_that_others_can_listen_to_gets_no_password() {
    for (host, told) in [("127.0.0.1", 1), ("localhost", 1), ("auth.test", 0)] {
        let auth =
            Server::answering(&[json!({"status": 200, "body": "{\"token\":\"\",\"access_token\":\"t\"}"})]);
        let realm = auth.url.replace("127.0.0.1", host);
        let challenge = format!("Negotiate, Bearer realm=\"{realm}/token\"");
        let (result, seen) =
            download(&[asks(&challenge), manifest(), json!({"status": 200, "body": "layer"})]);
        result.unwrap();
        assert_eq!(proofs(&auth.seen()).len(), told, "{host}");
        assert_eq!(proofs(&seen), ["Bearer t", "Bearer t"], "{host}");
    }
}

#[test]
fn a_token_server_that_is_busy_is_asked_again() {
    let busy = json!({"status": 429, "headers": [["Retry-After", "0"]]});
    let auth = Server::answering(&[busy, json!({"status": 200, "body": "{\"token\":\"t\"}"})]);
    let challenge = format!("Bearer realm=\"{}/token\"", auth.url);
    let (result, _) = download(&[asks(&challenge), manifest(), json!({"status": 200, "body": "layer"})]);
    result.unwrap();
    assert_eq!(auth.seen().len(), 2);
}

#[test]
fn s8_what_a_server_repeats_of_a_secret_is_not_told() {
    let repeats = |what: &str| {
        let body = json!({"errors": [{"code": "DENIED", "message": format!("bad auth {what}")}]});
        json!({"status": 400, "body": body.to_string()})
    };
    for what in [PASSWORD, BASIC, "Basic bob:S3cretPassw0rd"] {
        let (result, _) = download(&[asks("Basic realm=\"x\""), repeats(what)]);
        let told = result.unwrap_err().to_string();
        assert!(told.contains("answered 400") && !told.contains("bad auth"), "{told}");
        let auth = Server::answering(&[repeats(what)]);
        let (result, _) = download(&[asks(&format!("Bearer realm=\"{}/token\"", auth.url))]);
        let told = result.unwrap_err().to_string();
        assert!(told.contains("answered 400") && !told.contains("bad auth"), "{told}");
    }
    let auth = Server::answering(&[json!({"status": 200, "body": "{\"token\":\"t0ken\"}"})]);
    let (result, _) = download(&[asks(&format!("Bearer realm=\"{}/token\"", auth.url)), repeats("t0ken")]);
    let told = result.unwrap_err().to_string();
    assert!(!told.contains("t0ken"), "{told}");
    // What is no secret is told.
    let (result, _) = download(&[asks("Basic realm=\"x\""), repeats("of somebody")]);
    let told = result.unwrap_err().to_string();
    assert!(told.contains("bad auth of somebody"), "{told}");
}
