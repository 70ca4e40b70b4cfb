//! The real `git http-backend` behind TLS, with a password.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ferry_engine::{Outcome, StepResult};
use ferry_git::{Git, Settings};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::bench::{Bench, put, secret};
use crate::git_world::GitWorld;

/// TLS in front of a port; the address, and the certificate as PEM.
async fn with_tls(port: u16) -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config =
        config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust us goes away.
                let Ok(mut outer) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _gone = copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (address, certified.cert.pem())
}

fn clone(bench: &Bench, url: &str, insecure: bool) -> StepResult {
    let checkout = json!([{"branch": "main", "path": "src"}]);
    let config = json!({"repoURL": url, "checkout": checkout, "insecureSkipTLSVerify": insecure});
    bench.run_in("git-clone", config, |ctx| "demo".clone_into(&mut ctx.project))
}

fn push(bench: &Bench, text: &str) -> String {
    // A step of its own: it does not go on with what another began.
    bench.ledger.forget();
    put(&bench.work().join("src/new"), &json!(text));
    bench.run("git-commit", json!({"path": "src", "message": text})).unwrap();
    let pushed = bench.run_in("git-push", json!({"path": "src"}), |ctx| "demo".clone_into(&mut ctx.project));
    match pushed.unwrap() {
        Outcome::Succeeded(output) => output.values.unwrap()["commit"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Git that trusts the certificates in a file.
fn trusting(world: &mut GitWorld, place: &Path, pem: &str) {
    let bundle = place.join("bundle.pem");
    std::fs::write(&bundle, pem).unwrap();
    let environment = vec![(OsString::from("GIT_SSL_CAINFO"), bundle.into_os_string())];
    let git = Git::new(&place.join("cache"), Settings { environment, ..Settings::default() }).unwrap();
    world.bench.services = world.bench.services.clone().with(Arc::new(git));
}

#[test]
fn a_server_behind_tls_that_asks_for_a_password() {
    let mut world = GitWorld::with_app();
    world.server.protect("/", "robot", "s3cret");
    let (address, pem) = world.bench.runtime.block_on(with_tls(world.server.port()));
    let plain = world.url("app");
    let url = format!("https://{address}/{}", plain.splitn(4, '/').nth(3).unwrap());
    let credential =
        |password: &str| -> Value { json!({"repoURL": url, "username": "robot", "password": password}) };

    // Nobody knows the certificate.
    world.bench.world.secrets = vec![secret("git", "s", "demo", &credential("s3cret"))];
    let refused = clone(&world.bench, &url, false).unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    clone(&world.bench, &url, true).unwrap();
    let first = push(&world.bench, "first");
    assert_eq!(world.messages("app", "main").last().unwrap().trim(), "first");
    world.bench.run("delete", json!({"path": "src"})).unwrap();

    // Somebody does, and then nothing needs to be passed over.
    let place = tempfile::tempdir().unwrap();
    trusting(&mut world, place.path(), &pem);
    clone(&world.bench, &url, false).unwrap();
    assert_ne!(push(&world.bench, "second"), first);
    world.bench.run("delete", json!({"path": "src"})).unwrap();

    // A password that is wrong, or not there, is said to be so, and not told.
    for secrets in [vec![], vec![secret("git", "s", "demo", &credential("wr0ng"))]] {
        world.bench.world.secrets = secrets;
        let refused = clone(&world.bench, &url, false).unwrap_err().to_string();
        assert!(refused.contains("credential"), "{refused}");
        assert!(!refused.contains("wr0ng"), "{refused}");
    }
}
