//! What comes through a socket: who it is from, which host it asks for, TLS, and an orderly end.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use ferry_apiserver::authorization::{Attributes, Decision};
use ferry_apiserver::{
    Authorizer, Certificates, Identity, Limits, Options, Server, StaticTokens, kubeconfig, serve,
};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::world::World;

fn options() -> Options {
    let tokens = StaticTokens::new()
        .with("root", Identity::master("admin"))
        .with("plain", Identity::user("alice", ["devs"]));
    Options { authenticator: Arc::new(tokens), hosts: vec!["ferry.example".into()], ..Options::default() }
}

async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = server.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

const LIST: &str = "/api/v1/namespaces/default/configmaps";

/// Path, headers, status.
type Case = (&'static str, &'static [(&'static str, &'static str)], u16);

#[tokio::test]
async fn every_request_has_an_identity() {
    let world = World::with(options()).await;
    let cases: &[Case] = &[
        (LIST, &[], 403),
        (LIST, &[("authorization", "Bearer wrong")], 401),
        (LIST, &[("authorization", "Bearer plain")], 403),
        (LIST, &[("authorization", "Bearer root")], 200),
        (LIST, &[("authorization", "bearer root")], 200),
        (LIST, &[("authorization", "Basic cm9vdDpyb290")], 403),
        // No header gives an identity, and only who may can become somebody else.
        (LIST, &[("x-remote-user", "admin"), ("x-remote-group", "system:masters")], 403),
        (LIST, &[("authorization", "Bearer plain"), ("impersonate-user", "admin")], 403),
        (LIST, &[("authorization", "Bearer root"), ("impersonate-user", "alice")], 403),
        ("/livez", &[], 200),
        ("/readyz", &[], 200),
        ("/version", &[], 200),
        ("/version", &[("authorization", "Bearer wrong")], 401),
        ("/api", &[], 403),
        ("/openapi/v3", &[], 403),
        ("/api", &[("authorization", "Bearer plain")], 200),
        ("/metrics", &[("authorization", "Bearer plain")], 403),
    ];
    for (path, headers, expected) in cases {
        let mut headers = headers.to_vec();
        headers.push(("host", "localhost"));
        let (status, body) = ask(&world.server, path, &headers).await;
        assert_eq!(status, *expected, "{path} {headers:?} {body}");
    }
}

#[tokio::test]
async fn only_our_own_host_names_are_served() {
    let world = World::with(options()).await;
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:6443", 200),
        ("127.0.0.1:6443", 200),
        ("127.8.8.8", 200),
        ("[::1]:6443", 200),
        ("ferry.example", 200),
        ("FERRY.example:1", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ] {
        let headers = [("host", host), ("authorization", "Bearer root")];
        assert_eq!(ask(&world.server, "/api", &headers).await.0, expected, "{host}");
    }
    assert_eq!(ask(&world.server, "/api", &[("authorization", "Bearer root")]).await.0, 421);
}

/// In process the identity is what the router was made for, whatever a request says.
#[tokio::test]
async fn no_header_changes_the_identity_in_process() {
    let world = World::with(options()).await;
    let router = world.server.router_for(Identity::user("alice", ["devs"]));
    let request = Request::get("/api/v1/namespaces")
        .header("authorization", "Bearer root")
        .header("impersonate-user", "admin")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

/// Lets `alice` read config maps.
struct Readers;

#[async_trait]
impl Authorizer for Readers {
    async fn authorize(&self, user: &Identity, asked: &Attributes) -> Decision {
        let allowed = user.is_in("system:masters")
            || (user.name == "alice" && asked.resource == "configmaps" && asked.verb == "list");
        Decision { allowed, reason: String::new() }
    }
}

#[tokio::test]
async fn rules_of_access_are_asked() {
    let world = World::with(Options { authorizer: Arc::new(Readers), ..options() }).await;
    let headers = [("host", "localhost"), ("authorization", "Bearer plain")];
    let maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(ask(&world.server, maps, &headers).await.0, 200);
    assert_eq!(ask(&world.server, &format!("{maps}?watch=1"), &headers).await.0, 403);
    let (status, refusal) = ask(&world.server, "/api/v1/namespaces/default/secrets/s", &headers).await;
    assert_eq!((status, &refusal["details"]["name"]), (403, &json!("s")));

    let review =
        json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "configmaps"}, "user": "alice"}});
    let answer = world.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await;
    assert_eq!(answer["status"]["allowed"], true);
}

/// A server on a loopback port, and a client made from its kubeconfig.
#[tokio::test]
async fn a_client_works_over_tls_with_the_kubeconfig() {
    let world = World::with(options()).await;
    let directory = world.server.store().directory().to_owned();
    let certificates = Certificates::open(&directory, &[]).unwrap();
    let again = Certificates::open(&directory, &[]).unwrap();
    assert_eq!(certificates.authority, again.authority);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let tls = Some(Arc::clone(&certificates.config));
    let serving = tokio::spawn(serve(world.server.router(), listener, tls, Limits::default(), stop.clone()));

    let config = Kubeconfig::from_yaml(&kubeconfig(&url, &certificates.authority, "root")).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "m"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let namespaces: Api<Namespace> = Api::all(client);
    let watch = namespaces.watch(&WatchParams::default(), "0").await.unwrap();

    // An open watch does not hold up the end.
    world.server.stop();
    stop.cancel();
    serving.await.unwrap();
    drop(watch);
}

#[cfg(unix)]
#[test]
fn keys_are_only_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    Certificates::open(directory.path(), &["ferry.example".into()]).unwrap();
    for file in ["ca.key", "server.key"] {
        let mode = directory.path().join(file).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    // Another name needs another certificate, from the same authority.
    let before = std::fs::read(directory.path().join("server.crt")).unwrap();
    let authority = Certificates::open(directory.path(), &[]).unwrap().authority;
    assert_ne!(std::fs::read(directory.path().join("server.crt")).unwrap(), before);
    assert_eq!(std::fs::read_to_string(directory.path().join("ca.crt")).unwrap(), authority);
}
