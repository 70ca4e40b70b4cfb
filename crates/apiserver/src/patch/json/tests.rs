//! What JSON patches do, the particulars of a Kubernetes API server first.

use proptest::prelude::*;
use serde_json::json as value;

use super::*;
use crate::schema::arbitrary;

fn patched(target: &Value, patch: &Value) -> Result<Value, u16> {
    let mut target = target.clone();
    json(&mut target, patch).map(|()| target).map_err(|error| error.status())
}

fn crate_() -> Value {
    value!({"spec": {"size": 1, "label": "a", "tags": ["x", "y"], "notes": {"a/b": "s", "m~n": "t"}}})
}

#[test]
fn what_operations_give() {
    let cases = [
        (
            value!([{"op": "add", "path": "/spec/tags/-", "value": "z"}]),
            "/spec/tags",
            value!(["x", "y", "z"]),
        ),
        (
            value!([{"op": "add", "path": "/spec/tags/0", "value": "z"}]),
            "/spec/tags",
            value!(["z", "x", "y"]),
        ),
        (
            value!([{"op": "add", "path": "/spec/tags/-1", "value": "z"}]),
            "/spec/tags",
            value!(["x", "y", "z"]),
        ),
        (
            value!([{"op": "add", "path": "/spec/tags/-3", "value": "z"}]),
            "/spec/tags",
            value!(["z", "x", "y"]),
        ),
        (value!([{"op": "add", "path": "/spec/size"}]), "/spec/size", Value::Null),
        (value!([{"op": "remove", "path": "/spec/tags/-1"}]), "/spec/tags", value!(["x"])),
        (
            value!([{"op": "replace", "path": "/spec/tags/-1", "value": "q"}]),
            "/spec/tags",
            value!(["x", "q"]),
        ),
        (value!([{"op": "replace", "path": "/spec/new", "value": 1}]), "/spec/new", value!(1)),
        (
            value!([{"op": "move", "from": "/spec/tags/0", "path": "/spec/tags/1"}]),
            "/spec/tags",
            value!(["y", "x"]),
        ),
        (value!([{"op": "copy", "from": "/spec/none", "path": "/spec/label"}]), "/spec/label", Value::Null),
        (value!([{"op": "add", "path": "spec/size", "value": 4}]), "/size", value!(4)),
        (value!([{"op": "remove", "path": "/spec/notes/a~1b"}]), "/spec/notes", value!({"m~n": "t"})),
        (value!([{"op": "replace", "path": "/spec/notes/m~0n", "value": 1}]), "/spec/notes/m~0n", value!(1)),
        (value!([{"op": "add", "path": "/spec/notes/~2", "value": "6"}]), "/spec/notes/~02", value!("6")),
        (value!([{"op": "test", "path": "/spec/absent", "value": null}]), "/spec/size", value!(1)),
        (value!([{"op": "replace", "path": "", "value": {"only": true}}]), "", value!({"only": true})),
        (
            value!([{"op": "test", "path": "/spec/tags/-1", "value": "y", "extra": 1}]),
            "/spec/size",
            value!(1),
        ),
    ];
    for (patch, at, want) in cases {
        let got = patched(&crate_(), &patch).unwrap();
        assert_eq!(got.pointer(at), Some(&want), "{patch}");
    }
}

