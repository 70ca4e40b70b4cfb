//! Arbitrary JSON for property tests.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON value, a few levels deep, with few names so that values meet.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..9).prop_map(Value::from),
        prop_oneof![Just(json!(1.5)), Just(json!(2.0)), Just(json!(u64::MAX))],
        "[a-c$é-]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Any JSON object.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), value(), 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect::<Map<String, Value>>()))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-d]",
        1 => prop_oneof![
            Just("metadata".to_owned()),
            Just("name".to_owned()),
            Just("$patch".to_owned()),
            Just("finalizers".to_owned()),
            Just("$setElementOrder/finalizers".to_owned()),
            Just("$deleteFromPrimitiveList/finalizers".to_owned()),
            Just("$retainKeys".to_owned()),
            Just("a~1/b".to_owned()),
        ],
    ]
}
