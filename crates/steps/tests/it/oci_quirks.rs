//! `oci-download` and `oci-push` against registries that answer otherwise than the usual one.

use std::collections::BTreeMap;

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepError, StepResult};
use ferry_oci::digest_of;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::http::{self, Server};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry that holds what is put into it, and answers as `quirk` says where that says something. That is told the
/// method, the path, what else was asked, and how often it was.
struct Quirky {
    server: Server,
}

type Quirk = Box<dyn Fn(&str, &str, &Value, usize) -> Option<Value> + Send>;
type Held = BTreeMap<String, (String, String)>;

impl Quirky {
    fn holding(
        held: &[(&str, &str, &str)],
        quirk: impl Fn(&str, &str, &Value, usize) -> Option<Value> + Send + 'static,
    ) -> Self {
        let mut held: Held = held
            .iter()
            .map(|(path, kind, body)| ((*path).to_owned(), ((*kind).to_owned(), (*body).to_owned())))
            .collect();
        let (mut sent, mut counts) = (String::new(), BTreeMap::<_, usize>::new());
        let server = Server::deciding(move |asked| {
            let (method, path) = (asked["method"].as_str().unwrap(), asked["path"].as_str().unwrap());
            let count = counts.entry((method.to_owned(), path.to_owned())).or_default();
            *count += 1;
            let path = path.trim_start_matches("/v2/");
            quirk(method, path, asked, *count).unwrap_or_else(|| usual(&mut held, &mut sent, asked, path))
        });
        Self { server }
    }

    fn host(&self) -> &str {
        self.server.url.trim_start_matches("http://")
    }

    /// What was asked: methods and paths.
    fn asked(&self, method: &str) -> Vec<String> {
        let seen = self.server.seen();
        let those = seen.iter().filter(|asked| asked["method"] == method);
        those.map(|asked| asked["path"].as_str().unwrap().trim_start_matches("/v2/").to_owned()).collect()
    }
}

/// What the usual registry answers.
fn usual(held: &mut Held, sent: &mut String, asked: &Value, path: &str) -> Value {
    let body = asked["body"].as_str().unwrap();
    let (repository, what) = path.split_once('/').unwrap_or_default();
    match (asked["method"].as_str().unwrap(), what) {
        ("GET", "") => json!({"status": 200}),
        ("POST", _) => {
            json!({"status": 202, "headers": [["Location", format!("/v2/{repository}/blobs/uploads/1?s=1")]]})
        }
        ("PATCH", _) => {
            body.clone_into(sent);
            json!({"status": 202, "headers": [["Location", format!("/v2/{repository}/blobs/uploads/1?s=2")]]})
        }
        ("PUT", _) if what.starts_with("blobs/") => {
            let digest = asked["rawQuery"].as_str().unwrap().replace("%3A", ":");
            let digest = digest.rsplit_once("digest=").unwrap().1;
            assert_eq!(digest, digest_of(sent.as_bytes()));
            held.insert(format!("{repository}/blobs/{digest}"), (String::new(), std::mem::take(sent)));
            json!({"status": 201})
        }
        ("PUT", _) => {
            let kind = asked["headers"]["content-type"][0].as_str().unwrap().to_owned();
            let digest = digest_of(body.as_bytes());
            held.insert(format!("{repository}/manifests/{digest}"), (kind.clone(), body.to_owned()));
            held.insert(path.to_owned(), (kind, body.to_owned()));
            json!({"status": 201})
        }
        _ => match held.get(path) {
            Some((kind, body)) => json!({
                "status": 200, "body": body,
                "headers": [["Content-Type", kind], ["Docker-Content-Digest", digest_of(body.as_bytes())]],
            }),
            None => json!({"status": 404}),
        },
    }
}

fn bench() -> Bench {
    http::bench(Egress::default().with_loopback())
}

fn described(kind: &str, bytes: &str) -> Value {
    json!({"mediaType": kind, "digest": digest_of(bytes.as_bytes()), "size": bytes.len()})
}

fn image(layer: &str) -> String {
    json!({"schemaVersion": 2, "mediaType": IMAGE, "config": described("c", "{}"), "layers": [described("l", layer)]})
        .to_string()
}

