//! What `Chart.yaml` may say of dependencies, and how: as the real `helm dependency update` reads it.

use ferry_engine::StepError;
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
        "import-values: [\"\\u2028é\\u007f\"]",
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

#[test]
fn charts_of_helm_2() {
    let old = CHART.replace("v2", "v1");
    let nameless = CHART.replace("apiVersion: v2\n", "");
    let requirements = json!(format!("dependencies:\n{SUB}"));
    let lock = "dependencies:\n- name: sub\n  repository: file://../sub\n  version: 0.1.0\ndigest: sha256:00\n\
                generated: \"2020-01-01T00:00:00Z\"\n";
    for (about, files) in [
        (old.clone(), json!({"c/requirements.yaml": requirements})),
        (nameless.clone(), json!({"c/requirements.yaml": requirements})),
        (old.clone(), json!({"c/requirements.yaml": "a: 1\n"})),
        (format!("{nameless}dependencies:\n{SUB}"), json!({})),
        (format!("{old}dependencies:\n{SUB}"), json!({"c/requirements.lock": lock})),
        (CHART.to_owned(), json!({"c/requirements.yaml": requirements})),
        (CHART.to_owned(), json!({"c/requirements.yaml": requirements, "c/requirements.lock": lock})),
    ] {
        let Some(bench) = desk("", &files) else { return };
        put(&bench.work().join("c/Chart.yaml"), &json!(about));
        same_as_helm(&bench);
    }
    let Some(bench) = desk("", &json!({"c/requirements.yaml": requirements})) else { return };
    put(&bench.work().join("c/Chart.yaml"), &json!(old));
    put(&bench.work().join("sub/templates/t.yaml"), &json!("kind: Inner\n"));
    let render = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml", "buildDependencies": true});
    bench.run("helm-template", render.clone()).unwrap();
    assert!(std::fs::read_to_string(bench.work().join("o.yaml")).unwrap().contains("kind: Inner"));
    // A lock as Helm 2 has it is of what is wanted alone.
    let digest = "sha256:98e8dfa28257bba6277e40d882f25d49d7bc131d528ead488c8b2dfb6b025e26";
    put(
        &bench.work().join("c/requirements.lock"),
        &json!(lock.replace("0.1.0", "0.2.0").replace("sha256:00", digest)),
    );
    bench.run("helm-template", render.clone()).unwrap();
    put(&bench.work().join("c/requirements.lock"), &json!(lock));
    let said = bench.run("helm-template", render).unwrap_err().to_string();
    assert!(said.contains("requirements.lock does not fit requirements.yaml"), "{said}");
}

#[test]
fn what_is_no_chart() {
    let wants = format!("{CHART}dependencies:\n{SUB}");
    let two = format!("{wants}{SUB}");
    for (about, files, why) in [
        (CHART.replace("name: shop\n", ""), json!({}), "chart.metadata.name is required"),
        (CHART.replace("version: 0.1.0\n", ""), json!({}), "chart.metadata.version is required"),
        (wants.replace("version: 0.1.0\n", ""), json!({}), "chart.metadata.version is required"),
        (wants.replace("0.1.0", "x"), json!({}), "chart.metadata.version \"x\" is invalid"),
        (format!("{CHART}type: x\n"), json!({}), "chart.metadata.type must be"),
        (String::new(), json!({}), "chart.metadata.name is required"),
        (format!("{wants}  alias: 'a b'\n"), json!({}), "disallowed characters in the alias"),
        (two, json!({}), "more than one dependency with name or alias \"sub\""),
        (wants.clone(), json!({"c/values.yaml": "a: [\n"}), "cannot load values.yaml"),
        (wants.clone(), json!({"c/charts/README": "x"}), "error unpacking subchart README"),
        (wants.clone(), json!({"c/charts/zz.tgz": "junk"}), "error unpacking subchart zz.tgz"),
        (
            format!("{CHART}dependencies: []\n"),
            json!({"c/charts/README": "x"}),
            "error unpacking subchart README",
        ),
    ] {
        let Some(bench) = desk("", &files) else { return };
        put(&bench.work().join("c/Chart.yaml"), &json!(about));
        let said = update(&bench, &json!(null)).unwrap_err();
        assert!(matches!(said, StepError::Retryable(_)), "{said:?}");
        let said = said.to_string();
        assert!(said.starts_with("\"c\": helm: Error: ") && said.contains(why), "{said}");
        assert!(!said.contains(&*bench.directory.path().to_string_lossy()), "{said}");
        assert!(!bench.work().join("c/Chart.lock").exists(), "{said}");
    }
}
