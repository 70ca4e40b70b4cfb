//! Merge patch (RFC 7386): objects merge, `null` removes, everything else replaces.

use serde_json::{Map, Value};

use super::Error;
use crate::schema::depth::{MAX_DEPTH, within};

/// Merges `patch` into `target`. The patch must be an object.
pub fn merge(target: &mut Value, patch: &Value) -> Result<(), Error> {
    if !patch.is_object() {
        return Err(Error::Malformed(format!("a merge patch must be an object, not {}", kind(patch))));
    }
    if !within(patch, MAX_DEPTH) || !within(target, MAX_DEPTH) {
        return Err(Error::TooDeep { limit: MAX_DEPTH });
    }
    apply(target, patch);
    Ok(())
}

fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else { return };
    for (name, member) in members {
        if member.is_null() {
            object.remove(name);
        } else {
            apply(object.entry(name.clone()).or_insert(Value::Null), member);
        }
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::schema::arbitrary;

    /// The smallest merge patch that turns `from` into `to` (neither with null members).
    fn diff(from: &Value, to: &Value) -> Value {
        let (Value::Object(old), Value::Object(new)) = (from, to) else {
            return to.clone();
        };
        let mut patch = Map::new();
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            patch.insert(name.clone(), Value::Null);
        }
        for (name, value) in new {
            match old.get(name) {
                Some(before) if before == value => {}
                Some(before) => {
                    patch.insert(name.clone(), diff(before, value));
                }
                None => {
                    patch.insert(name.clone(), value.clone());
                }
            }
        }
        Value::Object(patch)
    }

    fn without_nulls(value: &mut Value) {
        // Nulls in arrays are kept by the RFC; objects in arrays are replaced as they are.
        if let Value::Object(map) = value {
            map.retain(|_, member| !member.is_null());
            map.values_mut().for_each(without_nulls);
        }
    }

    #[test]
    fn examples_of_the_rfc() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, want) in cases {
            merge(&mut target, &patch).unwrap();
            assert_eq!(target, want, "patch {patch}");
        }
    }

    #[test]
    fn only_objects_are_merge_patches() {
        for patch in [json!(null), json!([]), json!("x"), json!(5), json!(true)] {
            assert_eq!(merge(&mut json!({"a": 1}), &patch).unwrap_err().status(), 400);
        }
    }

    #[test]
    fn a_bottomless_patch_is_refused() {
        let mut patch = json!({});
        for _ in 0..=MAX_DEPTH {
            patch = json!({"a": patch});
        }
        assert_eq!(merge(&mut json!({}), &patch), Err(Error::TooDeep { limit: MAX_DEPTH }));
    }

    proptest! {
        #[test]
        fn merging_the_difference_gives_the_other(mut from in arbitrary::object(), mut to in arbitrary::object()) {
            without_nulls(&mut from);
            without_nulls(&mut to);
            let patch = diff(&from, &to);
            merge(&mut from, &patch).unwrap();
            prop_assert_eq!(from, to);
        }

        #[test]
        fn merging_twice_is_merging_once(mut target in arbitrary::object(), patch in arbitrary::object()) {
            merge(&mut target, &patch).unwrap();
            let once = target.clone();
            merge(&mut target, &patch).unwrap();
            prop_assert_eq!(target, once);
        }
    }
}
