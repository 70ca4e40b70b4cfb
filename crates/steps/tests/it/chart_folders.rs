//! Charts in folders, and what is in their `charts/`, beside what the real `helm dependency update` makes of the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, put};
use crate::charts::{desk, package, update};
use crate::programs::tool;

/// What the real helm makes of a copy of a folder in which its chart `c` is.
fn updated_by_helm(folder: &Path) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(folder.join(".")).arg(temp.path()).status().unwrap();
    assert!(copied.success());
    let helm = Command::new(tool("helm").unwrap())
        .args(["dependency", "update", "--skip-refresh", "c"])
        .env("HOME", temp.path().join("home"))
        .current_dir(temp.path())
        .output()
        .unwrap();
    assert!(helm.status.success(), "{}", String::from_utf8_lossy(&helm.stderr));
    temp
}

/// What is in a folder: the files in archives, and what other files hold.
fn listed(folder: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let contents = if path.is_dir() { None } else { std::fs::read(&path).ok() };
        let archive = contents.as_deref().and_then(unpacked);
        found.insert(
            name,
            json!({"contents": if archive.is_some() { None } else { contents }, "archive": archive}),
        );
    }
    found
}

/// The files in an archive, and how helm marks it.
fn unpacked(package: &[u8]) -> Option<Value> {
    use std::io::Read as _;
    let mut unzipped = flate2::read::GzDecoder::new(package);
    let header = unzipped.header()?.clone();
    let mut files = Vec::new();
    for entry in tar::Archive::new(&mut unzipped).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.push(json!([entry.path().unwrap(), entry.header().mode().unwrap(), text]));
    }
    Some(json!({"extra": header.extra(), "comment": header.comment(), "files": files}))
}

/// Updates a chart and looks whether `charts/` and `Chart.lock` are as helm makes them.
pub fn same_as_helm(bench: &Bench) {
    let by_helm = updated_by_helm(&bench.work());
    update(bench, &json!(null)).unwrap();
    assert_eq!(listed(&bench.work().join("c/charts")), listed(&by_helm.path().join("c/charts")));
    let lock = |folder: &Path, name: &str| {
        let text = std::fs::read_to_string(folder.join("c").join(name)).ok()?;
        let mut lock: Value = serde_saphyr::from_str(&text).unwrap();
        lock.as_object_mut().unwrap().remove("generated");
        Some(lock)
    };
    for name in ["Chart.lock", "requirements.lock"] {
        assert_eq!(lock(&bench.work(), name), lock(by_helm.path(), name), "{name}");
    }
}

#[test]
fn packages_of_what_is_no_dependency_any_more_go() {
    let wanted = json!([{"name": "sub", "version": ">=0", "repository": "file://../sub"}, {"name": "own", "version": ">=0"}]);
    let Some(bench) = desk(&wanted) else { return };
    let work = bench.work();
    put(&work.join("sub/Chart.yaml"), &json!("apiVersion: v2\nname: sub\nversion: 0.2.0\n"));
    put(&work.join("c/charts/own/Chart.yaml"), &json!("apiVersion: v2\nname: own\nversion: 1.0.0\n"));
    put(&work.join("c/charts/folder/Chart.yaml"), &json!("apiVersion: v2\nname: folder\nversion: 1.0.0\n"));
    put(&work.join("c/charts/_sub-0.0.1.tgz"), &json!("no chart"));
    put(&work.join("c/charts/.gitkeep"), &json!(""));
    put(&work.join("c/charts/link.tgz"), &json!({"link": "../../far.tgz"}));
    for (file, name) in [
        ("sub-0.1.0.tgz", "sub"),
        ("removed-1.0.0.tgz", "removed"),
        ("_any.bin", "removed"),
        ("own-1.tgz", "own"),
    ] {
        std::fs::write(work.join("c/charts").join(file), package(name, "0.1.0")).unwrap();
    }
    std::fs::write(work.join("far.tgz"), package("far", "1.0.0")).unwrap();
    same_as_helm(&bench);
    let left: Vec<_> = listed(&work.join("c/charts")).into_keys().collect();
    assert_eq!(left, [".gitkeep", "_sub-0.0.1.tgz", "folder", "own", "own-1.tgz", "sub-0.2.0.tgz"]);
    assert!(work.join("far.tgz").exists());
}

#[test]
fn where_nothing_is_wanted() {
    for (wanted, left) in [(json!(null), 1), (json!([]), 0)] {
        let Some(bench) = desk(&wanted) else { return };
        put(&bench.work().join("c/charts/x"), &json!("x"));
        std::fs::remove_file(bench.work().join("c/charts/x")).unwrap();
        std::fs::write(bench.work().join("c/charts/sub-0.1.0.tgz"), package("sub", "0.1.0")).unwrap();
        same_as_helm(&bench);
        assert_eq!(listed(&bench.work().join("c/charts")).len(), left, "{wanted}");
        // Also where there was no directory.
        std::fs::remove_dir_all(bench.work().join("c/charts")).unwrap();
        same_as_helm(&bench);
        assert_eq!(bench.work().join("c/charts").exists(), left == 0, "{wanted}");
    }
}