#[test]
fn what_does_not_apply_is_unprocessable() {
    let patches = [
        value!([{"op": "add", "path": "/spec/tags/99", "value": 1}]),
        value!([{"op": "add", "path": "/spec/absent/x", "value": 1}]),
        value!([{"op": "add", "path": "/spec/tags/x", "value": 1}]),
        value!([{"op": "remove", "path": "/spec/absent"}]),
        value!([{"op": "remove", "path": "/spec/tags/-"}]),
        value!([{"op": "remove", "path": "/spec/tags/-3"}]),
        value!([{"op": "remove", "path": ""}]),
        value!([{"op": "move", "from": "/spec/absent", "path": "/spec/label"}]),
        value!([{"op": "move", "path": "/spec/x"}]),
        value!([{"op": "move", "from": "/spec/notes", "path": "/spec/notes/inner"}]),
        value!([{"op": "test", "path": "/spec/size", "value": 1.0}]),
        value!([{"op": "test", "path": "/spec/absent", "value": 1}]),
        value!([{"op": "test", "path": "/spec/label"}]),
        value!([{"op": "test", "path": "/spec/tags", "value": ["y", "x"]}]),
        value!([{"op": "bogus", "path": "/spec/size", "value": 1}]),
        value!([{"op": "ADD", "path": "/spec/size", "value": 1}]),
        value!([{"path": "/spec/size", "value": 1}]),
        value!([{"op": "add", "value": 1}]),
        value!([{"op": "replace", "path": "", "value": 5}]),
    ];
    for patch in patches {
        assert_eq!(patched(&crate_(), &patch), Err(422), "{patch}");
    }
}

#[test]
fn what_is_no_patch_is_malformed() {
    for patch in [value!({"op": "add"}), value!([5]), value!(["x"]), value!("x"), value!([{"op": 5}])] {
        assert_eq!(patched(&crate_(), &patch), Err(400), "{patch}");
    }
}

#[test]
fn null_does_nothing() {
    assert_eq!(patched(&crate_(), &Value::Null), Ok(crate_()));
}

#[test]
fn operations_and_copies_are_bounded() {
    let test = value!({"op": "test", "path": "/spec/size", "value": 1});
    assert!(patched(&crate_(), &Value::Array(vec![test.clone(); 10_000])).is_ok());
    assert_eq!(patched(&crate_(), &Value::Array(vec![test; 10_001])), Err(413));

    let doubling: Vec<Value> =
        (0..40).map(|_| value!({"op": "copy", "from": "/spec/tags", "path": "/spec/tags/-"})).collect();
    assert_eq!(patched(&crate_(), &Value::Array(doubling)), Err(413));
}

#[test]
fn a_patch_cannot_dig_deeper_than_allowed() {
    let deeper: Vec<Value> = (0..MAX_DEPTH)
        .flat_map(|_| {
            [
                value!({"op": "copy", "from": "/spec", "path": "/inner"}),
                value!({"op": "move", "from": "/inner", "path": "/spec/label"}),
            ]
        })
        .collect();
    let refused = patched(&crate_(), &Value::Array(deeper)).unwrap_err();
    assert!([413, 422].contains(&refused));
}

#[test]
fn unknown_members_are_named() {
    let patch = value!([{"op": "test", "path": "", "extra": 1}, 5, {"oops": 1}]);
    assert_eq!(unknown_members(&patch), ["[0].extra", "[2].oops"]);
}

fn operations() -> impl Strategy<Value = Value> {
    let path = prop_oneof![Just(String::new()), "(/(a|b|c|0|1|-1|-|x~1)){0,4}"];
    let op =
        prop_oneof![Just("add"), Just("remove"), Just("replace"), Just("move"), Just("copy"), Just("test")];
    let operation = (op, path.clone(), path, arbitrary::value())
        .prop_map(|(op, path, from, val)| value!({"op": op, "path": path, "from": from, "value": val}));
    prop::collection::vec(operation, 0..6).prop_map(Value::from)
}

proptest! {
    #[test]
    fn never_panics(mut target in arbitrary::object(), patch in operations()) {
        drop(json(&mut target, &patch));
        prop_assert!(within(&target, MAX_DEPTH));
    }

    #[test]
    fn adding_then_removing_is_nothing(target in arbitrary::object(), val in arbitrary::value()) {
        let patch = value!([{"op": "add", "path": "/zz", "value": val}, {"op": "remove", "path": "/zz"}]);
        prop_assert_eq!(patched(&target, &patch), Ok(target));
    }
}
