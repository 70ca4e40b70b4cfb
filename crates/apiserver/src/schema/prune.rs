//! Pruning: what the schema does not know is dropped, and reported for clients that asked to be told.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::node::{Additional, Node};

const META: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What every resource has, whatever its schema says.
fn is_meta(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

/// Drops what `node` does not know from the object and returns the paths of what was dropped.
pub(super) fn prune(node: &Node, object: &mut Value) -> Vec<String> {
    let mut pruning = Pruning::default();
    pruning.known(object, node, true);
    pruning.dropped
}

/// The same for a value inside an object.
pub(super) fn inside(node: &Node, value: &mut Value) -> Vec<String> {
    let mut pruning = Pruning::default();
    pruning.known(value, node, node.embedded);
    pruning.dropped
}

#[derive(Default)]
struct Pruning {
    at: String,
    dropped: Vec<String>,
}

impl Pruning {
    fn known(&mut self, value: &mut Value, node: &Node, resource: bool) {
        match value {
            Value::Object(map) => {
                if resource {
                    self.metadata(map);
                }
                let kept = |name: &str| {
                    node.preserve_unknown
                        || !matches!(node.additional, Additional::Unknown)
                        || node.properties.contains_key(name)
                        || (resource && is_meta(name))
                };
                self.drop_unless(map, kept);
                for (name, inner) in map {
                    // What metadata holds is settled above, whatever little the schema says of it.
                    if resource && is_meta(name) {
                        continue;
                    }
                    let node_of_entry = node.entry(name);
                    let anything = matches!(node.additional, Additional::Any);
                    self.inside(name, |pruning| match node_of_entry {
                        Some(entry) => pruning.known(inner, entry, entry.embedded),
                        None if anything && !node.preserve_unknown => pruning.unknown(inner),
                        None => {}
                    });
                }
            }
            Value::Array(items) => match &node.items {
                Some(element) => {
                    self.elements(items, |pruning, item| pruning.known(item, element, element.embedded));
                }
                None if node.preserve_unknown => {}
                None => self.elements(items, Self::unknown),
            },
            _ => {}
        }
    }

    /// A value of which the schema says nothing: its shape stays, its members go.
    fn unknown(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => self.drop_unless(map, |_| false),
            Value::Array(items) => self.elements(items, Self::unknown),
            _ => {}
        }
    }

    fn metadata(&mut self, resource: &mut Map<String, Value>) {
        if let Some(Value::Object(metadata)) = resource.get_mut("metadata") {
            self.inside("metadata", |pruning| pruning.drop_unless(metadata, |name| META.contains(&name)));
        }
    }

    fn drop_unless(&mut self, map: &mut Map<String, Value>, kept: impl Fn(&str) -> bool) {
        map.retain(|name, _| {
            let keep = kept(name);
            if !keep {
                self.dropped.push(if self.at.is_empty() {
                    name.clone()
                } else {
                    format!("{}.{name}", self.at)
                });
            }
            keep
        });
    }

    fn elements(&mut self, items: &mut [Value], each: impl Fn(&mut Self, &mut Value)) {
        let length = self.at.len();
        for (index, item) in items.iter_mut().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(self.at, "[{index}]");
            each(self, item);
            self.at.truncate(length);
        }
    }

    fn inside(&mut self, name: &str, then: impl FnOnce(&mut Self)) {
        let length = self.at.len();
        if length > 0 {
            self.at.push('.');
        }
        self.at.push_str(name);
        then(self);
        self.at.truncate(length);
    }
}
