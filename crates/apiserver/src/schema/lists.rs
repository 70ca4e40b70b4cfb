//! Lists that are sets or maps: each element once.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Cause, CauseReason, node::List, path::Path};

/// Reports the elements that stand in the list before already.
pub(super) fn check(list: &List, items: &[Value], at: Path<'_>, causes: &mut Vec<Cause>) {
    let mut seen = HashSet::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let identity = match list {
            List::Atomic => return,
            List::Set => item.clone(),
            List::Map(keys) => identity(keys, item),
        };
        if !seen.insert(identity.to_string()) {
            causes.push(Cause::new(CauseReason::Duplicate, at.index(index), identity.to_string()));
        }
    }
}

fn identity(keys: &[String], item: &Value) -> Value {
    let members: Map<String, Value> =
        keys.iter().filter_map(|key| item.get(key).map(|value| (key.clone(), value.clone()))).collect();
    Value::Object(members)
}
