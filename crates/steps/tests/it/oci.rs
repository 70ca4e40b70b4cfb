//! `oci-download` and `oci-push` against a real registry, and against one that lies.

use std::sync::Arc;

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepError, StepResult};
use ferry_oci::digest_of;
use serde_json::{Value, json};

use crate::bench::{Bench, secret};
use crate::http::{self, Server};
use crate::registry::{PASSWORD, Registry, USER};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn bench() -> Bench {
    http::bench(Egress::default().with_loopback())
}

fn download(bench: &Bench, reference: &str) -> StepResult {
    bench.run("oci-download", json!({"imageRef": reference, "outPath": "out/layer", "allowOverwrite": true}))
}

fn file(bench: &Bench) -> Vec<u8> {
    std::fs::read(bench.work().join("out/layer")).unwrap()
}

fn outputs(result: StepResult) -> Value {
    match result.unwrap() {
        Outcome::Succeeded(output) => Value::Object(output.values.unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_layer_becomes_a_file() {
    let Some(registry) = Registry::open() else { return };
    let bench = bench();
    let host = &registry.host;
    let image = bench.runtime.block_on(async {
        let arm = registry.image("a/b", "arm", &[(LAYER, b"arm")]).await;
        let mut amd = registry.image("a/b", "1", &[(LAYER, b"first"), (CHART, b"chart")]).await;
        amd["platform"] = json!({"os": "linux", "architecture": "amd64"});
        registry.index("a/b", "all", &[arm, amd.clone()]).await;
        amd
    });
    download(&bench, &format!("{host}/a/b:1")).unwrap();
    assert_eq!(file(&bench), b"first");
    download(&bench, &format!("{host}/a/b:all")).unwrap();
    assert_eq!(file(&bench), b"first");
    download(&bench, &format!("{host}/a/b:arm")).unwrap();
    assert_eq!(file(&bench), b"arm");
    let mut config = json!({"imageRef": format!("{host}/a/b@{}", image["digest"].as_str().unwrap()), "outPath": "out/layer"});
    let there = bench.run("oci-download", config.clone()).unwrap_err();
    assert!(matches!(&there, StepError::Fatal(why) if why.contains("allowOverwrite")), "{there:?}");
    config["allowOverwrite"] = json!(true);
    config["mediaType"] = json!(CHART);
    bench.run("oci-download", config.clone()).unwrap();
    assert_eq!(file(&bench), b"chart");
    config["mediaType"] = json!("text/plain");
    let other = bench.run("oci-download", config).unwrap_err().to_string();
    assert!(other.contains("no such layer") && other.contains(CHART), "{other}");
    let missing = download(&bench, &format!("{host}/a/b:none")).unwrap_err();
    assert!(
        matches!(&missing, StepError::Retryable(why) if why.contains("a/b:none does not exist")),
        "{missing:?}"
    );
    // What was there stays.
    assert_eq!(file(&bench), b"chart");
}

#[test]
fn what_is_pushed_is_what_was_there() {
    let (Some(one), Some(other)) = (Registry::open(), Registry::open()) else { return };
    let bench = bench();
    // Larger than the parts that blobs are sent in.
    let large: Vec<u8> = (0_u32..5_000_000).flat_map(u32::to_le_bytes).collect();
    let (image, index) = bench.runtime.block_on(async {
        let image = one.image("app", "1", &[(LAYER, &large), (LAYER, b"small")]).await;
        let second = one.image("app", "2", &[(LAYER, b"second")]).await;
        (image.clone(), one.index("app", "all", &[image, second]).await)
    });
    let digest = |described: &Value| described["digest"].as_str().unwrap().to_owned();
    for (from, to, described) in [
        (format!("{}/app:1", one.host), format!("{}/app:again", one.host), &image),
        (format!("{}/app:1", one.host), format!("{}/prod/app:v1", one.host), &image),
        (format!("{}/app:1", one.host), format!("oci://{}/app:v1", other.host), &image),
        (format!("{}/app@{}", one.host, digest(&index)), format!("{}/app:all", other.host), &index),
        // Twice is the same.
        (format!("{}/app:all", one.host), format!("{}/app:all", other.host), &index),
    ] {
        let pushed = outputs(bench.run("oci-push", json!({"srcRef": from, "destRef": to})));
        let image = to.trim_start_matches("oci://");
        let tag = image.rsplit(':').next().unwrap();
        assert_eq!(pushed, json!({"image": image, "digest": digest(described), "tag": tag}), "{to}");
        let (registry, rest) = image.split_once('/').unwrap();
        let registry = if registry == one.host { &one } else { &other };
        let repository = rest.rsplit_once(':').unwrap().0;
        let (manifest, found) = bench.runtime.block_on(registry.found(repository, tag));
        assert_eq!(found, digest(described), "{to}");
        if let Some(layer) = manifest["layers"].get(0) {
            let bytes = bench.runtime.block_on(registry.bytes(repository, layer["digest"].as_str().unwrap()));
            assert!(bytes == large);
        }
    }
}

#[test]
fn annotations_are_added() {
    let Some(registry) = Registry::open() else { return };
    let bench = bench();
    let host = &registry.host;
    bench.runtime.block_on(async {
        let first = registry.image("app", "1", &[(LAYER, b"first")]).await;
        let second = registry.image("app", "2", &[(LAYER, b"second")]).await;
        registry.index("app", "all", &[first, second]).await;
    });
    let annotations = json!({"a": "1", "manifest:b": "2", "index:c": "3"});
    let push = |from: &str, to: &str| {
        let config = json!({
            "srcRef": format!("{host}/app:{from}"), "destRef": format!("{host}/app:{to}"), "annotations": annotations,
        });
        outputs(bench.run("oci-push", config))["digest"].as_str().unwrap().to_owned()
    };
    let on_image = json!({"a": "1", "b": "2", "kept": "yes"});
    let digest = push("1", "x");
    let (image, found) = bench.runtime.block_on(registry.found("app", "x"));
    assert_eq!((&image["annotations"], digest), (&on_image, found));
    push("all", "y");
    let (index, _) = bench.runtime.block_on(registry.found("app", "y"));
    assert_eq!(index["annotations"], json!({"c": "3"}));
    for child in index["manifests"].as_array().unwrap() {
        let digest = child["digest"].as_str().unwrap();
        let (image, found) = bench.runtime.block_on(registry.found("app", digest));
        assert_eq!((&image["annotations"], digest), (&on_image, found.as_str()));
    }
}

#[test]
fn what_may_be_carried_is_limited() {
    let Some(registry) = Registry::open() else { return };
    let bench = bench();
    let host = &registry.host;
    bench.runtime.block_on(registry.image("app", "1", &[(LAYER, &[7; 100])]));
    let push = |to: &str, most: u64| {
        let config = json!({"srcRef": format!("{host}/app:1"), "destRef": format!("{host}/{to}")});
        bench.run_in("oci-push", config, |ctx| {
            let mut settings = (*ctx.settings).clone();
            settings.oci_push_bytes = Some(most);
            ctx.settings = Arc::new(settings);
        })
    };
    let large = push("other:1", 101).unwrap_err();
    assert!(matches!(&large, StepError::Fatal(why) if why.contains("app@sha256:")), "{large:?}");
    push("other:1", 102).unwrap();
    // In the same repository nothing is carried.
    push("app:2", 0).unwrap();
}

#[test]
fn a_push_that_was_cut_off_goes_on_with_what_it_began() {
    let Some(registry) = Registry::open() else { return };
    let bench = bench();
    let host = &registry.host;
    let first = bench.runtime.block_on(registry.image("app", "latest", &[(LAYER, b"first")]));
    let config = json!({"srcRef": format!("{host}/app:latest"), "destRef": format!("{host}/prod:1")});
    bench.run("oci-push", config.clone()).unwrap();
    // The tag moves, and the attempt is made again.
    bench.runtime.block_on(registry.image("app", "latest", &[(LAYER, b"second")]));
    let again = outputs(bench.run_in("oci-push", config.clone(), |ctx| ctx.is_resumed = true));
    assert_eq!(again["digest"], first["digest"]);
    // A new attempt sees what is there now.
    let new = outputs(bench.run("oci-push", config));
    assert_ne!(new["digest"], first["digest"]);
}

#[test]
fn a_registry_gets_the_credential_for_its_repository() {
    let Some(registry) = Registry::protected() else { return };
    let mut bench = bench();
    bench.runtime.block_on(registry.image("team/app", "1", &[(LAYER, b"first")]));
    let reference = format!("{}/team/app:1", registry.host);
    let config = json!({"imageRef": reference, "outPath": "out/layer", "insecureSkipTLSVerify": true, "allowOverwrite": true});
    let run = |bench: &Bench, config: &Value| {
        bench.run_in("oci-download", config.clone(), |ctx| "demo".clone_into(&mut ctx.project))
    };
    let denied = run(&bench, &config).unwrap_err().to_string();
    assert!(denied.contains("refuses it (401); check the Secret for"), "{denied}");
    let named = |kind: &str, repository: &str, password: &str| {
        let url = format!("{}/{repository}", registry.host);
        secret(kind, "s", "demo", &json!({"repoURL": url, "username": USER, "password": password}))
    };
    // Neither that of another repository, nor that of charts.
    bench.world.secrets = vec![named("image", "team/other", PASSWORD), named("helm", "team/app", PASSWORD)];
    run(&bench, &config).unwrap_err();
    bench.world.secrets = vec![named("image", "team/app", "wrong one")];
    let denied = run(&bench, &config).unwrap_err().to_string();
    assert!(denied.contains("401") && !denied.contains("wrong one"), "{denied}");
    bench.world.secrets = vec![named("image", "team/app", PASSWORD)];
    run(&bench, &config).unwrap();
    assert_eq!(file(&bench), b"first");
    // A certificate that nobody knows is not accepted where nobody says so.
    let mut strict = config;
    strict["insecureSkipTLSVerify"] = json!(false);
    let refused = run(&bench, &strict).unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
}

#[test]
fn a_token_is_asked_for_where_the_registry_says() {
    let layer = json!({"mediaType": LAYER, "digest": digest_of(b"layer"), "size": 5});
    let manifest = json!({"layers": [layer]}).to_string();
    let auth = Server::answering(&[json!({"status": 200, "body": "{\"token\": \"t0k\"}"})]);
    let challenge = format!("Bearer realm=\"{}/token?x=1\",service=\"reg\"", auth.url);
    let registry = Server::answering(&[
        // It is asked for TLS first.
        json!({"status": 200}),
        json!({"status": 200}),
        json!({"status": 401, "headers": [["WWW-Authenticate", challenge]]}),
        json!({"status": 429, "headers": [["Retry-After", "0"]]}),
        json!({"status": 200, "body": manifest, "headers": [["Content-Type", "application/vnd.oci.image.manifest.v1+json"]]}),
        json!({"status": 200, "body": "layer"}),
    ]);
    let bench = bench();
    let host = registry.url.trim_start_matches("http://");
    download(&bench, &format!("{host}/a/b:1")).unwrap();
    assert_eq!(file(&bench), b"layer");
    let asked = &auth.seen()[0];
    assert_eq!(asked["rawQuery"], "x=1&service=reg&scope=repository%3Aa%2Fb%3Apull");
    let seen = registry.seen();
    assert_eq!(seen.last().unwrap()["headers"]["authorization"][0], "Bearer t0k");
}

#[test]
fn fm_38_a_registry_is_not_asked_earlier_than_it_says() {
    let date = ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"];
    let until = |time: &str| json!([date, ["Retry-After", format!("Sun, 06 Nov 1994 {time} GMT")]]);
    let registry = Server::answering(&[
        json!({"status": 200}),
        json!({"status": 200}),
        json!({"status": 503, "headers": until("08:49:36")}),
        json!({"status": 429, "headers": until("09:49:37")}),
    ]);
    let bench = bench();
    let said = download(&bench, &format!("{}/a:1", registry.url.trim_start_matches("http://"))).unwrap_err();
    assert!(matches!(&said, StepError::Retryable(why) if why.contains("answered 429")), "{said:?}");
    assert_eq!(registry.seen().len(), 3, "a ping, one that is asked again at once, one that is not");
}

#[test]
fn s21_a_registry_that_lies() {
    let layer = |size: u64| json!({"mediaType": LAYER, "digest": digest_of(b"layer"), "size": size});
    let manifest = |layers: Value| json!({"status": 200, "body": json!({"layers": layers}).to_string(), "headers": [["Content-Type", "application/vnd.oci.image.manifest.v1+json"]]});
    for (answers, why) in [
        (vec![manifest(json!([layer(5)])), json!({"status": 200, "body": "other"})], "another digest"),
        (
            vec![
                manifest(json!([layer(5)])),
                json!({"status": 200, "body": {"repeat": "x", "count": 110_000_000}}),
            ],
            "more than 100 MiB",
        ),
        (
            vec![manifest(json!([{"mediaType": LAYER, "digest": "md5:x", "size": 5}]))],
            "not of the kind that we can verify",
        ),
        (
            vec![manifest(json!([{"mediaType": LAYER, "digest": "sha256:../../../x", "size": 5}]))],
            "not of the kind",
        ),
        (vec![manifest(json!([]))], "no such layer"),
        (vec![json!({"status": 200, "body": "<html>"})], "no manifest"),
        (vec![json!({"status": 200, "body": "{}"})], "too old"),
        (vec![json!({"status": 200, "body": {"repeat": "[", "count": 100_000}})], "no manifest"),
        (vec![json!({"status": 200, "body": {"repeat": " ", "count": 5_000_000}})], "more than"),
        (
            vec![
                json!({"status": 401, "headers": [["WWW-Authenticate", "Bearer realm=\"http://169.254.169.254/latest\""]]}),
            ],
            "169.254.169.254",
        ),
        (
            vec![json!({"status": 307, "headers": [["Location", "http://169.254.169.254/latest"]]})],
            "169.254.169.254",
        ),
        (vec![json!({"status": 403, "body": "{\"errors\": [{\"message\": \"x\"}]}"})], "refuses it (403)"),
        (
            vec![json!({"status": 418, "body": "{\"errors\": [{\"message\": \"I am a teapot\"}]}"})],
            "418: I am a teapot",
        ),
    ] {
        let mut all = vec![json!({"status": 200}), json!({"status": 200})];
        all.extend(answers);
        let server = Server::answering(&all);
        let bench = bench();
        let said = download(&bench, &format!("{}/a:1", server.url.trim_start_matches("http://")))
            .unwrap_err()
            .to_string();
        assert!(said.contains(why), "{why}: {said}");
        assert!(!bench.work().join("out").exists(), "{why}");
    }
}
