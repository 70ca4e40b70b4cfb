//! Manifests of a directory in Git: YAML and JSON files, several documents each, as they stand there.

use serde_json::Value;

use super::application::{list, text};

/// A file below a source's path: its path from there, and its bytes.
pub type File = (String, Vec<u8>);

/// Why a directory has no manifests that could be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// What it would take a tool to render.
    #[error("{0} asks for a tool: the stand-in applies plain manifests only")]
    Tool(String),
    /// A file with good documents and a bad one.
    #[error("{path}: document {number}: {cause}")]
    Document { path: String, number: usize, cause: String },
}

const TOOL_FILES: &[&str] = &["Chart.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Every manifest, in the order of files and documents. As with the real one, a file without any good document is none
/// of ours and passed over; a bad document beside good ones is an error.
pub fn manifests(files: &[File]) -> Result<Vec<Value>, Error> {
    if let Some((path, _)) = files.iter().find(|(path, _)| TOOL_FILES.contains(&path.as_str())) {
        return Err(Error::Tool(path.clone()));
    }
    let mut found = Vec::new();
    for (path, bytes) in files {
        let Ok(content) = str::from_utf8(bytes) else { continue };
        match path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("yaml" | "yml") => found.extend(yaml(path, content)?),
            Some("json") => found.extend(serde_json::from_str(content).ok()),
            _ => {}
        }
    }
    Ok(found.into_iter().flat_map(flat).filter(is_manifest).collect())
}

fn yaml(path: &str, content: &str) -> Result<Vec<Value>, Error> {
    let mut good = Vec::new();
    let mut bad = None;
    for (number, document) in (1..).zip(documents(content)) {
        match serde_saphyr::from_str::<Value>(&document) {
            Ok(value) => good.push(value),
            Err(cause) if bad.is_none() => bad = Some((number, cause.to_string())),
            Err(_) => {}
        }
    }
    match bad {
        Some((number, cause)) if good.iter().any(is_manifest) => {
            Err(Error::Document { path: path.to_owned(), number, cause })
        }
        _ => Ok(good),
    }
}

/// The documents between lines that begin with `---`; those without content are left out.
fn documents(content: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in content.lines() {
        if line.starts_with("---") {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |document: &String| {
        document.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
    };
    documents.retain(says_something);
    documents
}

/// A List stands for its items.
fn flat(value: Value) -> Vec<Value> {
    if text(&value, "/kind") == "List" && text(&value, "/apiVersion") == "v1" {
        return list(&value, "/items").to_vec();
    }
    vec![value]
}

fn is_manifest(value: &Value) -> bool {
    !text(value, "/apiVersion").is_empty()
        && !text(value, "/kind").is_empty()
        && !text(value, "/metadata/name").is_empty()
}

#[cfg(test)]
mod tests {
    use super::{Error, manifests};
    use crate::argocd::application::text;

    fn names(files: &[(&str, &str)]) -> Result<Vec<String>, Error> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Ok(manifests(&files)?.iter().map(|manifest| text(manifest, "/metadata/name").to_owned()).collect())
    }

    const MENU: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: menu}\n";

    #[test]
    fn documents_lists_and_json_are_read() {
        let two = format!("# first\n---\n{MENU}---\n{}", MENU.replace("menu", "side"));
        let items = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}]}"#;
        assert_eq!(
            names(&[("a.yaml", &two), ("b.json", items), ("README.md", "kind: x")]),
            Ok(vec!["menu".into(), "side".into(), "key".into()])
        );
    }

    #[test]
    fn a_file_that_is_no_manifest_is_passed_over() {
        let broken = "kind: ConfigMap\n  metadata: [\n";
        assert_eq!(
            names(&[("a.yaml", broken), ("b.yaml", "apiVersion: v1\nmetadata: {name: x}\n")]),
            Ok(vec![])
        );
    }

    #[test]
    fn a_bad_document_beside_a_good_one_is_an_error() {
        let text = format!("{MENU}---\na: [\n");
        assert!(matches!(names(&[("a.yaml", &text)]), Err(Error::Document { number: 2, .. })));
    }

    #[test]
    fn what_needs_a_tool_is_refused() {
        assert_eq!(names(&[("Chart.yaml", "name: x")]), Err(Error::Tool("Chart.yaml".into())));
    }
}
