//! Where steps for charts differ from what was recorded, and a few answers to judge by these rules.

use std::collections::BTreeSet;

use ferry_vectors::{Answer, Case, Rule, Verdict};
use serde_json::{Value, json};

use crate::local::{replay, rules_of};
use crate::programs::tool;

pub const UPDATE: &[Rule] = &[NO_DEPENDENCY, ANOTHER_CHART];
pub const TEMPLATE: &[Rule] = &[TWO_OBJECTS];

const NO_DEPENDENCY: Rule = Rule {
    name: "a chart that is no dependency",
    reason: "docs/compatibility.md: helm-update-chart passes over a chart that Chart.yaml does not have; an error says so",
    applies: |case| {
        let charts = case.input["config"]["charts"].as_array();
        let wanted = wanted(case);
        let is_wanted = |chart: &Value| {
            wanted.iter().any(|w| w["name"] == chart["name"] && w["repository"] == chart["repository"])
        };
        succeeded(case) && charts.is_some_and(|charts| !charts.iter().all(is_wanted))
    },
    instead: nothing_but_an_error,
};

const ANOTHER_CHART: Rule = Rule {
    name: "another chart",
    reason: "docs/compatibility.md: helm-update-chart locks what is another chart; an error, and nothing is written",
    applies: |case| {
        let path = case.input["config"]["path"].as_str().unwrap_or_default();
        let is_another = |wanted: &Value| {
            let folder =
                wanted["repository"].as_str().and_then(|repository| repository.strip_prefix("file://"));
            let found = folder.and_then(|folder| about(case, &format!("{path}/{folder}")));
            found.is_some_and(|found| found["name"] != wanted["name"])
        };
        succeeded(case) && wanted(case).iter().any(is_another)
    },
    instead: nothing_but_an_error,
};

const TWO_OBJECTS: Rule = Rule {
    name: "two objects in one file",
    reason: "docs/compatibility.md: helm-template with outLayout flat writes two objects of one file name into one file, \
             the one over the other; an error",
    applies: |case| {
        let mut seen = BTreeSet::new();
        let twice = objects(case).iter().any(|object| !seen.insert(file_of(object)));
        succeeded(case) && case.input["config"]["outLayout"] == "flat" && twice
    },
    instead: nothing_but_an_error,
};

fn succeeded(case: &Case) -> bool {
    case.want.as_ref().is_some_and(|want| want["status"] == "Succeeded")
}

fn nothing_but_an_error(_: &Case, answer: &Answer) -> bool {
    let Ok(answer) = answer else { return false };
    answer["status"] == "Errored" && answer["terminal"] == false && answer["files"] == json!({})
}

/// The `Chart.yaml` of a folder among the files of a case.
fn about(case: &Case, folder: &str) -> Option<Value> {
    let mut parts = Vec::new();
    for part in folder.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    parts.push("Chart.yaml");
    serde_saphyr::from_str(case.input["files"][parts.join("/")].as_str()?).ok()
}

/// The dependencies of the chart of a case.
fn wanted(case: &Case) -> Vec<Value> {
    let about = case.input["config"]["path"].as_str().and_then(|path| about(case, path));
    about.and_then(|about| about["dependencies"].as_array().cloned()).unwrap_or_default()
}

/// The objects that are written out in templates.
fn objects(case: &Case) -> Vec<Value> {
    let files = case.input["files"].as_object().into_iter().flatten();
    let templates =
        files.filter(|(path, _)| path.contains("/templates/")).filter_map(|(_, file)| file.as_str());
    let documents = templates.filter(|text| !text.contains("{{")).flat_map(|text| text.split("---\n"));
    documents
        .filter_map(|text| serde_saphyr::from_str(text).ok())
        .filter(|object: &Value| object.is_object())
        .collect()
}

/// What the name of an object's file is made of.
fn file_of(object: &Value) -> String {
    let group =
        object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
    let metadata = &object["metadata"];
    json!([group, object["kind"], metadata["namespace"], metadata["name"]]).to_string().to_lowercase()
}

/// What becomes of a case that has this answer.
fn judged(kind: &str, config: &Value, files: &Value, want: &Value) -> Verdict {
    let case = Case {
        name: kind.to_owned(),
        input: json!({"kind": kind, "config": config, "files": files}),
        want: Some(want.clone()),
        error: None,
        line: Value::Null,
    };
    replay(&case, &rules_of(&case.input["kind"]))
}

fn umbrella(name: &str) -> Value {
    let about = format!(
        "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies:\n- name: {name}\n  version: 0.2.0\n  repository: file://../sub\n"
    );
    json!({"c/Chart.yaml": about, "sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.2.0\n"})
}

