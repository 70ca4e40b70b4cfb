//! What is wrong is said with the name of the field that it is about.

use ferry_artifact::egress::Egress;
use ferry_engine::StepError;
use serde_json::{Value, json};

use crate::bench::{Bench, put};
use crate::git_world::GitWorld;
use crate::programs::with_programs;
use crate::{control, http};

#[test]
fn config_errors_name_the_field() {
    let bench = Bench::new();
    for (kind, config, says) in [
        ("copy", json!({"inPath": "", "outPath": "b"}), "inPath: a path must not be empty"),
        (
            "copy",
            json!({"inPath": "../a", "outPath": "b"}),
            "inPath: \"../a\" leads out of the work directory",
        ),
        ("yaml-update", json!({"path": "f", "updates": [{"key": ""}]}), "updates[0].key: must not be empty"),
        ("yaml-update", json!({"path": "f", "updates": [{"key": "k"}]}), "updates[0]: missing field `value`"),
        ("delete", json!({"path": "a", "paths": ["b"]}), "either path or paths, not both"),
        ("fail", json!({"message": null}), "message: invalid type: null"),
    ] {
        let error = bench.run(kind, config).unwrap_err();
        assert!(error.to_string().contains(says), "{kind}: {error}");
    }
}

/// The text of an error.
fn said(bench: &Bench, kind: &str, config: Value) -> String {
    bench.run_in(kind, config, |ctx| "demo".clone_into(&mut ctx.project)).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_with_a_file_names_the_field() {
    let bench = Bench::with(&json!({"file": "x", "folder/x": "x"}));
    for (kind, config, says) in [
        ("untar", json!({"inPath": "none", "outPath": "o"}), "inPath: \"none\" does not exist"),
        ("untar", json!({"inPath": "folder", "outPath": "o"}), "inPath: \"folder\" is a directory"),
        ("untar", json!({"inPath": "file", "outPath": "o"}), "inPath: \"file\" cannot be unpacked"),
        ("file-write", json!({"path": "file", "contents": ""}), "path: \"file\" is there already"),
        ("file-write", json!({"path": ".git/x", "contents": ""}), "path: \".git/x\" is in .git"),
        ("file-write", json!({"path": "file/x", "contents": ""}), "path: "),
        (
            "http",
            json!({"url": "http://a.test", "bodyFromFile": "none"}),
            "bodyFromFile: \"none\" does not exist",
        ),
        (
            "http-download",
            json!({"url": "http://a.test", "outPath": "file"}),
            "outPath: \"file\" is there already",
        ),
    ] {
        let text = said(&bench, kind, config);
        assert!(text.starts_with(says), "{kind}: {text}");
    }
}

#[test]
fn file_write_takes_a_relative_path_only() {
    for path in ["/etc/x", "/", "//x", "/../x"] {
        let bench = Bench::new();
        let error = bench.run("file-write", json!({"path": path, "contents": "x"})).unwrap_err();
        assert!(matches!(error, StepError::Failed(_) | StepError::Config(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("path: "), "{text}");
        assert!(
            path == "/../x"
                || text == format!("path: {path:?} is absolute; write it relative to the work directory"),
            "{text}"
        );
        assert!(bench.files().is_empty());
    }
}

#[test]
fn what_is_wrong_with_a_reference_names_the_field() {
    let bench = http::bench(Egress::default().with_loopback());
    put(&bench.work().join("file"), &json!("x"));
    let good = "127.0.0.1:1/a:1";
    for (kind, config, says) in [
        ("oci-push", json!({"srcRef": "a@sha256:00", "destRef": good}), "srcRef: "),
        ("oci-push", json!({"srcRef": good, "destRef": "Reg.test/A:1"}), "destRef: "),
        ("oci-push", json!({"srcRef": good, "destRef": "127.0.0.1:1/b:1"}), "srcRef: 127.0.0.1:1: "),
        ("oci-download", json!({"imageRef": "a@sha256:00", "outPath": "o"}), "imageRef: "),
        ("oci-download", json!({"imageRef": good, "outPath": "o"}), "imageRef: 127.0.0.1:1: "),
        ("oci-download", json!({"imageRef": good, "outPath": "file"}), "outPath: \"file\" is there already"),
    ] {
        let text = said(&bench, kind, config);
        assert!(text.starts_with(says), "{kind}: {text}");
    }
}

#[test]
fn what_is_wrong_with_a_checkout_names_the_field() {
    let world = GitWorld::with_app();
    put(&world.bench.work().join("full/x"), &json!("x"));
    let clone = |second: Value| {
        let config = json!({"repoURL": world.url("app"), "checkout": [{"path": "a"}, second]});
        said(&world.bench, "git-clone", config)
    };
    for (second, says) in [
        (json!({"path": "b", "branch": "-x"}), "checkout[1].branch: "),
        (json!({"path": "b", "tag": "a..b"}), "checkout[1].tag: "),
        (
            json!({"path": "b", "commit": "main~1"}),
            "checkout[1].commit: \"main~1\" is refused: give a commit's id",
        ),
        (json!({"path": "b", "commit": "xyz"}), "checkout[1]: tag or branch \"xyz\" does not exist"),
        (json!({"path": "b", "sparse": ["../x"]}), "checkout[1]: sparse path \"../x\""),
        (json!({"path": "full"}), "checkout[1].path: \"full\" already exists"),
    ] {
        let text = clone(second);
        assert!(text.starts_with(says), "{text}");
    }
    let hostile = said(&world.bench, "git-clone", json!({"repoURL": "ext::sh", "checkout": [{"path": "a"}]}));
    assert!(hostile.starts_with("repoURL: "), "{hostile}");
}

#[test]
fn what_is_wrong_with_a_push_names_the_field() {
    let world = GitWorld::with_app();
    let config = json!({"repoURL": world.url("app"), "checkout": [{"path": "out", "branch": "main"}]});
    world.bench.run_in("git-clone", config, |ctx| "demo".clone_into(&mut ctx.project)).unwrap();
    for (kind, config, says) in [
        ("git-push", json!({"path": "out", "targetBranch": "a b"}), "targetBranch: "),
        ("git-push", json!({"path": "out", "tag": "a..b"}), "tag: "),
        ("git-push", json!({"path": "none"}), "path: "),
        ("git-tag", json!({"path": "out", "tag": "-x", "message": "m"}), "tag: "),
    ] {
        let text = said(&world.bench, kind, config);
        assert!(text.starts_with(says), "{kind}: {text}");
    }
}

#[test]
fn what_is_wrong_with_manifests_names_the_field() {
    let mut bench = Bench::with(&json!({
        "c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
        "c/templates/a.yaml": "kind: A\n",
        "v.yaml": "a: 1\n",
        "k/kustomization.yaml": "resources: [a.yaml]\n",
        "k/a.yaml": "apiVersion: v1\nkind: A\nmetadata: {name: a}\n",
        "file": "x",
    }));
    let Some(()) = with_programs(&mut bench) else { return };
    let of = |more: Value| {
        let mut config = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    for (kind, config, says) in [
        ("helm-template", of(json!({"path": "none"})), "path: \"none\" does not exist"),
        (
            "helm-template",
            of(json!({"valuesFiles": ["v.yaml", "w.yaml"]})),
            "valuesFiles[1]: \"w.yaml\" does not exist",
        ),
        ("helm-template", of(json!({"outPath": "file/o.yaml"})), "outPath: "),
        ("kustomize-build", json!({"path": "none", "outPath": "o.yaml"}), "path: \"none\" does not exist"),
        ("kustomize-build", json!({"path": "k", "outPath": "file/o.yaml"}), "outPath: "),
        ("helm-update-chart", json!({"path": "k"}), "path: \"k/Chart.yaml\" does not exist"),
    ] {
        let text = said(&bench, kind, config);
        assert!(text.starts_with(says), "{kind}: {text}");
    }
}

#[test]
fn what_is_wrong_with_a_resource_names_the_field() {
    let (bench, _) = control::desk(&control::stage());
    let of = |name: &str| json!({"kind": "Stage", "name": name, "values": {"a": 1}});
    let text = said(&bench, "set-metadata", json!({"updates": [of("dev"), of("prod")]}));
    assert_eq!(text, "updates[1]: Stage \"prod\": it does not exist in Project \"demo\"");
    let text = said(&bench, "set-freight-alias", json!({"name": "f", "alias": "new"}));
    assert!(text.starts_with("name: Freight \"f\" not found"), "{text}");
}
