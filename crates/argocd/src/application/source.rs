//! One source of an Application.

use serde_json::{Map, Value, json};

use super::{at, list, text};

/// A source: a Git repository or a chart.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a>(&'a Value);

impl<'a> Source<'a> {
    /// Looks at an object.
    pub fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The repository.
    pub fn repo_url(self) -> &'a str {
        text(self.0, &["repoURL"])
    }

    /// The chart; empty for a Git repository.
    pub fn chart(self) -> &'a str {
        text(self.0, &["chart"])
    }

    /// What it follows: a branch, tag, commit, version or range.
    pub fn target_revision(self) -> &'a str {
        text(self.0, &["targetRevision"])
    }

    /// The fields that promotions know of.
    pub fn modelled(self) -> Value {
        let mut fields = Map::new();
        fields.insert("repoURL".to_owned(), self.repo_url().into());
        for (key, value) in [("targetRevision", self.target_revision()), ("chart", self.chart())] {
            if !value.is_empty() {
                fields.insert(key.to_owned(), value.into());
            }
        }
        if self.0.get("helm").is_some_and(Value::is_object) {
            let parameters: Vec<_> = list(at(self.0, &["helm", "parameters"]))
                .iter()
                .map(|p| json!({"name": text(p, &["name"]), "value": text(p, &["value"])}))
                .collect();
            fields.insert("helm".to_owned(), only_if_any("parameters", &parameters));
        }
        if self.0.get("kustomize").is_some_and(Value::is_object) {
            let images = list(at(self.0, &["kustomize", "images"]));
            fields.insert("kustomize".to_owned(), only_if_any("images", images));
        }
        Value::Object(fields)
    }
}

fn only_if_any(key: &str, list: &[Value]) -> Value {
    if list.is_empty() { json!({}) } else { json!({key: list}) }
}
