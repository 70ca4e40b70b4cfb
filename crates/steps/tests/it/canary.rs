//! A secret that a step is given is told by nobody: not in its result, its output, the ledger, a log.

use std::sync::{Arc, Mutex};

use ferry_artifact::egress::Egress;
use ferry_engine::ledger::Recorder as _;
use ferry_net::Http;
use ferry_steps::BUILTIN;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::bench::{Bench, put, secret};
use crate::git_world::GitWorld;
use crate::http::Server;
use crate::programs::with_programs;

const CANARY: &str = "c4n4ry-7f3e";

/// Steps that are given no secret by their meaning: what their configs say is written where everybody reads it, into
/// files and commits, objects of the cluster, the Promotion itself.
const OPEN: &[&str] = &[
    "argocd-update",
    "argocd-wait",
    "compose-output",
    "copy",
    "delete",
    "fail",
    "git-clear",
    "git-tag",
    "json-parse",
    "json-update",
    "kustomize-build",
    "kustomize-set-image",
    "set-freight-alias",
    "set-metadata",
    "tar",
    "toml-parse",
    "toml-update",
    "untar",
    "yaml-merge",
    "yaml-parse",
    "yaml-update",
];

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Runs a step; what it told anybody.
fn told(bench: &Bench, kind: &str, config: Value) -> String {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // A step runs on this thread; what it does with files, on others, is told in errors alone.
    let result = tracing::subscriber::with_default(subscriber, || {
        bench.run_in(kind, config, |ctx| {
            "demo".clone_into(&mut ctx.project);
            let mut settings = (*ctx.settings).clone();
            settings.credentials_over_http = true;
            ctx.settings = Arc::new(settings);
        })
    });
    let noted: Vec<_> =
        ["push", "oci-push", "http"].iter().flat_map(|kind| bench.ledger.recorded(kind)).collect();
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    format!("{result:?}\n{noted:?}\n{log}")
}

fn with_http(bench: &mut Bench) {
    bench.services = bench.services.clone().with(Arc::new(Http::new(Egress::default().with_loopback())));
}

/// A bench whose Secrets hold the canary, for whatever repository is asked about.
fn world(kind: &str) -> GitWorld {
    let mut world = GitWorld::with_app();
    with_http(&mut world.bench);
    let _without_programs = with_programs(&mut world.bench);
    let any = json!({"repoURL": ".*", "repoURLIsRegex": "true", "username": "robot", "password": CANARY});
    world.bench.world.secrets = vec![secret(kind, "s", "demo", &any)];
    world
}

#[test]
fn s8_no_secret_that_a_step_is_given_is_told() {
    let mut seen = Vec::new();
    let mut check = |kind: &'static str, bench: &Bench, config: Value| {
        let told = told(bench, kind, config);
        assert!(!told.contains(CANARY), "{kind}: {told}");
        seen.push(kind);
    };

    // A password, right and wrong.
    for password in [CANARY, "another"] {
        let world = world("git");
        world.server.protect("/", "robot", password);
        let bench = &world.bench;
        check(
            "git-clone",
            bench,
            json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]}),
        );
        if password == CANARY {
            put(&bench.work().join("src/new"), &json!("x"));
            check("git-commit", bench, json!({"path": "src", "message": "m"}));
            check("git-push", bench, json!({"path": "src"}));
        }
    }
    // A key that is none.
    let git = world("git");
    let author = json!({"name": "a", "email": "a@example.test", "signingKey": CANARY});
    let checkout = json!([{"branch": "main", "path": "src"}]);
    check(
        "git-clone",
        &git.bench,
        json!({"repoURL": git.url("app"), "checkout": checkout, "author": author}),
    );
    git.bench.run("git-clone", json!({"repoURL": git.url("app"), "checkout": checkout})).unwrap();
    check("git-commit", &git.bench, json!({"path": "src", "message": "m", "author": author}));

    // A registry and a chart repository that say no, and repeat what they were told.
    let no = |status: u16| json!({"status": status, "headers": [["Retry-After", "0"]], "body": format!("{{\"errors\": [{{\"code\": \"X\"}}], \"you\": \"{CANARY}\"}}")});
    let challenge = json!({"status": 401, "headers": [["WWW-Authenticate", "Basic realm=\"x\""]]});
    for kind in ["oci-download", "oci-push"] {
        let server = Server::answering(&[
            no(200),
            no(200),
            challenge.clone(),
            no(500),
            no(500),
            no(500),
            no(500),
            no(403),
        ]);
        let host = server.url.trim_start_matches("http://");
        let config = match kind {
            "oci-push" => json!({"srcRef": format!("{host}/a:1"), "destRef": format!("{host}/b:1")}),
            _ => json!({"imageRef": format!("{host}/a:1"), "outPath": "o"}),
        };
        check(kind, &world("image").bench, config);
        assert!(server.seen().iter().any(|asked| asked["headers"]["authorization"].is_array()), "{kind}");
    }
    let server = Server::answering(&[no(403), no(403)]);
    let charts = world("helm");
    let dependencies = json!([{"name": "sub", "version": "1.0.0", "repository": server.url}]);
    let chart = format!("apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: {dependencies}\n");
    put(&charts.bench.work().join("c/Chart.yaml"), &json!(chart));
    check("helm-update-chart", &charts.bench, json!({"path": "c"}));
    assert!(server.seen()[0]["headers"]["authorization"].is_array());

    // Values of a chart, where the template fails with them.
    let template = "{{ fail (printf \"%s\" .Values.v) }}";
    put(&charts.bench.work().join("d/Chart.yaml"), &json!("apiVersion: v2\nname: d\nversion: 1.0.0\n"));
    put(&charts.bench.work().join("d/templates/t.yaml"), &json!(template));
    let set = json!([{"key": "v", "value": CANARY}]);
    check(
        "helm-template",
        &charts.bench,
        json!({"path": "d", "releaseName": "r", "outPath": "o.yaml", "setValues": set}),
    );

    // What a request says, and what comes back.
    for status in [200, 401, 500] {
        let server = Server::answering(&[no(status), no(status)]);
        let url =
            format!("http://u:{CANARY}@{}/{CANARY}?t={CANARY}", server.url.trim_start_matches("http://"));
        let headers = json!([{"name": "Authorization", "value": CANARY}]);
        let bench = &charts.bench;
        check(
            "http",
            bench,
            json!({"method": "POST", "url": url, "headers": headers, "body": CANARY, "timeout": "5s"}),
        );
        check(
            "http-download",
            bench,
            json!({"url": url, "headers": headers, "outPath": "x", "timeout": "5s"}),
        );
    }

    // What is written where it may not be.
    check("file-write", &charts.bench, json!({"path": ".git/x", "contents": CANARY}));
    check("file-write", &charts.bench, json!({"path": "ok", "contents": CANARY}));

    for def in BUILTIN {
        let decided = [OPEN.contains(&def.kind), seen.contains(&def.kind)];
        assert_eq!(decided.iter().filter(|yes| **yes).count(), 1, "{}: may it be given secrets?", def.kind);
    }
}
