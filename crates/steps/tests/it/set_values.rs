//! Values that are set one by one come to what the real `helm --set` and `--set-literal` make of them.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::programs::{tool, with_programs};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 0.1.0\n";

/// A bench with a chart that shows its values, of which a file says some.
fn desk() -> Option<Bench> {
    let mut bench = Bench::with(&json!({
        "c/Chart.yaml": CHART, "c/values.yaml": "m: {k: 1}\n", "c/templates/t.yaml": "{{ .Values | toJson }}\n",
        "v.yaml": "l: [{x: 1}, {y: 2}]\nm: {n: [5, 6]}\nt: text\n",
    }));
    with_programs(&mut bench).map(|()| bench)
}

/// What the real helm makes of values, in the order in which Kargo hands them over; none where it refuses them.
fn by_helm(work: &Path, values: &Value) -> Option<Value> {
    let mut command = Command::new(tool("helm").unwrap());
    command.args(["template", "r", "c", "--values", "v.yaml"]).current_dir(work).env("HOME", "/nowhere");
    for value in values.as_array().unwrap() {
        let flag = if value["literal"] == true { "--set-literal" } else { "--set" };
        let (key, value) = (value["key"].as_str().unwrap(), value["value"].as_str().unwrap());
        command.args([flag, &format!("{key}={value}")]);
    }
    let output = command.output().unwrap();
    output.status.success().then(|| rendered(&String::from_utf8(output.stdout).unwrap()))
}

fn rendered(text: &str) -> Value {
    serde_json::from_str(text.strip_prefix("---\n# Source: c/templates/t.yaml\n").unwrap()).unwrap()
}

fn by_ferry(bench: &Bench, values: &Value) -> Option<Value> {
    let config = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml", "valuesFiles": ["v.yaml"], "setValues": values});
    bench.run("helm-template", config).ok()?;
    Some(rendered(&std::fs::read_to_string(bench.work().join("o.yaml")).unwrap()))
}

fn set(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

fn literal(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value, "literal": true})
}

#[test]
fn values_come_to_what_helm_makes_of_them() {
    let Some(bench) = desk() else { return };
    for (values, is_good) in [
        (json!([set("image.tag", "v1"), set("image", "null")]), true),
        (json!([set("image", "null"), set("image.tag", "v1")]), false),
        (json!([set("image", "v1"), set("image.tag", "v1")]), false),
        (json!([literal("a", "one"), set("a", "two")]), true),
        (json!([literal("a", "one"), set("a.b", "2")]), true),
        (json!([literal("a.b", "one"), set("a", "2")]), false),
        (json!([literal("a\\.b,c=d", "e,{f"), literal("a\\.e", "g")]), true),
        (json!([literal("l[1].z", ""), set("q[0].b", "")]), true),
        (json!([set("q[0].b", ",c=2"), set("q[0].d", "text")]), true),
        (json!([set("l[1]", "text"), set("l[0].x", "text"), set("l[3].a[1]", "5")]), true),
        (json!([set("l[0]", "text"), set("l[0].y", "5")]), true),
        (json!([set("n[0][1]", "text"), set("n[0].b", "5")]), true),
        (json!([set("l", "{a,b}"), set("l[1]", "7"), set("m.n[1]", "text")]), true),
        (json!([set("l[1]", "text"), set("l", "{}")]), true),
        (json!([set("t.u", "text")]), false),
        (json!([set("t", "{"), set("u", "v")]), false),
        (json!([set("u", "v,w")]), false),
        (json!([set("u", "v,=w,"), set("x.y", "+5,z=-0,n=9223372036854775808,o=007")]), true),
        (json!([set("u..v", "w")]), false),
        (json!([set("u[x]", "w")]), false),
        (json!([set("u", "a\\,b\\"), set("v\\.w", "\\{x"), set("w", "tRue,n=NULL")]), true),
    ] {
        let ours = by_ferry(&bench, &values);
        assert_eq!(ours, by_helm(&bench.work(), &values), "{values}");
        assert_eq!(ours.is_some(), is_good, "{values}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let step = prop::sample::select(vec![".a", ".b", "[0]", "[1]", "\\.c", ",d"]);
    let key = (prop::sample::select(vec!["l", "m", "t", "a"]), prop::collection::vec(step, 0..3));
    let key = key.prop_map(|(first, steps)| format!("{first}{}", steps.concat()));
    let value =
        prop::sample::select(vec!["text", "", "5", "null", "{}", "{p,6,}", "q,a[0].b=r", "\\,s=", "u,t=7,"]);
    (key, value, any::<bool>())
        .prop_map(|(key, value, literal)| json!({"key": key, "value": value, "literal": literal}))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_values_come_to_what_helm_makes_of_them(values in prop::collection::vec(any_value(), 1..5)) {
        let Some(bench) = desk() else { return Ok(()) };
        let values = json!(values);
        prop_assert_eq!(by_ferry(&bench, &values), by_helm(&bench.work(), &values));
    }
}

#[test]
fn names_with_commas_are_one_name() {
    let mut bench = Bench::with(&json!({
        "c/Chart.yaml": CHART,
        "c/templates/t.yaml": "a: {{ .Values.a }}{{ .Capabilities.APIVersions.Has `x/v1,y/\"v1` }}\n",
        "a,b \"c\".yaml": "a: one\n", "a": "a: two\n",
    }));
    if with_programs(&mut bench).is_none() {
        return;
    }
    let config = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml",
        "valuesFiles": ["a,b \"c\".yaml"], "apiVersions": ["x/v1,y/\"v1", "z"]});
    bench.run("helm-template", config).unwrap();
    let text = std::fs::read_to_string(bench.work().join("o.yaml")).unwrap();
    assert!(text.ends_with("a: onetrue\n"), "{text}");
}
