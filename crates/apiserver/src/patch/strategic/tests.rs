//! Strategic merge patches, case by case.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::arbitrary;

fn patched(kind: &str, target: Value, patch: &Value) -> Result<Value, u16> {
    let mut target = target;
    strategic(&mut target, patch, kind).map(|()| target).map_err(|error| error.status())
}

fn account() -> Value {
    json!({"secrets": [{"name": "one"}, {"name": "two"}], "imagePullSecrets": [{"name": "pull"}], "metadata": {"finalizers": ["x/one"]}})
}

#[test]
fn maps_merge_and_null_removes() {
    let map = json!({"data": {"k": "v", "l": "w"}});
    assert_eq!(
        patched("ConfigMap", map.clone(), &json!({"data": {"k": "2", "n": "3"}})),
        Ok(json!({"data": {"k": "2", "l": "w", "n": "3"}}))
    );
    assert_eq!(patched("ConfigMap", map, &json!({"data": {"l": null}})), Ok(json!({"data": {"k": "v"}})));
}

#[test]
fn directives_on_objects() {
    let map = json!({"data": {"k": "v"}});
    assert_eq!(
        patched("ConfigMap", map.clone(), &json!({"data": {"$patch": "replace", "only": "me"}})),
        Ok(json!({"data": {"only": "me"}}))
    );
    assert_eq!(patched("ConfigMap", map.clone(), &json!({"data": {"$patch": "delete"}})), Ok(json!({})));
    assert_eq!(patched("ConfigMap", map.clone(), &json!({"data": {"$patch": "bogus"}})), Err(400));
    assert_eq!(patched("ConfigMap", map.clone(), &json!({"data": "x"})), Err(422));
    assert_eq!(patched("ConfigMap", map, &json!([])), Err(400));
}

#[test]
fn lists_merge_by_key_with_new_elements_first() {
    let got = patched("ServiceAccount", account(), &json!({"secrets": [{"name": "three"}]})).unwrap();
    assert_eq!(got["secrets"], json!([{"name": "three"}, {"name": "one"}, {"name": "two"}]));
    let got = patched("ServiceAccount", account(), &json!({"secrets": [{"name": "two", "x": 1}]})).unwrap();
    assert_eq!(got["secrets"], json!([{"name": "one"}, {"name": "two", "x": 1}]));
    let got =
        patched("ServiceAccount", account(), &json!({"secrets": [{"name": "one", "$patch": "delete"}]}))
            .unwrap();
    assert_eq!(got["secrets"], json!([{"name": "two"}]));
    let got =
        patched("ServiceAccount", account(), &json!({"secrets": [{"$patch": "replace"}, {"name": "z"}]}))
            .unwrap();
    assert_eq!(got["secrets"], json!([{"name": "z"}]));
    assert_eq!(patched("ServiceAccount", account(), &json!({"secrets": [{"kind": "x"}]})), Err(400));
}

#[test]
fn atomic_lists_are_replaced_as_they_are() {
    let got = patched(
        "ServiceAccount",
        account(),
        &json!({"imagePullSecrets": [{"$patch": "replace"}, {"name": "fresh"}]}),
    )
    .unwrap();
    assert_eq!(got["imagePullSecrets"], json!([{"$patch": "replace"}, {"name": "fresh"}]));
}

#[test]
fn lists_of_scalars_are_sets() {
    let got = patched("ConfigMap", account(), &json!({"metadata": {"finalizers": ["x/two"]}})).unwrap();
    assert_eq!(got["metadata"]["finalizers"], json!(["x/two", "x/one"]));
    let got =
        patched("ConfigMap", got, &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/one"]}}))
            .unwrap();
    assert_eq!(got["metadata"]["finalizers"], json!(["x/two"]));
}

#[test]
fn the_order_asked_for_is_obeyed() {
    let order = json!({"$setElementOrder/secrets": [{"name": "two"}, {"name": "three"}, {"name": "one"}], "secrets": [{"name": "three"}]});
    let got = patched("ServiceAccount", account(), &order).unwrap();
    assert_eq!(got["secrets"], json!([{"name": "two"}, {"name": "three"}, {"name": "one"}]));

    let against = json!({"$setElementOrder/secrets": [{"name": "three"}, {"name": "two"}], "secrets": [{"name": "two"}, {"name": "three"}]});
    assert_eq!(patched("ServiceAccount", account(), &against), Err(400));
}

#[test]
fn retained_keys_are_all_that_stays() {
    let got = patched(
        "ConfigMap",
        json!({"data": {"a": "1", "b": "2"}}),
        &json!({"data": {"$retainKeys": ["b", "c"], "c": "3"}}),
    )
    .unwrap();
    assert_eq!(got, json!({"data": {"b": "2", "c": "3"}}));
    assert_eq!(
        patched(
            "ServiceAccount",
            account(),
            &json!({"$retainKeys": ["metadata"], "automountServiceAccountToken": false})
        ),
        Err(400)
    );
}

proptest! {
    #[test]
    fn never_panics(mut target in arbitrary::object(), patch in arbitrary::object()) {
        let wrapped = json!({"metadata": patch});
        drop(strategic(&mut target, &wrapped, "ServiceAccount"));
        drop(strategic(&mut target, &patch, "ConfigMap"));
    }
}
