//! The real `helm` and `kustomize`, confined as `ferry exec-child` confines them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ferry_exec::{Limits, Programs};
use serde_json::{Value, json};

use crate::bench::{Bench, put};

/// Gives the steps of a bench the programs. None where they are not built, which `make test` does.
pub fn with_programs(bench: &mut Bench) -> Option<()> {
    let scratch = bench.directory.path().join("scratch");
    let programs = Programs::new(vec![child().into()], scratch, Limits::default());
    let programs = programs.with("helm", tool("helm")?).with("kustomize", tool("kustomize")?);
    bench.services = bench.services.clone().with(Arc::new(programs));
    Some(())
}

pub fn tool(name: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools").join(name);
    if program.exists() {
        return Some(program.canonicalize().unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "no target/tools/{name}: `make test` builds it (needs Go)");
    None
}

/// What becomes a program. Cargo builds examples only of what it tests, so it may be that nobody has built it yet.
pub fn child() -> PathBuf {
    static CHILD: OnceLock<PathBuf> = OnceLock::new();
    CHILD
        .get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let child = test.parent().unwrap().parent().unwrap().join("examples/exec-child");
            if child.exists() && std::env::var_os("CI").is_some() {
                // All of the workspace was built at once.
                return child;
            }
            let built = std::process::Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", "ferry-exec", "--example", "exec-child"])
                .status()
                .unwrap();
            assert!(built.success());
            child
        })
        .clone()
}

/// A bench with files and the real programs.
fn desk(files: &Value) -> Option<Bench> {
    let mut bench = Bench::with(files);
    with_programs(&mut bench).map(|()| bench)
}

fn error(bench: &Bench, kind: &str, config: Value) -> String {
    let error = bench.run(kind, config).unwrap_err().to_string();
    // Where the work directory is on this machine is nobody's business.
    assert!(!error.contains(&*bench.work().to_string_lossy()), "{error}");
    error
}

const CHART: &str = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";

fn chart(template: &str) -> Value {
    json!({"c/Chart.yaml": CHART, "c/templates/t.yaml": template, "c/values.yaml": "a: 1\n"})
}

fn render() -> Value {
    json!({"path": "c", "releaseName": "rel", "outPath": "o.yaml"})
}

#[test]
fn s12_kustomizations_that_would_leave_the_work_directory() {
    for (what, kustomization) in [
        ("a base outside", "resources: [../../outside]\n"),
        ("a file outside", "resources: [../../outside/object.yaml]\n"),
        ("an absolute path", "resources: [ABSOLUTE/outside/object.yaml]\n"),
        ("a file of the system", "configMapGenerator: [{name: a, files: [/etc/passwd]}]\n"),
        ("a patch outside", "patches: [{path: ../../outside/object.yaml}]\n"),
        ("another host", "resources: [\"https://192.0.2.1/a.yaml\"]\n"),
        ("another repository", "resources: [\"https://example.com/org/repo//base?ref=main\"]\n"),
        ("a program", "generators: [g.yaml]\n"),
        ("itself", "resources: [../k]\n"),
        ("itself by another name", "resources: [../k/../k/.]\n"),
    ] {
        let Some(bench) = desk(&json!({})) else { return };
        let absolute = bench.directory.path().to_string_lossy().into_owned();
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: outside}\n";
        put(&bench.directory.path().join("outside/object.yaml"), &json!(object));
        put(&bench.directory.path().join("outside/kustomization.yaml"), &json!("resources: [object.yaml]\n"));
        let generator = "apiVersion: v1\nkind: Gen\nmetadata:\n  name: g\n  annotations:\n    \
                         config.kubernetes.io/function: \"exec: {path: /bin/sh}\"\n";
        put(&bench.work().join("k/g.yaml"), &json!(generator));
        put(&bench.work().join("k/kustomization.yaml"), &json!(kustomization.replace("ABSOLUTE", &absolute)));
        let result = bench.run("kustomize-build", json!({"path": "k", "outPath": "o.yaml"}));
        assert!(result.is_err(), "{what}: {result:?}");
        assert!(!bench.work().join("o.yaml").exists(), "{what}");
    }
}

