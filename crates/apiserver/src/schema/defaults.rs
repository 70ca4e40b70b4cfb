//! Defaulting: absent members get the schema's defaults; nulls that may not be null get them too, or go.

use serde_json::Value;

use super::node::Node;

/// Fills in the defaults of `node` and drops nulls where neither the schema allows them nor a default replaces them.
pub(super) fn apply(node: &Node, value: &mut Value) {
    walk(node, value, true);
}

/// Fills in the defaults of `node`; nulls that no default replaces stay.
pub(super) fn fill_in(node: &Node, value: &mut Value) {
    walk(node, value, false);
}

fn walk(node: &Node, value: &mut Value, drop_nulls: bool) {
    match value {
        Value::Object(map) => {
            map.retain(|name, inner| {
                !(drop_nulls
                    && inner.is_null()
                    && node.entry(name).is_some_and(|entry| !entry.nullable && entry.default.is_none()))
            });
            for (name, property) in &node.properties {
                let Some(default) = &property.default else { continue };
                match map.get_mut(name) {
                    None => {
                        map.insert(name.clone(), default.clone());
                    }
                    Some(present) => replace_null(present, property, default),
                }
            }
            for (name, inner) in map {
                if let Some(entry) = node.entry(name) {
                    if let Some(default) = &entry.default {
                        replace_null(inner, entry, default);
                    }
                    walk(entry, inner, drop_nulls);
                }
            }
        }
        Value::Array(items) => {
            let Some(element) = &node.items else { return };
            for item in items {
                if let Some(default) = &element.default {
                    replace_null(item, element, default);
                }
                walk(element, item, drop_nulls);
            }
        }
        _ => {}
    }
}

fn replace_null(value: &mut Value, node: &Node, default: &Value) {
    if value.is_null() && !node.nullable {
        *value = default.clone();
    }
}
