//! Finds the old value that a part of the new object descends from, where the schema makes that certain.

use serde_json::Value;

use super::node::{List, MapKind, Node};

/// The old value of the member `name`.
pub(crate) fn member<'v>(node: &Node, old: Option<&'v Value>, name: &str) -> Option<&'v Value> {
    if node.map == MapKind::Atomic {
        return None;
    }
    old?.get(name).filter(|value| !value.is_null())
}

/// The old element with the same keys, in lists that are maps; elements of other lists have no past.
pub(crate) fn element<'v>(node: &Node, old: Option<&'v Value>, item: &Value) -> Option<&'v Value> {
    let List::Map(keys) = &node.list else { return None };
    old?.as_array()?.iter().find(|before| keys.iter().all(|key| before.get(key) == item.get(key)))
}
