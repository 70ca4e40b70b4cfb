//! Kubernetes objects that a program wrote as one text: one file each, named by what they are.

use std::collections::BTreeMap;

use ferry_engine::StepError;
use ferry_engine::work::{WorkDir, WorkPath};
use serde_json::Value;

use crate::{broke, yaml};

/// How files are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `[namespace-]kind-name.yaml`
    Kargo,
    /// `[namespace_]group_version_kind_name.yaml`
    Kustomize,
    /// `[group-]kind[-namespace]-name.yaml`; what has no name is `resource-N.yaml`.
    Helm,
}

/// Whether a path is that of one file with all objects.
pub fn is_file(path: &WorkPath) -> bool {
    let name = path.file_name().unwrap_or_default();
    [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

/// Writes all objects into one file.
pub fn write_file(work: &WorkDir, path: &WorkPath, text: &str) -> Result<(), StepError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
        work.create_dir_all(&parent).map_err(broke)?;
    }
    work.write(path, text.as_bytes()).map_err(broke)
}

/// Writes each object into a file of its own. Nothing is written where one has no good name or shares it with another.
pub fn write_files(work: &WorkDir, path: &WorkPath, text: &str, naming: Naming) -> Result<(), StepError> {
    let mut files = BTreeMap::new();
    for (n, document) in documents(text, naming).into_iter().enumerate() {
        let object = yaml::read(document)
            .map_err(|e| StepError::Retryable(format!("object {n} of what was made is no YAML: {e}")))?;
        let name = named(&object, naming, n).map_err(StepError::Retryable)?;
        // Where a hook comes from is not part of it.
        let is_hook = object.pointer("/metadata/annotations/helm.sh~1hook").is_some();
        let document = match document.split_once('\n') {
            Some((first, rest)) if is_hook && first.starts_with("# Source: ") => rest,
            _ => document,
        };
        if files.insert(name.clone(), document).is_some() {
            let other =
                if naming == Naming::Kargo { "; outputFormat kustomize has longer names" } else { "" };
            return Err(StepError::Retryable(format!("two objects would be in one file {name:?}{other}")));
        }
    }
    work.create_dir_all(path).map_err(broke)?;
    for (name, document) in files {
        let file = path.join(&name).map_err(|e| StepError::Retryable(e.to_string()))?;
        work.write(&file, document.as_bytes()).map_err(broke)?;
    }
    Ok(())
}

/// Writes files that a program made below a directory. Where there are none, there is no directory.
pub fn write_tree(work: &WorkDir, path: &WorkPath, files: &[(String, Vec<u8>)]) -> Result<(), StepError> {
    for (name, contents) in files {
        let file = path.join(name).map_err(|e| StepError::Retryable(e.to_string()))?;
        if let Some(parent) = file.parent() {
            work.create_dir_all(&parent).map_err(broke)?;
        }
        work.write(&file, contents).map_err(broke)?;
    }
    Ok(())
}

/// The documents of a text, each as it is written there.
fn documents(text: &str, naming: Naming) -> Vec<&str> {
    let parts: Vec<&str> = match naming {
        // A mark at the very beginning is the first one's, and none has the newline before the next mark.
        Naming::Helm => text.split("\n---\n").map(str::trim).collect(),
        Naming::Kargo | Naming::Kustomize => between_marks(text),
    };
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn between_marks(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            parts.extend(text.get(start..at));
            start = at + line.len();
        }
        at += line.len();
    }
    parts.extend(text.get(start..));
    parts
}

fn named(object: &Value, naming: Naming, n: usize) -> Result<String, String> {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let namespace = text("/metadata/namespace");
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
    let parts = match naming {
        Naming::Helm if kind.is_empty() || name.is_empty() => return Ok(format!("resource-{n}.yaml")),
        Naming::Kargo => vec![namespace, kind, name],
        Naming::Kustomize => vec![namespace, group, version, kind, name],
        Naming::Helm => vec![group, kind, namespace, name],
    };
    let mut parts: Vec<String> =
        parts.into_iter().filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    if naming == Naming::Helm && !group.is_empty() {
        parts[0] = parts[0].replace('.', "_");
    }
    let file = format!("{}.yaml", parts.join(if naming == Naming::Kustomize { "_" } else { "-" }));
    // What a name holds is the author's; that it stays in the directory is ours.
    if file.contains(['/', '\0']) || file.starts_with('.') || file.len() > 255 {
        return Err(format!("{kind} {name:?} cannot have a file of its own: {file:?} is no name of a file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_a_name_of_an_object_is_one_name_of_a_file() {
        let object = |kind: &str, name: &str| serde_json::json!({"apiVersion": "a.b/v1", "kind": kind, "metadata": {"name": name}});
        for name in ["../x", "a/b", "a\0", &"x".repeat(300)] {
            for naming in [Naming::Kargo, Naming::Kustomize, Naming::Helm] {
                assert!(named(&object("A", name), naming, 0).is_err(), "{name}");
                assert!(named(&object(name, "a"), naming, 0).is_err(), "{name}");
            }
        }
        assert!(named(&serde_json::json!({"kind": ".."}), Naming::Kargo, 0).is_err());
        assert_eq!(named(&object("Role", "System:X"), Naming::Kargo, 0).unwrap(), "role-system:x.yaml");
        assert_eq!(named(&object("Role", "x"), Naming::Kustomize, 0).unwrap(), "a.b_v1_role_x.yaml");
        assert_eq!(named(&object("Role", "x"), Naming::Helm, 0).unwrap(), "a_b-role-x.yaml");
        assert_eq!(named(&serde_json::json!({"a": 1}), Naming::Helm, 3).unwrap(), "resource-3.yaml");
    }

    #[test]
    fn documents_are_as_they_were_written() {
        let text = "---\na: 1\nt: |\n  ---\n---\nb: 2\n---\n---\nc: 3\n";
        assert_eq!(documents(text, Naming::Kargo), ["a: 1\nt: |\n  ---\n", "b: 2\n", "c: 3\n"]);
        assert_eq!(documents("---\n# x\na: 1\n---\nb: 2\n", Naming::Helm), ["---\n# x\na: 1", "b: 2"]);
    }
}
