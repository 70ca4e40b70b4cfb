//! Where `copy`, `kustomize-build` and `kustomize-set-image` differ from what was recorded, and how they are known to be
//! right there.

use std::collections::HashSet;

use ferry_vectors::{Answer, Case, Rule};
use serde_json::{Value, json};

/// For `copy`.
pub const COPY: Rule = Rule {
    name: "onto itself",
    reason: "surprises, git and files: `copy` of a file onto itself empties it: mend",
    applies: |case| {
        let clean = |key: &str| {
            let path = case.input["config"][key].as_str().unwrap_or_default();
            path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
        };
        clean("inPath") == clean("outPath")
    },
    instead: |_, answer| answer.as_ref().is_ok_and(|a| a["files"] == json!({})),
};

/// For `kustomize-build`.
pub const BUILD: Rule = Rule {
    name: "two objects of one file name",
    reason: "issue, bad input: no effect half done; recorded is that the one is written over the other",
    applies: |case| {
        let files = case.input["files"].as_object().into_iter().flatten();
        let texts = files.filter_map(|(_, file)| file.as_str());
        let objects = texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap_or_default());
        let mut names = HashSet::new();
        let mut twice = false;
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
            let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
            if !kind.is_empty() && !name.is_empty() {
                let namespace = text(&object["metadata"]["namespace"]);
                twice |= !names.insert([namespace, kind, name].join("-"));
            }
        }
        twice
    },
    instead: |_, answer| answer.as_ref().is_ok_and(|a| a["status"] == "Errored" && a["files"] == json!({})),
};

/// For `kustomize-set-image`.
pub const SET_IMAGE: Rule = Rule {
    name: "only the images change",
    reason: "failure-modes 57: YAML edits keep comments, order, quotes and layout; recorded is the whole file written \
             in one layout",
    applies: |case| case.want.as_ref().is_some_and(|want| want["status"] == "Succeeded"),
    instead: |case, answer| {
        let (want, Ok(answer)) = (case.want.as_ref().unwrap(), answer) else { return false };
        let (wanted, got) = (want["files"].as_object(), answer["files"].as_object());
        let (Some(wanted), Some(got)) = (wanted, got) else { return false };
        let same = |(path, text): (&String, &Value)| {
            let before = case.input["files"][path].as_str().unwrap_or_default();
            let (Some(text), Some(new)) = (text.as_str(), got.get(path).and_then(Value::as_str)) else {
                return false;
            };
            read(text).is_some_and(|wanted| read(new) == Some(wanted)) && rest(before) == rest(new)
        };
        want["status"] == answer["status"]
            && want["output"] == answer["output"]
            && wanted.len() == got.len()
            && wanted.iter().all(same)
    },
};

fn read(text: &str) -> Option<Vec<Value>> {
    serde_saphyr::from_multiple(text).ok()
}

/// The lines that say nothing of images.
fn rest(text: &str) -> Vec<&str> {
    let mut of_images = false;
    let lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n').unwrap_or(line));
    let kept = lines.filter(|line| {
        if line.starts_with("images:") {
            of_images = true;
        } else if line.starts_with(|c: char| !" \t-#\r".contains(c)) {
            of_images = false;
        }
        !of_images
    });
    kept.filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn no_defect_hides_in_the_layout_of_a_kustomization() {
    let before =
        "# k\r\nresources:\r\n- a # b\r\nimages:\r\n- name: m\r\n  newTag: '1'\r\nnamePrefix: p-\r\n";
    let recorded =
        "# k\nresources:\n    - a # b\nimages:\n    - name: m\n      newTag: \"2\"\nnamePrefix: p-\n";
    let case = |files: &Value| json!({"status": "Succeeded", "output": {}, "files": files});
    let wanted = Case {
        name: "a kustomization".to_owned(),
        input: json!({"kind": "kustomize-set-image", "files": {"k": before}}),
        want: Some(case(&json!({"k": recorded}))),
        error: None,
        line: Value::Null,
    };
    let ours = before.replace("'1'", "\"2\"");
    let accepts = |text: &str| (SET_IMAGE.instead)(&wanted, &Answer::Ok(case(&json!({"k": text}))));
    assert!(accepts(&ours));
    for wrong in [
        ours.replace("\"2\"", "\"3\""),
        ours.replace("# k", "#"),
        ours.replace("p-", "q-"),
        ours.replace("- a # b", "- a"),
        ours.replace("- a # b\r\n", "- a # b\n"),
        format!("{ours}x: 1\n"),
    ] {
        assert!(!accepts(&wrong), "{wrong}");
    }
}
