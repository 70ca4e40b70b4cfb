//! The example of each step's reference, run.

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepDef, StepError};
use ferry_steps::{BUILTIN, yaml};
use serde_json::{Value, json};

use crate::bench::{Bench, put};
use crate::git_world::GitWorld;
use crate::http::{self, Server};
use crate::programs::with_programs;
use crate::registry::Registry;
use crate::{argocd, control};

/// The repository that the examples speak of.
const REPOSITORY: &str = "https://github.com/example/shop.git";

/// What the examples' expressions find.
fn context() -> Value {
    let image = json!({"repoURL": "registry.example.com/app", "tag": "1.2.3"});
    let origin = json!({"kind": "Warehouse", "name": "w"});
    json!({
        "project": "demo", "stage": "test", "actor": "admin", "targetFreight": "f1",
        "vars": [{"name": "version", "value": "1.2.3"}],
        "state": {
            "push": {"commit": "4d9c0e0b4c3f3a3f3f1f1f2d2d2e2e2f3f3f4040"}, "check": {"body": {"frozen": true}},
            "update": {"commitMessage": "Update the image"},
        },
        "freightRequests": [{"origin": origin, "sources": {"direct": true}}],
        "freightCollection": {
            "id": "c", "items": {"Warehouse/w": {"name": "f1", "origin": origin, "images": [image]}},
        },
    })
}

/// The Warehouse that the Freight is of.
fn objects() -> Value {
    let subscriptions = json!([{"image": {"repoURL": "registry.example.com/app"}}]);
    json!([{"kind": "Warehouse", "metadata": {"name": "w"}, "spec": {"subscriptions": subscriptions}}])
}

/// Files that the examples find in the work directory.
fn files() -> Value {
    json!({
        "src/overlays/test/app.yaml": "a: 1\n",
        "src/overlays/test/kustomization.yaml": "resources: [config.yaml]\n",
        "src/overlays/test/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "out/app.yaml": "a: 1\n",
        "out/cache/x.tmp": "x",
        "src/package.json": r#"{"version": "1.2.3"}"#,
        "src/config.json": r#"{"image": {"tag": "1.2.2"}}"#,
        "src/Cargo.toml": "[package]\nversion = \"1.2.3\"\n",
        "src/app.toml": "[image]\ntag = \"1.2.2\"\n",
        "src/charts/app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.2.3\n",
        "src/charts/app/templates/a.yaml": "image: {{ .Values.image.tag }}\n",
        "src/charts/umbrella/Chart.yaml":
            "apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies:\n- {name: app, version: 1.0.0, repository: file://../app}\n",
        "src/charts/app/values.yaml": "image:\n  tag: 1.2.2\n",
        "chart/Chart.yaml": "version: 1.2.3\n",
    })
}

