//! Links in a repository that lead out of the work directory: nothing is read or written through them.

use ferry_standin::git_server::Change;
use serde_json::{Value, json};

use crate::bench::{Bench, put};
use crate::git_world::GitWorld;
use crate::programs::with_programs;

/// A work tree of a repository with links to a folder and a file beside the work directory.
fn work_tree() -> Bench {
    let mut world = GitWorld::with_app();
    let outside = world.bench.directory.path().join("outside");
    let absolute = outside.to_string_lossy().into_owned();
    world.add(
        "app",
        &json!([{"branch": "main", "message": "links", "files": {
            "folder": {"link": "../../outside"},
            "absolute": {"link": absolute},
            "file": {"link": "../../outside/Chart.yaml"},
            "through": {"link": "folder/Chart.yaml"},
            "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            "chart/templates/t.yaml": "a: {{ .Files.Get \"f\" | quote }}\n",
            "chart/f": {"link": "../../../outside/Chart.yaml"},
            "inside.yaml": "a: 1\n",
        }}]),
    );
    let _without_programs = with_programs(&mut world.bench);
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    world.bench.run("git-clone", config).unwrap();
    let text = "apiVersion: v2\nname: outside\nversion: 1.0.0\nsecret: s3cret\n";
    put(&outside.join("Chart.yaml"), &json!(text));
    put(&outside.join("kustomization.yaml"), &json!("resources: [Chart.yaml]\n"));
    let GitWorld { bench, .. } = world;
    bench
}

#[test]
fn s11_links_of_a_repository_lead_nowhere() {
    let bench = work_tree();
    let outside = bench.directory.path().join("outside");
    let before = std::fs::read(outside.join("Chart.yaml")).unwrap();
    let update = |path: &str| json!({"path": path, "updates": [{"key": "name", "value": "x"}]});
    let parse = |path: &str| json!({"path": path, "outputs": [{"name": "o", "fromExpression": "secret"}]});
    let cases: Vec<(&str, Value)> = vec![
        ("yaml-update", update("src/file")),
        ("yaml-update", update("src/through")),
        ("yaml-update", update("src/folder/Chart.yaml")),
        ("yaml-update", update("src/absolute/Chart.yaml")),
        ("yaml-parse", parse("src/file")),
        ("yaml-parse", parse("src/folder/Chart.yaml")),
        ("yaml-merge", json!({"inFiles": ["src/inside.yaml", "src/file"], "outFile": "o.yaml"})),
        ("yaml-merge", json!({"inFiles": ["src/inside.yaml"], "outFile": "src/folder/new.yaml"})),
        ("file-write", json!({"path": "src/folder/new", "contents": "x"})),
        ("file-write", json!({"path": "src/file", "contents": "x", "overwrite": true})),
        ("copy", json!({"inPath": "src/folder", "outPath": "o"})),
        ("copy", json!({"inPath": "src/file", "outPath": "o"})),
        ("copy", json!({"inPath": "src/inside.yaml", "outPath": "src/folder/new"})),
        ("delete", json!({"path": "src/folder/Chart.yaml"})),
        ("untar", json!({"inPath": "src/file", "outPath": "o"})),
        ("tar", json!({"inPath": "src/inside.yaml", "outPath": "src/folder/new.tar"})),
        ("kustomize-set-image", json!({"path": "src/folder", "images": [{"image": "a", "tag": "1"}]})),
        ("kustomize-build", json!({"path": "src/folder", "outPath": "o.yaml"})),
        ("helm-template", json!({"path": "src/folder", "releaseName": "r", "outPath": "o.yaml"})),
        ("helm-template", json!({"path": "src/chart", "releaseName": "r", "outPath": "o.yaml"})),
        (
            "helm-template",
            json!({"path": "src/chart", "releaseName": "r", "outPath": "o.yaml", "valuesFiles": ["src/file"]}),
        ),
        ("helm-update-chart", json!({"path": "src/folder"})),
    ];
    for (kind, config) in cases {
        let result = bench.run(kind, config.clone());
        let said = format!("{:?}", result.as_ref().map(|_| ()));
        assert!(result.is_err(), "{kind} {config}");
        assert!(!said.contains("s3cret"), "{kind}: {said}");
        assert!(!bench.work().join("o").exists() && !bench.work().join("o.yaml").exists(), "{kind} {config}");
        assert_eq!(std::fs::read(outside.join("Chart.yaml")).unwrap(), before, "{kind} {config}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 2, "{kind} {config}");
    }
    // A link itself may go; what it leads to stays. A link that is copied along is no way out either.
    bench.run("delete", json!({"path": "src/folder"})).unwrap();
    bench.run("copy", json!({"inPath": "src", "outPath": "all"})).unwrap();
    assert!(bench.run("yaml-parse", parse("all/file")).is_err());
    assert_eq!(std::fs::read(outside.join("Chart.yaml")).unwrap(), before);
}

/// A repository `app` with the submodule `lib`, whose configuration is `modules`.
fn with_submodule(world: &mut GitWorld, modules: &str, outside: &str) {
    world.bench.runtime.block_on(async {
        let lib = world.server.create_repository("lib", "main").await.unwrap();
        let links = Change::on("main", "links")
            .link("folder", "../../../../outside")
            .link("absolute", outside)
            .link("file", "../../../../outside/x.yaml")
            .link("up", "../../other.yaml")
            .file("inside.yaml", "name: i\n");
        let at = lib.commit(&links).await.unwrap();
        let app = world.server.create_repository("app", "main").await.unwrap();
        let change =
            Change::on("main", "submodule").file(".gitmodules", modules).submodule("vendor/lib", &at);
        app.commit(&change.file("other.yaml", "name: o\n")).await.unwrap();
    });
}

#[test]
fn s11_links_of_a_submodule_lead_nowhere() {
    let mut world = GitWorld::with_app();
    let outside = world.bench.directory.path().join("outside");
    let modules = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../lib.git\n";
    with_submodule(&mut world, modules, outside.to_str().unwrap());
    let checkout = json!([{"branch": "main", "path": "src"}]);
    let config = json!({"repoURL": world.url("app"), "recurseSubmodules": true, "checkout": checkout});
    let bench = &world.bench;
    bench.run("git-clone", config).unwrap();
    put(&outside.join("x.yaml"), &json!("name: s3cret\n"));
    let update = |path: &str| json!({"path": path, "updates": [{"key": "name", "value": "x"}]});
    let parse = |path: &str| json!({"path": path, "outputs": [{"name": "o", "fromExpression": "name"}]});
    // What is beside them is there, and so is what a link inside the work directory leads to.
    bench.run("yaml-update", update("src/vendor/lib/inside.yaml")).unwrap();
    bench.run("yaml-parse", parse("src/vendor/lib/up")).unwrap();
    for (kind, config) in [
        ("yaml-parse", parse("src/vendor/lib/file")),
        ("yaml-parse", parse("src/vendor/lib/folder/x.yaml")),
        ("yaml-parse", parse("src/vendor/lib/absolute/x.yaml")),
        ("yaml-update", update("src/vendor/lib/file")),
        ("yaml-update", update("src/vendor/lib/folder/x.yaml")),
        ("copy", json!({"inPath": "src/vendor/lib/folder", "outPath": "o"})),
        ("copy", json!({"inPath": "src/other.yaml", "outPath": "src/vendor/lib/folder/new"})),
        ("untar", json!({"inPath": "src/vendor/lib/file", "outPath": "o"})),
        ("file-write", json!({"path": "src/vendor/lib/folder/new", "contents": "x"})),
        ("delete", json!({"path": "src/vendor/lib/folder/x.yaml"})),
    ] {
        let said = bench.run(kind, config.clone()).unwrap_err().to_string();
        assert!(!said.contains("s3cret"), "{kind} {config}: {said}");
        assert!(!bench.work().join("o").exists(), "{kind} {config}");
        assert_eq!(
            std::fs::read_to_string(outside.join("x.yaml")).unwrap(),
            "name: s3cret\n",
            "{kind} {config}"
        );
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "{kind} {config}");
    }
    // Links go when the tree is cleared, and what they lead to stays.
    bench.run("git-clear", json!({"path": "src"})).unwrap();
    assert!(outside.join("x.yaml").exists());
}

#[test]
fn s11_a_submodule_s_name_or_path_leads_nowhere() {
    for modules in [
        "[submodule \"../../../../../outside\"]\n\tpath = vendor/lib\n\turl = ../lib.git\n",
        "[submodule \"lib\"]\n\tpath = ../../outside/lib\n\turl = ../lib.git\n",
    ] {
        let mut world = GitWorld::new(ferry_git::PushPolicy::default());
        let outside = world.bench.directory.path().join("outside");
        with_submodule(&mut world, modules, "/");
        let checkout = json!([{"branch": "main", "path": "src"}]);
        let config = json!({"repoURL": world.url("app"), "recurseSubmodules": true, "checkout": checkout});
        // Git passes over a name like this one; a path like the other is an error.
        let result = world.bench.run("git-clone", config);
        assert_eq!(result.is_ok(), modules.contains("vendor"), "{result:?}");
        assert!(!outside.exists(), "{modules}");
        assert!(!world.bench.work().join("src/vendor/lib/folder").exists(), "{modules}");
        assert!(std::fs::read_dir(world.bench.directory.path()).unwrap().count() <= 2, "{modules}");
    }
}
