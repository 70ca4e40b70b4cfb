//! The JSON merge patch that leads from one version of an object to the next.

use serde_json::{Map, Value};

/// The patch, or `None` where the versions are equal.
pub fn between(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old_members), Value::Object(new_members)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new_members {
        let changed = match old_members.get(key) {
            Some(old) => between(old, value),
            None => Some(value.clone()),
        };
        if let Some(changed) = changed {
            patch.insert(key.clone(), changed);
        }
    }
    for key in old_members.keys().filter(|key| !new_members.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Writes a value at a path of members, making the objects on the way.
pub fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *object = value;
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Value::Object(members) = object {
        set(members.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
    }
}

/// Removes what is at a path of members, where it is there.
pub fn remove(object: &mut Value, path: &[&str]) {
    match path {
        [] => {}
        [last] => {
            if let Value::Object(members) = object {
                members.remove(*last);
            }
        }
        [first, rest @ ..] => {
            if let Some(member) = object.get_mut(*first) {
                remove(member, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{between, remove, set};
    use serde_json::json;

    #[test]
    fn a_patch_says_what_changed_and_what_went() {
        let old = json!({"a": {"b": 1, "c": [1]}, "d": 1, "e": {"f": 1}});
        let new = json!({"a": {"b": 2, "c": [1]}, "e": {"f": 1}, "g": {}});
        assert_eq!(between(&old, &new), Some(json!({"a": {"b": 2}, "d": null, "g": {}})));
        assert_eq!(between(&old, &old), None);
    }

    #[test]
    fn members_are_set_and_removed_by_path() {
        let mut object = json!({"a": 1});
        set(&mut object, &["b", "c"], json!(2));
        set(&mut object, &["a", "x"], json!(3));
        assert_eq!(object, json!({"a": {"x": 3}, "b": {"c": 2}}));
        remove(&mut object, &["b", "c"]);
        remove(&mut object, &["no", "such"]);
        assert_eq!(object, json!({"a": {"x": 3}, "b": {}}));
    }
}
