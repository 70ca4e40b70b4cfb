//! What `Chart.yaml` may say of dependencies, and how: as the real `helm dependency update` reads it.

use serde_json::{Value, json};

use crate::bench::{Bench, put};
use crate::chart_folders::same_as_helm;
use crate::charts::update;
use crate::programs::with_programs;

const CHART: &str = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
const SUB: &str = "- name: sub\n  repository: file://../sub\n  version: 0.2.0\n";

/// A bench with a chart that says more than its name, and with another beside it.
fn desk(more: &str, files: &Value) -> Option<Bench> {
    let mut bench = Bench::with(files);
    with_programs(&mut bench)?;
    put(&bench.work().join("c/Chart.yaml"), &json!(format!("{CHART}{more}")));
    if files.get("sub/Chart.yaml").is_none() {
        put(&bench.work().join("sub/Chart.yaml"), &json!("apiVersion: v2\nname: sub\nversion: 0.2.0\n"));
    }
    Some(bench)
}

#[test]
fn fields_of_a_dependency() {
    for more in [
        "condition: sub.on",
        "condition: null",
        "condition:",
        "condition: \"a\\tb\\u0001c\"",
        "condition: a<b>&c",
        "alias: ~",
        "alias: 5",
        "alias: y",
        "alias: ''",
        "tags: null",
        "tags: []",
        "tags: [y]",
        "tags: [n]",
        "tags: [yes]",
        "tags: ['on', on]",
        "tags: [1, true, 1.0, 1e6]",
        "tags: [null]",
        "enabled: null",
        "enabled: yes",
        "enabled: false",
        "import-values: null",
        "import-values: []",
        "import-values: [data, {child: a, parent: b}]",
        "import-values: [{parent: 1e3, child: 1.0}, 7, 0.5, null, [9007199254740993]]",
        "Tags: [a]",
        "ENABLED: true",
        "Condition: a\n  condition: b",
    ] {
        let Some(bench) = desk(&format!("dependencies:\n{SUB}  {more}\n"), &json!({})) else { return };
        same_as_helm(&bench);
    }
}

#[test]
fn numbers_and_names_of_fields() {
    let sub = |name: &str, version: &str| json!({"sub/Chart.yaml": format!("apiVersion: v2\nname: {name}\nversion: {version}\n")});
    let version = |version: &str| format!("dependencies:\n{}", SUB.replace("0.2.0", version));
    let vendored = json!({"c/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.2.0\n"});
    for (more, files) in [
        (version("1"), sub("sub", "1.0.0")),
        (version("0.2"), sub("sub", "0.2.0")),
        (version("1.0"), sub("sub", "1.0.0")),
        (version("1e0"), sub("sub", "1.0.0")),
        (version("'>=0'"), sub("sub", "1.0")),
        (
            format!("dependencies:\n{}", SUB.replace("sub\n", "123\n").replace("../123", "../sub")),
            sub("'123'", "0.2.0"),
        ),
        (format!("dependencies:\n{}", SUB.replace("file://../sub", "null")), vendored.clone()),
        (format!("dependencies:\n{}", SUB.replace("file://../sub", "")), vendored),
        ("Dependencies:\n- Name: sub\n  Version: 0.2.0\n  Repository: file://../sub\n".to_owned(), json!({})),
    ] {
        let Some(bench) = desk(&more, &files) else { return };
        same_as_helm(&bench);
    }
}

#[test]
fn versions_are_given_where_names_are_written_otherwise() {
    let about = "Dependencies:\n- Name: sub\n  VERSION: 0.1 # old\n  repository: file://../sub\n";
    let Some(bench) = desk(about, &json!({})) else { return };
    let charts = json!([{"name": "sub", "repository": "file://../sub", "version": "0.2.0"}]);
    update(&bench, &charts).unwrap();
    let text = std::fs::read_to_string(bench.work().join("c/Chart.yaml")).unwrap();
    assert_eq!(text, format!("{CHART}{}", about.replace("0.1 ", "0.2.0 ")));
}

#[test]
fn what_is_no_dependency() {
    for (more, why) in [
        ("dependencies: x", "dependencies is no list"),
        ("dependencies: [x]", "dependencies has what is no map"),
        ("dependencies: [null]", "dependencies has what is no map"),
        ("dependencies: [{name: [a]}]", "dependencies has what name is a list and no text"),
        ("dependencies: [{name: a, tags: x}]", "tags is no list"),
        ("dependencies: [{name: a, tags: [{}]}]", "tags has what is a map and no text"),
        ("dependencies: [{name: a, enabled: \"yes\"}]", "enabled is neither true nor false"),
    ] {
        let Some(bench) = desk(more, &json!({})) else { return };
        let said = update(&bench, &json!(null)).unwrap_err().to_string();
        assert!(said.contains("cannot be read") && said.contains(why), "{more}: {said}");
    }
}