#[test]
fn a_dependency_without_its_own_dependencies() {
    let repository = "file://../we%20 ird/app";
    let wanted = json!([{"name": "app", "version": "^1.2.3-0", "repository": repository}]);
    let Some(bench) = desk(&wanted) else { return };
    let app = bench.work().join("we%20 ird/app");
    let about = "apiVersion: v2\nname: app\nversion: 1.2.3-rc.1+b\ndescription: what it is\ndependencies:\n\
                 - {name: lib, version: \">=0\", repository: \"file://../lib\"}\n";
    for (file, text) in [
        ("Chart.yaml", about),
        ("values.yaml", "a: 1 # one\n"),
        ("templates/t.yaml", "kind: A\n"),
        ("files/.hidden", "h"),
        (".helmignore", "*.md\n"),
        ("README.md", "left out"),
    ] {
        put(&app.join(file), &json!(text));
    }
    same_as_helm(&bench);
    assert!(bench.work().join("c/charts/app-1.2.3-rc.1+b.tgz").exists());
}

#[test]
fn a_dependency_with_links_to_elsewhere() {
    let wanted = json!([{"name": "app", "version": ">=0", "repository": "file://../app"}]);
    let Some(bench) = desk(&wanted) else { return };
    let work = bench.work();
    put(&work.join("app/Chart.yaml"), &json!("apiVersion: v2\nname: app\nversion: 1.0.0\n"));
    put(&work.join("app/charts/shared"), &json!({"link": "../../lib/shared"}));
    put(&work.join("lib/shared/Chart.yaml"), &json!("apiVersion: v2\nname: shared\nversion: 1.0.0\n"));
    put(&work.join("lib/shared/templates"), &json!({"link": "../../templates"}));
    put(&work.join("templates/t.yaml"), &json!("kind: Far\n"));
    same_as_helm(&bench);
    // What a link leads to may have links too; they lead out no more than others.
    put(&bench.directory.path().join("outside/t.yaml"), &json!("kind: Outside\n"));
    put(&work.join("templates/out.yaml"), &json!({"link": "../../outside/t.yaml"}));
    let said = update(&bench, &json!(null)).unwrap_err().to_string();
    assert!(said.contains("leads out of the work directory"), "{said}");
}

#[test]
fn a_chart_with_links_to_elsewhere_is_rendered() {
    let Some(bench) = desk(&json!(null)) else { return };
    let work = bench.work();
    put(&work.join("lib/shared/Chart.yaml"), &json!("apiVersion: v2\nname: shared\nversion: 1.0.0\n"));
    put(&work.join("lib/shared/templates/t.yaml"), &json!("kind: Shared\n"));
    put(&work.join("lib/text"), &json!("far"));
    put(&work.join("lib/values.yaml"), &json!("a: 7\n"));
    put(&work.join("c/charts/shared"), &json!({"link": "../../lib/shared"}));
    put(&work.join("c/files/text"), &json!({"link": "../../lib/text"}));
    put(&work.join("values.yaml"), &json!({"link": "lib/values.yaml"}));
    let template = "kind: {{ .Files.Get \"files/text\" }}{{ .Values.a }}\n";
    std::fs::write(work.join("c/templates/t.yaml"), template).unwrap();
    let config =
        json!({"path": "c", "releaseName": "r", "outPath": "o.yaml", "valuesFiles": ["values.yaml"]});
    bench.run("helm-template", config.clone()).unwrap();
    let rendered = std::fs::read_to_string(work.join("o.yaml")).unwrap();
    assert!(rendered.contains("kind: Shared") && rendered.contains("kind: far7"), "{rendered}");
    // Where all that is on this machine is not told.
    std::fs::write(work.join("lib/shared/templates/t.yaml"), "{{ fail \"end\" }}\n").unwrap();
    let said = bench.run("helm-template", config.clone()).unwrap_err().to_string();
    assert!(said.starts_with("helm: Error: ") && said.contains("end"), "{said}");
    assert!(!said.contains(&*work.to_string_lossy()), "{said}");
    put(&work.join("lib/shared/out"), &json!({"link": "../../../outside"}));
    put(&bench.directory.path().join("outside"), &json!("outside"));
    let said = bench.run("helm-template", config).unwrap_err().to_string();
    assert!(said.contains("leads out of the work directory"), "{said}");
}