#[test]
fn s10_charts_made_to_harm() {
    let link = json!({"link": "/etc/passwd"});
    let mut with_link = chart("a: {{ .Files.Get \"f\" | quote }}\n");
    with_link["c/f"] = link;
    let Some(bench) = desk(&with_link) else { return };
    assert!(error(&bench, "helm-template", render()).contains("leads out of the work directory"));

    // It ends, with a limit or an error, and nothing is written.
    for template in [
        "a: {{ repeat 2000000000 \"x\" }}\n",
        "{{- define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}\n",
        "{{ range until 2000000000 }}x{{ end }}\n",
        "a: {{ env \"HOME\" }}\n",
        "a: {{ getHostByName \"example.com\" }}{{ fail \"end\" }}\n",
    ] {
        let bench = desk(&chart(template)).unwrap();
        let said = error(&bench, "helm-template", render());
        assert!(!said.contains("goroutine"), "{said}");
        assert!(!bench.work().join("o.yaml").exists(), "{template}");
    }
}

#[test]
fn s8_values_that_are_set_are_not_told() {
    let secret = "canary-5f2c9a";
    let Some(bench) = desk(&chart("{{ fail (printf \"no %s\" .Values.password) }}\n")) else { return };
    let mut config = render();
    config["setValues"] = json!([{"key": "password", "value": secret}]);
    let said = error(&bench, "helm-template", config.clone());
    assert!(said.contains("no ***") && !said.contains(secret), "{said}");
    // However it is written: as a part of a list, beside another key, with a backslash.
    for (value, shown) in [
        (format!("{{{secret},x}}"), secret.to_owned()),
        (format!("{secret},other=1"), secret.to_owned()),
        (format!("{secret}\\,more"), format!("{secret},more")),
    ] {
        config["setValues"] = json!([{"key": "password", "value": value}]);
        let said = error(&bench, "helm-template", config.clone());
        assert!(said.contains("***") && !said.contains(secret), "{shown}: {said}");
    }
    config["setValues"] = json!([{"key": "password", "value": secret}]);

    // Nor are they to be seen in the list of processes while helm runs.
    let bench = desk(&chart(
        "{{ range until 4000 }}{{ range until 4000 }}{{ end }}{{ end }}\nkind: {{ .Values.password }}\n",
    ))
    .unwrap();
    config["setValues"]
        .as_array_mut()
        .unwrap()
        .push(json!({"key": "list", "value": format!("{{{secret},x}}")}));
    std::thread::scope(|scope| {
        let run = scope.spawn(move || {
            let result = bench.run("helm-template", config);
            (result, std::fs::read_to_string(bench.work().join("o.yaml")))
        });
        let mut seen = 0;
        while !run.is_finished() {
            for line in command_lines() {
                assert!(!line.contains(secret), "{line}");
                seen += usize::from(line.contains("--set-file"));
            }
        }
        assert!(seen > 0);
        let (result, rendered) = run.join().unwrap();
        result.unwrap();
        let rendered = rendered.unwrap();
        assert!(rendered.contains(&format!("kind: {secret}")), "{rendered}");
    });
}

fn command_lines() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    processes
        .filter_map(|path| std::fs::read(path).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect()
}