/// A registry with this manifest as `src:1`.
fn with(
    kind: &str,
    manifest: &str,
    quirk: impl Fn(&str, &str, &Value, usize) -> Option<Value> + Send + 'static,
) -> Quirky {
    let by_digest = format!("src/manifests/{}", digest_of(manifest.as_bytes()));
    let (config, layer) =
        (format!("src/blobs/{}", digest_of(b"{}")), format!("src/blobs/{}", digest_of(b"layer")));
    Quirky::holding(
        &[
            ("src/manifests/1", kind, manifest),
            (&by_digest, kind, manifest),
            (&config, "", "{}"),
            (&layer, "", "layer"),
        ],
        quirk,
    )
}

fn plain(quirk: impl Fn(&str, &str, &Value, usize) -> Option<Value> + Send + 'static) -> Quirky {
    with(IMAGE, &image("layer"), quirk)
}

fn push_with(bench: &Bench, registry: &Quirky, annotations: &Value) -> StepResult {
    let host = registry.host();
    let config = json!({
        "srcRef": format!("{host}/src:1"), "destRef": format!("{host}/dst:v1"), "annotations": annotations,
    });
    bench.run("oci-push", config)
}

fn push(registry: &Quirky) -> StepResult {
    push_with(&bench(), registry, &json!({}))
}