fn chart(template: &str) -> Value {
    json!({"c/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n", "c/templates/a.yaml": template})
}

#[test]
fn what_fails_leaves_nothing_and_nothing_else_is_forgiven() {
    if tool("helm").is_none() {
        return;
    }
    let left = |files: Value| json!({"status": "Errored", "terminal": false, "files": files});
    let done = |files: Value| json!({"status": "Succeeded", "terminal": false, "files": files});
    let half = "a step that fails leaves nothing";
    let to = |version: &str| json!({"path": "c", "charts": [{"name": "sub", "repository": "file://../sub", "version": version}]});
    let other = json!({"path": "c", "charts": [{"name": "other", "repository": "file://../sub", "version": "0.2.0"}]});
    let flat = json!({"path": "c", "releaseName": "r", "outPath": "o", "outLayout": "flat"});
    let named = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let twice = chart(&format!("{}---\n{}", named("a"), named("a")));
    let directory = json!({"o": {"dir": true}});
    let build = json!({"path": "k", "outPath": "o"});
    let kustomization = json!({"k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": named("a/b")});
    for (kind, config, files, want, rule) in [
        (
            "helm-update-chart",
            to("9.9.9"),
            umbrella("sub"),
            left(json!({"c/Chart.yaml": "as it was made"})),
            Some(half),
        ),
        ("helm-update-chart", to("9.9.9"), umbrella("sub"), done(json!({"c/Chart.lock": "l"})), None),
        (
            "helm-update-chart",
            other.clone(),
            umbrella("sub"),
            done(json!({"c/Chart.lock": "l"})),
            Some("a chart that is no dependency"),
        ),
        (
            "helm-update-chart",
            other,
            umbrella("other"),
            done(json!({"c/Chart.lock": "l"})),
            Some("another chart"),
        ),
        (
            "helm-update-chart",
            json!({"path": "c"}),
            umbrella("other"),
            done(json!({"c/Chart.lock": "l"})),
            Some("another chart"),
        ),
        ("helm-template", flat.clone(), chart(&named("a/b")), left(directory.clone()), Some(half)),
        ("helm-template", flat.clone(), chart(&named("a/b")), done(directory.clone()), None),
        (
            "helm-template",
            flat.clone(),
            twice,
            done(json!({"o/configmap-a.yaml": "1"})),
            Some("two objects in one file"),
        ),
        ("helm-template", flat, chart(&named("a")), done(json!({"o/configmap-a.yaml": "1"})), None),
        ("kustomize-build", build.clone(), kustomization.clone(), left(directory.clone()), Some(half)),
        (
            "kustomize-build",
            build,
            kustomization,
            json!({"status": "Failed", "terminal": true, "files": directory}),
            None,
        ),
        (
            "copy",
            json!({"inPath": "src", "outPath": "dst"}),
            json!({"src/a": "A", "src/x/y": "1", "dst/x": "file"}),
            left(json!({"dst/a": "A"})),
            Some(half),
        ),
    ] {
        let verdict = judged(kind, &config, &files, &want);
        match (&verdict, rule) {
            (Verdict::Accepted(by), Some(rule)) => assert_eq!(*by, rule, "{config}"),
            (Verdict::Different(_), None) => {}
            _ => panic!("{kind} {config}: {verdict:?}, not by {rule:?}"),
        }
    }
}

#[test]
fn packages_that_a_step_made_are_lists() {
    let config = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml", "buildDependencies": true});
    let mut files = umbrella("sub");
    files["sub/templates/x.yaml"] = json!("kind: Inner\n");
    let entry = |path: &str, text: &Value| json!({"name": format!("sub/{path}"), "type": "0", "mode": "0644", "content": text});
    let lock = "dependencies:\n- name: sub\n  repository: file://../sub\n  version: 0.2.0\ndigest: \
                sha256:3e74cdb3d53d51f94b3b35fbcd74a95e8362365c3bcd6da0640abed96d07613e\ngenerated: \"<time>\"\n";
    let entries = [
        entry("Chart.yaml", &files["sub/Chart.yaml"]),
        entry("templates/x.yaml", &files["sub/templates/x.yaml"]),
    ];
    let made = json!({"o.yaml": "---\n# Source: shop/charts/sub/templates/x.yaml\nkind: Inner\n", "c/Chart.lock": lock,
        "c/charts/sub-0.2.0.tgz": {"gzip": true, "tar": entries}});
    let verdict = judged("helm-template", &config, &files, &json!({"status": "Succeeded", "files": made}));
    assert!(matches!(verdict, Verdict::Equal | Verdict::NotCovered(_)), "{verdict:?}");
}
