//! Library charts: what is rendered of them.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::programs::with_programs;

const LIBRARY: &str = "apiVersion: v2\nname: shop\nversion: 0.1.0\ntype: library\n";
const SUB: &str = "apiVersion: v2\nname: sub\nversion: 0.1.0\n";
const PARTIAL: &str = "{{ define \"shop.kind\" }}{{ .Chart.Name }}{{ end }}";
const USES: &str = "kind: {{ include \"shop.kind\" . }}\n";
const OF_SUB: &str = "---\n# Source: shop/charts/sub/templates/a.yaml\n";

/// What comes out of a chart in `c`; none where the step fails.
fn rendered(bench: &Bench, more: &Value) -> Result<String, String> {
    let mut config = json!({"path": "c", "releaseName": "rel", "outPath": "o.yaml", "kubeVersion": "1.29.3"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench.run("helm-template", config).map_err(|e| e.to_string())?;
    Ok(std::fs::read_to_string(bench.work().join("o.yaml")).unwrap())
}

fn desk(files: &Value) -> Option<Bench> {
    let mut files = files.clone();
    if files.get("c/Chart.yaml").is_none() {
        files["c/Chart.yaml"] = json!(LIBRARY);
    }
    files["l"] = json!({"link": "c"});
    let mut bench = Bench::with(&files);
    with_programs(&mut bench).map(|()| bench)
}

/// Packs the chart in the place of its folder.
fn pack(bench: &Bench) {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    archive.append_dir_all("c", bench.work().join("c")).unwrap();
    std::fs::remove_dir_all(bench.work().join("c")).unwrap();
    std::fs::write(bench.work().join("c"), archive.into_inner().unwrap().finish().unwrap()).unwrap();
}

#[test]
fn what_others_in_it_make_is_rendered() {
    let sub = |more: Value| {
        let mut files = json!({
            "c/charts/sub/Chart.yaml": SUB, "c/charts/sub/templates/a.yaml": USES,
            "c/templates/deep/_x.tpl": PARTIAL,
        });
        files.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        files
    };
    let of_sub = |text: &str| format!("{OF_SUB}{text}\n");
    let crd = "apiVersion: a/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: xs\n";
    let values = json!({"c/values.yaml": "sub: {a: 5}\n", "c/charts/sub/values.yaml": "global: {g: 7}\n",
        "c/charts/sub/templates/a.yaml": "kind: {{ .Values.a }}{{ .Values.global.g }}\n"});
    for (what, files, more, comes) in [
        ("nothing", json!({}), json!({}), "\n".to_owned()),
        (
            "its own templates",
            json!({"c/templates/a.yaml": "kind: Own\n", "c/templates/bad.yaml": "{{ if }}", "c/templates/_x.tpl": PARTIAL,
                "c/templates/NOTES.txt": "{{ if }}"}),
            json!({}),
            "\n".to_owned(),
        ),
        ("another chart", sub(json!({})), json!({}), of_sub("kind: sub")),
        (
            "a library in it",
            sub(json!({"c/charts/sub/Chart.yaml": format!("{SUB}type: library\n")})),
            json!({}),
            "\n".to_owned(),
        ),
        (
            "a name in another case",
            sub(json!({"c/Chart.yaml": LIBRARY.replace("type", "TYPE")})),
            json!({}),
            of_sub("kind: sub"),
        ),
        ("values", sub(values), json!({}), of_sub("kind: 57")),
        (
            "values that are set",
            sub(json!({"c/charts/sub/templates/a.yaml": "kind: {{ .Values.a }}\n"})),
            json!({"setValues": [{"key": "sub.a", "value": "8"}]}),
            of_sub("kind: 8"),
        ),
        (
            "its own resource definitions",
            json!({"c/crds/x.yaml": crd}),
            json!({"includeCRDs": true}),
            format!("---\n# Source: shop/crds/x.yaml\n{crd}"),
        ),
    ] {
        let Some(bench) = desk(&files) else { return };
        assert_eq!(rendered(&bench, &more).as_deref(), Ok(comes.as_str()), "{what}");
        let mut linked = more.clone();
        linked["path"] = json!("l");
        assert_eq!(rendered(&bench, &linked).as_deref(), Ok(comes.as_str()), "{what}, by a link");
        pack(&bench);
        assert_eq!(rendered(&bench, &more).as_deref(), Ok(comes.as_str()), "{what}, packed");
    }
}

#[test]
fn what_is_wrong_with_it_is_said() {
    let missing =
        format!("{LIBRARY}dependencies:\n- name: sub\n  version: 0.1.0\n  repository: file://../sub\n");
    let schema = r#"{"properties": {"rep": {"type": "string"}}}"#;
    for (files, more, why) in [
        (json!({}), json!({"releaseName": "Bad_Name"}), "invalid release name"),
        (json!({}), json!({"kubeVersion": "latest"}), "latest"),
        (json!({}), json!({"valuesFiles": ["v.yaml"]}), "v.yaml"),
        (json!({"c/Chart.yaml": missing}), json!({}), "missing in charts/ directory: sub"),
        (
            json!({"c/values.yaml": "rep: 1\n", "c/values.schema.json": schema}),
            json!({}),
            "got number, want string",
        ),
        (json!({"c/templates/_x.tpl": "{{ if }}"}), json!({}), "parse error at (shop/templates/_x.tpl:1)"),
        (
            json!({"c/Chart.yaml": LIBRARY.replace("library", "Library")}),
            json!({}),
            "must be application or library",
        ),
        (json!({"c/charts/sub": {"link": "../../../outside"}}), json!({}), "leads out of the work directory"),
        (
            json!({"c/.helmignore": "deep\n", "c/templates/deep/_x.tpl": PARTIAL, "c/charts/sub/Chart.yaml": SUB,
                "c/charts/sub/templates/a.yaml": USES}),
            json!({}),
            "no template \"shop.kind\"",
        ),
    ] {
        let mut files = files;
        files["v.yaml"] = json!("a: [\n");
        let Some(bench) = desk(&files) else { return };
        let said = rendered(&bench, &more).unwrap_err();
        assert!(said.contains(why), "{files}: {said}");
        assert!(!said.contains(&*bench.directory.path().to_string_lossy()), "{said}");
        assert!(!bench.work().join("o.yaml").exists());
    }
}

#[test]
fn where_nothing_is_rendered_there_is_no_directory() {
    let application = LIBRARY.replace("type: library\n", "");
    for (files, layout, is_there) in [
        (json!({"c/Chart.yaml": application}), "helm", false),
        (json!({"c/Chart.yaml": application, "c/templates/NOTES.txt": "hi"}), "helm", false),
        (
            json!({"c/Chart.yaml": application, "c/templates/a.yaml": "{{ if false }}\na: b\n{{ end }}"}),
            "helm",
            false,
        ),
        (json!({}), "helm", false),
        (json!({}), "flat", true),
    ] {
        let Some(bench) = desk(&files) else { return };
        let config = json!({"path": "c", "releaseName": "rel", "outPath": "o/p", "outLayout": layout});
        bench.run("helm-template", config).unwrap();
        assert_eq!(bench.work().join("o").exists(), is_there, "{files} {layout}");
    }
}