/// The example of a step: the one entry of the list in its description.
fn example(def: &StepDef) -> Value {
    let schema = def.schema();
    let description = schema["description"].as_str().unwrap();
    let fenced = description.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```"));
    let (text, _) = fenced.unwrap_or_else(|| panic!("{} has no example", def.kind));
    let mut steps = match yaml::read(text).unwrap() {
        Value::Array(steps) => steps,
        other => panic!("{}: {other} is no list of steps", def.kind),
    };
    assert_eq!(steps.len(), 1, "{}", def.kind);
    let step = steps.remove(0);
    assert_eq!(step["uses"], def.kind);
    step
}

#[test]
fn the_example_of_each_step_works() {
    for def in BUILTIN {
        let step = example(def);
        let config = step["config"].to_string();
        let result = if def.kind.starts_with("http") {
            over_http(def.kind, &config)
        } else if def.kind.starts_with("git-") {
            in_git(def.kind, &config)
        } else if def.kind.starts_with("oci-") {
            match with_registry(def.kind, &config) {
                Some(result) => result,
                None => continue,
            }
        } else if ["helm-template", "helm-update-chart", "kustomize-build"].contains(&def.kind) {
            let mut bench = bench(def.kind);
            if with_programs(&mut bench).is_none() {
                continue;
            }
            run(&mut bench, def.kind, &config)
        } else {
            run(&mut bench(def.kind), def.kind, &config)
        };
        match (def.kind, result) {
            ("fail", Err(StepError::Failed(_))) => {}
            ("fail", other) => panic!("fail: {other:?}"),
            // Argo CD is asked for a sync, which takes its time.
            ("argocd-update", Ok(Outcome::Waiting { .. })) | (_, Ok(Outcome::Succeeded(_))) => {}
            (kind, other) => panic!("{kind}: {other:?}"),
        }
    }
}

fn run(bench: &mut Bench, kind: &str, config: &str) -> ferry_engine::StepResult {
    let config = serde_json::from_str(config).unwrap();
    bench.set(&context(), &objects());
    let config = bench.evaluated(&config, "example").unwrap_or_else(|e| panic!("{kind}: {e}"));
    bench.run_in(kind, config, |ctx| {
        "demo".clone_into(&mut ctx.project);
        "test".clone_into(&mut ctx.stage);
        "test.01hzz0000000000000000000aa.abc1234".clone_into(&mut ctx.promotion);
    })
}

fn bench(kind: &str) -> Bench {
    let bench = match kind {
        "argocd-update" | "argocd-wait" => {
            let mut app = argocd::application();
            app["metadata"]["name"] = json!("shop-test");
            app["spec"]["source"]["repoURL"] = json!(REPOSITORY);
            app["status"]["health"] = json!({"status": "Healthy"});
            app["status"]["sync"] = json!({"status": "Synced"});
            argocd::desk(vec![app]).0
        }
        "set-metadata" | "set-freight-alias" => {
            control::desk(&json!([{"kind": "Freight", "metadata": {"name": "f1", "namespace": "demo"}}])).0
        }
        _ => Bench::new(),
    };
    for (path, file) in files().as_object().unwrap() {
        put(&bench.work().join(path), file);
    }
    if kind == "untar" {
        bench
            .run("tar", json!({"inPath": ".", "outPath": "chart.tgz", "gzip": true, "ignore": "*.tgz"}))
            .unwrap();
    }
    bench
}

/// Against a server that answers the one question of an example.
fn over_http(kind: &str, config: &str) -> ferry_engine::StepResult {
    let server = Server::answering(&[json!({"status": 200, "body": r#"{"frozen": false}"#})]);
    let mut bench = http::bench(Egress::default().with_loopback());
    run(&mut bench, kind, &config.replace("https://example.com", &server.url))
}

/// With a registry that has what the examples speak of.
fn with_registry(kind: &str, config: &str) -> Option<ferry_engine::StepResult> {
    let registry = Registry::open()?;
    let mut bench = http::bench(Egress::default().with_loopback());
    bench.runtime.block_on(async {
        let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        registry.image("charts/app", "1.2.3", &[(chart, b"chart")]).await;
        registry.image("app", "1.2.3", &[("text/plain", b"layer")]).await;
    });
    bench.set(&context(), &objects());
    let config = bench.evaluated(&serde_json::from_str(config).unwrap(), "example").unwrap();
    let config = config.to_string().replace("registry.example.com", &registry.host);
    Some(bench.run(kind, serde_json::from_str(&config).unwrap()))
}

/// In work trees as the example of `git-clone` makes them.
fn in_git(kind: &str, config: &str) -> ferry_engine::StepResult {
    let mut world = GitWorld::with_app();
    let url = world.url("app");
    let clone = BUILTIN.iter().find(|def| def.kind == "git-clone").unwrap();
    let cloned = example(clone)["config"].to_string().replace(REPOSITORY, &url);
    let cloned = run(&mut world.bench, "git-clone", &cloned);
    if kind == "git-clone" {
        return cloned;
    }
    cloned.unwrap();
    put(&world.bench.work().join("out/app.yaml"), &json!("a: 1\n"));
    run(&mut world.bench, kind, config)
}