fn digest(result: StepResult) -> String {
    match result.unwrap() {
        Outcome::Succeeded(output) => output.values.unwrap()["digest"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn download(bench: &Bench, registry: &Quirky) -> StepResult {
    let config = json!({"imageRef": format!("{}/src:1", registry.host()), "outPath": "x"});
    bench.run("oci-download", config)
}

#[test]
fn a_blob_is_sent_as_one_stream() {
    let large = "0123456789".repeat(1 << 20);
    let manifest = image(&large);
    let held = format!("src/blobs/{}", digest_of(large.as_bytes()));
    let registry = with(IMAGE, &manifest, move |method, path, asked, _| match method {
        "GET" if path == held => Some(json!({"status": 200, "body": large})),
        // There are registries that take no large part.
        "PATCH" if asked["headers"].get("content-range").is_some() => Some(json!({"status": 416})),
        _ => None,
    });
    assert_eq!(digest(push(&registry)), digest_of(manifest.as_bytes()));
    let seen = registry.server.seen();
    let sizes = seen.iter().filter(|asked| asked["method"] == "PATCH").map(|asked| {
        assert!(asked["headers"].get("transfer-encoding").is_none());
        asked["headers"]["content-length"][0].as_str().unwrap().to_owned()
    });
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort();
    assert_eq!(sizes, ["10485760", "2"]);
}

#[test]
fn what_is_cut_off_once_is_done_again() {
    let layer = format!("src/blobs/{}", digest_of(b"layer"));
    let cut = move |path: &str| path == layer;
    let quirks: Vec<(&str, Quirk)> = vec![
        (
            "a manifest",
            Box::new(|method, path, _, n| {
                (method == "GET" && path == "src/manifests/1" && n == 1).then(|| json!({}))
            }),
        ),
        ("a blob", {
            let cut = cut.clone();
            Box::new(move |_, path, _, n| {
                (cut(path) && n == 1).then(|| json!({"status": 200, "body": "la", "promised": 5}))
            })
        }),
        (
            "a blob that goes on",
            Box::new(move |_, path, asked, n| match n {
                1 if cut(path) => Some(json!({"status": 200, "body": "la", "promised": 5})),
                2 if cut(path) => {
                    assert_eq!(asked["headers"]["range"][0], "bytes=2-");
                    Some(json!({"status": 206, "body": "yer"}))
                }
                _ => None,
            }),
        ),
        (
            "an upload, busy",
            Box::new(|method, _, _, n| {
                (method == "PATCH" && n == 1)
                    .then(|| json!({"status": 503, "headers": [["Retry-After", "0"]]}))
            }),
        ),
        (
            "an upload's beginning, busy",
            Box::new(|method, _, _, n| {
                (method == "POST" && n == 3)
                    .then(|| json!({"status": 503, "headers": [["Retry-After", "0"]]}))
            }),
        ),
        ("an upload", Box::new(|method, _, _, n| (method == "PATCH" && n == 1).then(|| json!({})))),
        (
            "an upload's end",
            Box::new(|method, path, _, n| {
                (method == "PUT" && path.contains("blobs") && n == 1).then(|| json!({}))
            }),
        ),
        (
            "the tag",
            Box::new(|method, path, _, n| {
                (method == "PUT" && path.ends_with("v1") && n == 1).then(|| json!({}))
            }),
        ),
    ];
    for (what, quirk) in quirks {
        let registry = plain(quirk);
        assert_eq!(digest(push(&registry)), digest_of(image("layer").as_bytes()), "{what}");
    }
}

#[test]
fn a_token_that_ends_while_a_blob_is_sent() {
    let auth = Server::answering(&[json!({"status": 200, "body": "{\"token\": \"new\"}"})]);
    let challenge = format!("Bearer realm=\"{}/token\"", auth.url);
    let registry = plain(move |method, _, _, n| {
        let ended = method == "PATCH" && n == 1;
        ended.then(|| json!({"status": 401, "headers": [["WWW-Authenticate", challenge]]}))
    });
    assert_eq!(digest(push(&registry)), digest_of(image("layer").as_bytes()));
    let seen = registry.server.seen();
    assert_eq!(seen.last().unwrap()["headers"]["authorization"][0], "Bearer new");
}

#[test]
fn a_download_that_is_cut_off_goes_on() {
    let layer = format!("src/blobs/{}", digest_of(b"layer"));
    let registry = plain(move |_, path, _, n| {
        (path == layer && n == 1).then(|| json!({"status": 200, "body": "la", "promised": 5}))
    });
    let bench = bench();
    download(&bench, &registry).unwrap();
    assert_eq!(std::fs::read(bench.work().join("x")).unwrap(), b"layer");
}

#[test]
fn what_is_not_right_is_not_committed() {
    for (came, why) in [
        ("lawyer", "srcRef: 127.0.0.1:"),
        ("lawyer", "what came is larger than its manifest says (5 bytes)"),
        ("LAYER", "what came has another digest"),
        ("la", "what came has another digest"),
    ] {
        let layer = format!("src/blobs/{}", digest_of(b"layer"));
        let registry =
            plain(move |_, path, _, _| (path == layer).then(|| json!({"status": 200, "body": came})));
        let said = push(&registry).unwrap_err().to_string();
        assert!(said.contains(why), "{came}: {said}");
        let put = registry.asked("PUT");
        assert!(put.len() <= 1 && put.iter().all(|path| path.contains("blobs")), "{put:?}");
    }
}

#[test]
fn a_blob_that_cannot_be_taken_over_is_sent() {
    for status in [202, 400, 401, 403, 404, 405, 500] {
        let registry = plain(move |method, _, asked, _| {
            let mounts = method == "POST" && asked["rawQuery"].as_str().unwrap().contains("mount=");
            mounts.then(|| json!({"status": status, "headers": [["WWW-Authenticate", "Basic realm=\"x\""]]}))
        });
        assert_eq!(digest(push(&registry)), digest_of(image("layer").as_bytes()), "{status}");
        assert_eq!(registry.asked("PATCH").len(), 2, "{status}");
    }
}

#[test]
fn a_tag_that_may_be_written_once() {
    let child = image("layer");
    let index = json!({"mediaType": INDEX, "manifests": [described(IMAGE, &child)]}).to_string();
    let by_digest = format!("src/manifests/{}", digest_of(child.as_bytes()));
    let registry = with(INDEX, &index, move |method, path, _, n| match method {
        "GET" if path == by_digest => {
            Some(json!({"status": 200, "body": child, "headers": [["Content-Type", IMAGE]]}))
        }
        "PUT" if path.starts_with("dst/manifests") && n > 1 => Some(json!({"status": 409})),
        _ => None,
    });
    for _ in 0..2 {
        assert_eq!(digest(push(&registry)), digest_of(index.as_bytes()));
    }
    assert_eq!(registry.asked("PUT").iter().filter(|path| path.contains("manifests")).count(), 2);
    // What is another one is refused.
    let other = push_with(&bench(), &registry, &json!({"index:a": "b"})).unwrap_err().to_string();
    assert!(other.starts_with("destRef: ") && other.contains("answered 409"), "{other}");
}

#[test]
fn a_media_type_is_found_where_it_is_said() {
    let nameless = json!({"schemaVersion": 2, "layers": [described("l", "layer")]}).to_string();
    for (kind, manifest) in
        [("", image("layer")), ("application/json", image("layer")), (IMAGE, nameless.clone())]
    {
        let registry = with(kind, &manifest, |_, _, _, _| None);
        assert_eq!(digest(push(&registry)), digest_of(manifest.as_bytes()), "{kind}");
        let seen = registry.server.seen();
        let put = seen.iter().rfind(|asked| asked["method"] == "PUT").unwrap();
        assert_eq!(put["headers"]["content-type"][0], IMAGE, "{kind}");
    }
    // Of a child, the index says it.
    let index = json!({"manifests": [described(IMAGE, &nameless)]}).to_string();
    let by_digest = format!("src/manifests/{}", digest_of(nameless.as_bytes()));
    let child = nameless.clone();
    let registry = with(INDEX, &index, move |method, path, _, _| {
        (method == "GET" && path == by_digest).then(|| json!({"status": 200, "body": child}))
    });
    assert_eq!(digest(push(&registry)), digest_of(index.as_bytes()));
    // Nothing is sent of what nobody says.
    let registry = with("text/plain", &nameless, |_, _, _, _| None);
    let said = push(&registry).unwrap_err().to_string();
    assert!(said.starts_with("srcRef: ") && said.contains("says its media type"), "{said}");
    assert_eq!(registry.asked("POST").len() + registry.asked("PUT").len(), 0);
}

#[test]
fn null_is_nothing() {
    let layer = json!({"mediaType": "l", "digest": digest_of(b"layer"), "size": 5, "urls": null, "annotations": null});
    for manifest in [
        json!({"mediaType": IMAGE, "config": described("c", "{}"), "layers": null, "annotations": null}),
        json!({"mediaType": IMAGE, "config": described("c", "{}"), "layers": [layer], "annotations": null}),
    ] {
        let registry = with(IMAGE, &manifest.to_string(), |_, _, _, _| None);
        assert_eq!(digest(push(&registry)), digest_of(manifest.to_string().as_bytes()));
        push_with(&bench(), &registry, &json!({"a": "b"})).unwrap();
        let seen = registry.server.seen();
        let put = seen.iter().rfind(|asked| asked["method"] == "PUT").unwrap();
        let put: Value = serde_json::from_str(put["body"].as_str().unwrap()).unwrap();
        assert_eq!(put["annotations"], json!({"a": "b"}));
    }
}

#[test]
fn a_size_that_is_wrong_stays_where_nothing_changes() {
    let child = image("layer");
    let index =
        json!({"mediaType": INDEX, "manifests": [{"mediaType": IMAGE, "digest": digest_of(child.as_bytes()), "size": 5}]})
            .to_string();
    let by_digest = format!("src/manifests/{}", digest_of(child.as_bytes()));
    let registry = with(INDEX, &index, move |method, path, _, _| {
        (method == "GET" && path == by_digest)
            .then(|| json!({"status": 200, "body": child, "headers": [["Content-Type", IMAGE]]}))
    });
    assert_eq!(digest(push(&registry)), digest_of(index.as_bytes()));
}

#[test]
fn s21_manifests_are_not_large_in_all() {
    let children: Vec<_> = (0..10)
        .map(|n| {
            json!({"layers": [], "annotations": {"a": "x".repeat(4_000_000), "n": n.to_string()}}).to_string()
        })
        .collect();
    let manifests: Vec<_> = children.iter().map(|child| described(IMAGE, child)).collect();
    let index = json!({"manifests": manifests}).to_string();
    let held: BTreeMap<_, _> = children
        .into_iter()
        .map(|child| (format!("src/manifests/{}", digest_of(child.as_bytes())), child))
        .collect();
    let registry = with(INDEX, &index, move |_, path, _, _| {
        let child = held.get(path)?;
        Some(json!({"status": 200, "body": child, "headers": [["Content-Type", IMAGE]]}))
    });
    let said = push(&registry).unwrap_err();
    assert!(
        matches!(&said, StepError::Fatal(why) if why.contains("all that it holds has more than 32 MiB")),
        "{said:?}"
    );
    assert_eq!(registry.asked("POST").len() + registry.asked("PUT").len(), 0);
}

#[test]
fn errors_name_the_field() {
    let layer = format!("src/blobs/{}", digest_of(b"layer"));
    let registry = plain(move |_, path, _, _| (path == layer).then(|| json!({"status": 418})));
    let said = download(&bench(), &registry).unwrap_err().to_string();
    assert!(said.starts_with("imageRef: "), "{said}");
    let said = push(&registry).unwrap_err().to_string();
    assert!(said.starts_with("srcRef: "), "{said}");
    for (method, status) in [("POST", 403), ("PATCH", 418), ("PUT", 418)] {
        let registry = plain(move |asked, _, _, _| (asked == method).then(|| json!({"status": status})));
        let said = push(&registry).unwrap_err().to_string();
        assert!(said.starts_with("destRef: "), "{said}");
    }
}
