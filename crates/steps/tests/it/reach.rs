//! Where the steps that speak HTTP must not come: by an address, a name, a redirect or a proxy.

use std::collections::HashMap;
use std::net::IpAddr;

use ferry_artifact::egress::Egress;
use ferry_engine::StepError;
use ferry_net::Http;
use ferry_oci::digest_of;
use parking_lot::Mutex;
use serde_json::json;

use crate::bench::Bench;
use crate::http::{Server, bench, bench_with, refused};

/// A bench on which a name has these addresses: one at each look, the last one from then on.
fn names(of: &[(&str, &[&str])]) -> Bench {
    let address = |text: &&str| text.parse::<IpAddr>().unwrap();
    let of: HashMap<String, Vec<IpAddr>> =
        of.iter().map(|(name, all)| ((*name).to_owned(), all.iter().rev().map(address).collect())).collect();
    let left = Mutex::new(of);
    bench_with(Http::with_names(Egress::default().with_loopback(), move |name| {
        let mut left = left.lock();
        let Some(all) = left.get_mut(name) else { return Vec::new() };
        let next = if all.len() > 1 { all.pop() } else { all.last().copied() };
        next.into_iter().collect()
    }))
}

#[test]
fn s9_what_must_not_be_reached_is_not() {
    let server = Server::answering(&[]);
    let bench = bench(Egress::default());
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ] {
        for kind in ["http", "http-download"] {
            let mut config = json!({"url": format!("http://{host}:{port}/"), "timeout": "5s"});
            if kind == "http-download" {
                config["outPath"] = json!("x");
            }
            let why = refused(bench.run(kind, config));
            assert!(why.contains("may not be reached"), "{host}: {why}");
        }
        // Nor through a proxy, nor a proxy there.
        let proxied =
            json!({"url": format!("http://{host}/"), "proxy": "http://192.0.2.1:1", "timeout": "5s"});
        assert!(refused(bench.run("http", proxied)).contains("may not be reached"), "{host}");
        let proxy =
            json!({"url": "http://192.0.2.1/", "proxy": format!("http://{host}:{port}"), "timeout": "5s"});
        assert!(refused(bench.run("http", proxy)).contains("may not be reached"), "{host}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn s9_a_redirect_leads_nowhere_else() {
    let to = json!({"status": 302, "headers": [["Location", "http://169.254.169.254/latest"]]});
    let server = Server::answering(&[to]);
    let bench = bench(Egress::default().with_loopback());
    let why = refused(bench.run("http", json!({"url": server.url})));
    assert!(why.contains("169.254.169.254 may not be reached: it is link-local"), "{why}");
}

#[test]
fn s9_behind_a_proxy_a_redirect_to_a_name_is_judged() {
    let to = |url: &str| json!({"status": 307, "headers": [["Location", url]]});
    let proxy = Server::answering(&[
        to("http://inside.test/latest"),
        to("http://other.test/x"),
        json!({"status": 200}),
    ]);
    let bench = names(&[
        ("outside.test", &["192.0.2.1"]),
        ("other.test", &["192.0.2.2"]),
        ("inside.test", &["169.254.169.254"]),
    ]);
    let config = json!({
        "url": "http://outside.test/", "proxy": proxy.url, "method": "PUT", "body": "b",
        "headers": [{"name": "Authorization", "value": "a"}, {"name": "X", "value": "x"}],
    });
    let unknown = bench.run("http", config.clone()).unwrap_err();
    assert!(
        matches!(&unknown, StepError::Fatal(why) if why.contains("inside.test: 169.254.169.254 may not be reached")),
        "{unknown}"
    );
    assert_eq!(proxy.seen().len(), 1);
    // One that leads to where it may is followed, by the same rules as without a proxy.
    bench.run("http", config).unwrap();
    let last = &proxy.seen()[2];
    assert_eq!(
        (&last["method"], &last["path"], &last["body"]),
        (&json!("PUT"), &json!("http://other.test/x"), &json!("b"))
    );
    assert!(last["headers"].get("authorization").is_none() && last["headers"].get("x").is_some(), "{last}");
}

#[test]
fn s9_behind_a_proxy_a_name_of_metadata_is_known() {
    let proxy = Server::answering(&[json!({"status": 200}), json!({"status": 200})]);
    // We know none of them; the proxy may.
    let bench = names(&[("metadata.google.internal", &[]), ("metadata.goog.", &[]), ("of.the.proxy", &[])]);
    let ask = |host: &str| bench.run("http", json!({"url": format!("http://{host}/"), "proxy": proxy.url}));
    for host in ["metadata.google.internal", "METADATA.google.internal", "metadata.goog."] {
        let why = refused(ask(host));
        assert!(why.contains("169.254.169.254 may not be reached"), "{why}");
    }
    ask("of.the.proxy").unwrap();
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn s9_a_name_is_judged_at_each_connection() {
    let again = json!({"status": 302, "headers": [["Location", "/again"]]});
    let server = Server::answering(&[json!({"status": 200}), again]);
    let port = server.url.rsplit(':').next().unwrap();
    let url = format!("http://changes.test:{port}/");
    let says = "changes.test: 169.254.169.254 may not be reached";
    let bench = names(&[("changes.test", &["127.0.0.1", "127.0.0.1", "169.254.169.254"])]);
    bench.run("http", json!({"url": url})).unwrap();
    // In the midst of a request, and before one.
    for _ in 0..2 {
        let why = refused(bench.run("http", json!({"url": url})));
        assert!(why.contains(says), "{why}");
    }
    let why = refused(bench.run("http-download", json!({"url": url, "outPath": "x"})));
    assert!(why.contains(says), "{why}");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn s9_a_name_of_a_registry_is_judged_at_each_connection() {
    let layer = json!({"mediaType": "text/plain", "digest": digest_of(b"layer"), "size": 5});
    let registry = Server::answering(&[
        // It is asked for TLS first.
        json!({"status": 200}),
        json!({"status": 200}),
        json!({"status": 200, "body": json!({"layers": [layer]}).to_string(), "headers": [["Content-Type", "application/vnd.oci.image.manifest.v1+json"]]}),
        json!({"status": 200, "body": "layer"}),
    ]);
    let port = registry.url.rsplit(':').next().unwrap();
    let bench = names(&[("reg.localhost", &["127.0.0.1", "127.0.0.1", "127.0.0.1", "169.254.169.254"])]);
    let config = json!({"imageRef": format!("reg.localhost:{port}/a:1"), "outPath": "x"});
    let why = refused(bench.run("oci-download", config));
    assert!(why.contains("reg.localhost: 169.254.169.254 may not be reached"), "{why}");
    assert_eq!(registry.seen().len(), 2, "a ping and the manifest");
    assert!(bench.files().is_empty());
}

/// What was answered by a redirect has arrived, also where it then leads nowhere.
#[test]
fn a_write_that_was_redirected_is_not_repeated() {
    let nowhere = json!({"status": 303, "headers": [["Location", "http://127.0.0.1:1/"]]});
    let server = Server::answering(&[nowhere]);
    let bench = bench(Egress::default().with_loopback());
    let ended = bench.run("http", json!({"url": server.url, "method": "POST", "body": "x"}));
    assert!(matches!(&ended, Err(StepError::Fatal(why)) if why.starts_with("OutcomeUnknown")), "{ended:?}");
}