#[test]
fn values_that_are_set() {
    let template = "a: {{ .Values.a | toJson }}\nb: {{ .Values.b | toJson }}\nc: {{ kindOf .Values.c }}\n";
    for (set, rendered) in [
        (json!([{"key": "a", "value": "{x,7}"}]), "a: [\"x\",7]\nb: null\nc: invalid\n"),
        (
            json!([{"key": "b.c[1].d", "value": "x=y, z", "literal": true}]),
            "a: 1\nb: {\"c\":[null,{\"d\":\"x=y, z\"}]}\nc: invalid\n",
        ),
        (
            json!([{"key": "c", "value": "true"}, {"key": "b\\.c", "value": "\\{x"}]),
            "a: 1\nb: null\nc: bool\n",
        ),
        (json!([{"key": "c", "value": "8"}, {"key": "c", "value": "08"}]), "a: 1\nb: null\nc: string\n"),
        (json!([{"key": "a", "value": "null"}]), "a: null\nb: null\nc: invalid\n"),
    ] {
        let Some(bench) = desk(&chart(template)) else { return };
        let mut config = render();
        config["setValues"] = set.clone();
        bench.run("helm-template", config).unwrap();
        let text = std::fs::read_to_string(bench.work().join("o.yaml")).unwrap();
        assert_eq!(text, format!("---\n# Source: shop/templates/t.yaml\n{rendered}"), "{set}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut bench = Bench::with(&chart("a: 1\n"));
    let scratch = bench.directory.path().join("scratch");
    let programs = Programs::new(vec![child().into()], scratch, Limits::default());
    let programs =
        programs.with("helm", "/nowhere/helm".into()).with("kustomize", "/nowhere/kustomize".into());
    bench.services = bench.services.clone().with(Arc::new(programs));
    let said = error(&bench, "helm-template", render());
    assert_eq!(said, "helm is needed and not found; install it on the PATH, or say where it is with --helm");
    let said = error(&bench, "kustomize-build", json!({"path": "c", "outPath": "o"}));
    assert!(said.starts_with("kustomize is needed and not found"), "{said}");
}

#[test]
fn kustomize_without_helm() {
    let files = json!({"k/kustomization.yaml": "helmCharts: [{name: shop}]\n", "o/kustomization.yaml": "resources: [../k]\n",
        "plain/kustomization.yaml": "resources: []\n", "bad/kustomization.yaml": "resources: [../gone]\n"});
    let Some(mut bench) = desk(&files) else { return };
    let scratch = bench.directory.path().join("scratch");
    let programs = Programs::new(vec![child().into()], scratch, Limits::default());
    let programs =
        programs.with("helm", "/nowhere/helm".into()).with("kustomize", tool("kustomize").unwrap());
    bench.services = bench.services.clone().with(Arc::new(programs));
    for path in ["k", "o"] {
        let said = error(&bench, "kustomize-build", json!({"path": path, "outPath": "o.yaml"}));
        assert_eq!(
            said,
            "helm is needed and not found; install it on the PATH, or say where it is with --helm"
        );
    }
    bench.run("kustomize-build", json!({"path": "plain", "outPath": "o.yaml"})).unwrap();
    let said = error(&bench, "kustomize-build", json!({"path": "bad", "outPath": "o.yaml"}));
    assert!(said.contains("gone"), "{said}");
}

#[test]
fn two_objects_in_one_file_are_refused() {
    let object = |group: &str| format!("apiVersion: {group}/v1\nkind: Ingress\nmetadata: {{name: a}}\n");
    let both = format!("{}---\n{}", object("a.b"), object("c.d"));
    let files = json!({"k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": both});
    let Some(bench) = desk(&files) else { return };
    let config = json!({"path": "k", "outPath": "o"});
    assert!(
        error(&bench, "kustomize-build", config)
            .contains("two objects would be in one file \"ingress-a.yaml\"")
    );
    bench.run("kustomize-build", json!({"path": "k", "outPath": "o", "outputFormat": "kustomize"})).unwrap();
    assert!(bench.work().join("o/c.d_v1_ingress_a.yaml").exists());
}

#[test]
fn kustomize_inflates_charts_that_are_there() {
    let kustomization = "helmGlobals: {chartHome: charts}\nhelmCharts: [{name: shop, releaseName: rel}]\n";
    let files = json!({
        "k/kustomization.yaml": kustomization, "k/charts/shop/Chart.yaml": CHART, "k/charts/shop/values.yaml": "",
        "k/charts/shop/templates/t.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-{{ .Capabilities.KubeVersion.Version }}}\n",
    });
    let Some(bench) = desk(&files) else { return };
    let plugin = json!({"helm": {"kubeVersion": "1.30.1"}});
    bench.run("kustomize-build", json!({"path": "k", "outPath": "o", "plugin": plugin})).unwrap();
    assert!(bench.work().join("o/configmap-rel-v1.30.1.yaml").exists());
}
