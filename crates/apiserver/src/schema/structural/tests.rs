//! What schemas do to objects, with the paths and reasons a client sees.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::arbitrary;

fn compiled(spec: &Value) -> Structural {
    Structural::compile(&json!({"type": "object", "properties": {"spec": spec}}), false).unwrap()
}

fn object(properties: &Value) -> Structural {
    compiled(&json!({"type": "object", "properties": properties}))
}

/// `reason field` of every cause, sorted.
fn causes(schema: &Structural, spec: Value) -> Vec<String> {
    update(schema, spec, None)
}

fn update(schema: &Structural, spec: Value, old: Option<Value>) -> Vec<String> {
    let wrap =
        |spec: Value| json!({"apiVersion": "t/v1", "kind": "T", "metadata": {"name": "t"}, "spec": spec});
    let old = old.map(wrap);
    let mut causes: Vec<String> = schema
        .validate(&wrap(spec), old.as_ref())
        .into_iter()
        .map(|cause| {
            format!(
                "{} {}",
                serde_json::to_value(cause.reason)
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .trim_start_matches("FieldValue"),
                cause.field
            )
        })
        .collect();
    causes.sort();
    causes
}

#[test]
fn types() {
    let schema = object(&json!({
        "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"},
        "ios": {"x-kubernetes-int-or-string": true}, "i32": {"type": "integer", "format": "int32"},
        "i64": {"type": "integer", "format": "int64"}, "nul": {"type": "string", "nullable": true},
    }));
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({"s": 1}), &["TypeInvalid spec.s"]),
        (json!({"s": null}), &["TypeInvalid spec.s"]),
        (json!({"nul": null}), &[]),
        (json!({"i": 1.0}), &[]),
        (json!({"i": 1.5}), &["Invalid <nil>", "TypeInvalid spec.i"]),
        (json!({"i": "1"}), &["TypeInvalid spec.i"]),
        (json!({"n": 1}), &[]),
        (json!({"n": "1"}), &["TypeInvalid spec.n"]),
        (json!({"b": 0}), &["TypeInvalid spec.b"]),
        (json!({"ios": 5}), &[]),
        (json!({"ios": "5%"}), &[]),
        (json!({"ios": 5.5}), &["TypeInvalid spec.ios"]),
        (json!({"i32": 2_147_483_648_i64}), &["Invalid <nil>"]),
        (json!({"i64": 9_223_372_036_854_775_808_u64}), &["Invalid <nil>", "TypeInvalid spec.i64"]),
        (json!("text"), &["TypeInvalid spec"]),
    ];
    for (spec, want) in cases {
        assert_eq!(causes(&schema, spec.clone()), want, "{spec}");
    }
}

#[test]
fn bounds_and_alternatives() {
    let schema = object(&json!({
        "a": {"type": "integer", "minimum": 1, "maximum": 5},
        "x": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
        "m": {"type": "number", "multipleOf": 0.5},
        "l": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "maxLength": 2}},
        "o": {"type": "object", "minProperties": 1, "maxProperties": 2, "x-kubernetes-preserve-unknown-fields": true},
        "r": {"type": "object", "required": ["must", "also"], "properties": {"must": {"type": "string"}, "also": {"type": "string"}}},
        "one": {"type": "object", "oneOf": [{"required": ["p"]}, {"required": ["q"]}], "properties": {"p": {"type": "string"}, "q": {"type": "string"}}},
        "not": {"type": "string", "not": {"enum": ["bad"]}},
        "any": {"type": "string", "anyOf": [{"minLength": 5}, {"pattern": "^z"}]},
        "all": {"type": "integer", "allOf": [{"minimum": 3}, {"multipleOf": 2}]},
        "e": {"type": "string", "enum": ["a", ""]}, "ei": {"type": "integer", "enum": [1, 2]},
        "len": {"type": "string", "minLength": 2, "maxLength": 4}, "p": {"type": "string", "pattern": "^x.*y$"},
    }));
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({"a": 0}), &["Invalid spec.a"]),
        (json!({"a": 6}), &["Invalid spec.a"]),
        (json!({"x": 0}), &["Invalid spec.x"]),
        (json!({"m": 0.75}), &["Invalid spec.m"]),
        (json!({"m": 1.5, "a": 5, "x": 0.01}), &[]),
        (json!({"l": []}), &["Invalid spec.l"]),
        (json!({"l": ["a", "b", "c"]}), &["TooMany spec.l"]),
        (json!({"l": ["aaa", "b"]}), &["TooLong spec.l[0]"]),
        (json!({"o": {}}), &["Invalid spec.o"]),
        (json!({"o": {"a": 1, "b": 2, "c": 3}}), &["TooMany spec.o"]),
        (json!({"r": {}}), &["Required spec.r.also", "Required spec.r.must"]),
        (json!({"one": {}}), &["Invalid <nil>", "Required spec.one.p"]),
        (json!({"one": {"p": "1", "q": "2"}}), &["Invalid <nil>"]),
        (json!({"one": {"q": "2"}}), &[]),
        (json!({"not": "bad"}), &["Invalid <nil>"]),
        (json!({"any": "abc"}), &["Invalid <nil>", "Invalid spec.any"]),
        (json!({"any": "zz"}), &[]),
        (json!({"all": 2}), &["Invalid <nil>", "Invalid spec.all"]),
        (json!({"e": "c"}), &["NotSupported spec.e"]),
        (json!({"e": "", "ei": 1.0}), &[]),
        (json!({"ei": 3}), &["NotSupported spec.ei"]),
        (json!({"len": "éé"}), &[]),
        (json!({"len": "🚢🚢🚢🚢"}), &[]),
        (json!({"len": "abcde", "p": "q"}), &["Invalid spec.p", "TooLong spec.len"]),
    ];
    for (spec, want) in cases {
        assert_eq!(causes(&schema, spec.clone()), want, "{spec}");
    }
}

#[test]
fn messages_name_value_field_and_rule() {
    let schema =
        object(&json!({"a": {"type": "integer", "minimum": 1}, "e": {"enum": ["x"], "type": "string"}}));
    let messages: Vec<String> = schema
        .validate(&json!({"spec": {"a": 0, "e": "y"}}), None)
        .into_iter()
        .map(|cause| cause.message)
        .collect();
    assert_eq!(
        messages,
        [
            "Invalid value: 0: spec.a in body should be greater than or equal to 1",
            "Unsupported value: \"y\": supported values: \"x\""
        ]
    );
}

#[test]
fn elements_of_sets_and_maps_are_unique() {
    let schema = object(&json!({
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "slots": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}},
    }));
    assert_eq!(causes(&schema, json!({"tags": ["a", "b", "a"]})), ["Duplicate spec.tags[2]"]);
    assert_eq!(
        causes(&schema, json!({"slots": [{"name": "a"}, {"name": "a", "n": 1}]})),
        ["Duplicate spec.slots[1]"]
    );
    assert!(causes(&schema, json!({"slots": [{"name": "a"}, {"name": "b"}]})).is_empty());
}

#[test]
fn unknown_members_are_pruned_and_named() {
    let schema = object(&json!({
        "known": {"type": "object", "properties": {"a": {"type": "string"}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"k": {"type": "object", "properties": {"a": {"type": "string"}}}}},
        "res": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": false, "properties": {"spec": {"type": "object"}}},
    }));
    let mut value = json!({
        "apiVersion": "t/v1", "kind": "T", "metadata": {"name": "t", "odd": 1}, "top": 1,
        "spec": {
            "known": {"a": "x", "b": 1}, "list": [{"a": "x"}, {"c": 1}], "map": {"k": {"a": "x", "d": 1}},
            "free": {"any": {"thing": 1}, "k": {"a": "x", "e": 1}},
            "res": {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "odd": 1}, "f": 1},
        },
    });
    let mut dropped = schema.prune(&mut value);
    dropped.sort();
    assert_eq!(
        dropped,
        [
            "metadata.odd",
            "spec.free.k.e",
            "spec.known.b",
            "spec.list[1].c",
            "spec.map.k.d",
            "spec.res.f",
            "spec.res.metadata.odd",
            "top"
        ]
    );
    assert_eq!(value["spec"]["free"], json!({"any": {"thing": 1}, "k": {"a": "x"}}));
    assert_eq!(value["spec"]["list"], json!([{"a": "x"}, {}]));
    assert_eq!(value["metadata"], json!({"name": "t"}));
}

#[test]
fn metadata_is_no_business_of_the_schema() {
    let schema = Structural::compile(&json!({"type": "object", "properties": {"metadata": {"type": "object"}, "kind": {"type": "string"}}}), false).unwrap();
    let mut value = json!({"kind": "T", "metadata": {"name": "t", "labels": {"a": "b"}}});
    assert!(schema.prune(&mut value).is_empty());
    assert_eq!(value["metadata"], json!({"name": "t", "labels": {"a": "b"}}));
}

#[test]
fn nothing_is_pruned_where_the_definition_keeps_unknown_fields() {
    let schema = Structural::compile(&json!({"type": "object"}), true).unwrap();
    let mut value = json!({"spec": {"a": 1}});
    assert!(schema.prune(&mut value).is_empty());
    assert_eq!(value, json!({"spec": {"a": 1}}));
}

#[test]
fn defaults_fill_gaps_and_nulls() {
    let schema = compiled(&json!({"type": "object", "default": {"n": 7}, "properties": {
        "a": {"type": "string", "default": "x"}, "n": {"type": "integer", "default": 5},
        "nul": {"type": "string", "nullable": true, "default": "y"}, "s": {"type": "string"},
        "o": {"type": "object", "properties": {"in": {"type": "boolean", "default": true}}},
        "od": {"type": "object", "default": {}, "properties": {"in": {"type": "boolean", "default": true}}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"q": {"type": "integer", "default": 1}}}},
        "m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"w": {"type": "string", "default": "deep"}}}},
    }}));
    let cases = [
        (json!({}), json!({"a": "x", "n": 7, "nul": "y", "od": {"in": true}})),
        (json!({"spec": {}}), json!({"a": "x", "n": 5, "nul": "y", "od": {"in": true}})),
        (
            json!({"spec": {"a": null, "n": null, "nul": null, "s": null}}),
            json!({"a": "x", "n": 5, "nul": null, "od": {"in": true}}),
        ),
        (
            json!({"spec": {"o": {}, "od": {"in": false}}}),
            json!({"a": "x", "n": 5, "nul": "y", "o": {"in": true}, "od": {"in": false}}),
        ),
        (
            json!({"spec": {"a": "", "n": 0, "l": [{}, {"q": 0}], "m": {"k": {}}}}),
            json!({"a": "", "n": 0, "nul": "y", "l": [{"q": 1}, {"q": 0}], "m": {"k": {"w": "deep"}}, "od": {"in": true}}),
        ),
    ];
    for (mut value, want) in cases {
        schema.apply_defaults(&mut value);
        assert_eq!(value["spec"], want);
    }
}

#[test]
fn an_update_answers_only_for_what_it_changes() {
    let schema = object(&json!({"a": {"type": "integer", "maximum": 5}, "b": {"type": "string"},
        "l": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}, "n": {"type": "integer", "maximum": 1}}}}}));
    assert!(update(&schema, json!({"a": 9, "b": "new"}), Some(json!({"a": 9}))).is_empty());
    assert_eq!(update(&schema, json!({"a": 10}), Some(json!({"a": 9}))), ["Invalid spec.a"]);
    let list = |n: i64| json!({"l": [{"k": "y", "n": 0}, {"k": "x", "n": n}]});
    assert!(update(&schema, list(7), Some(json!({"l": [{"k": "x", "n": 7}]}))).is_empty());
    assert_eq!(update(&schema, list(8), Some(json!({"l": [{"k": "x", "n": 7}]}))), ["Invalid spec.l[1].n"]);
}

#[test]
fn rules_see_the_object() {
    let schema = compiled(&json!({"type": "object", "properties": {
        "a": {"type": "integer"}, "b": {"type": "number"}, "when": {"type": "string", "format": "date-time"}, "foo-bar": {"type": "string"}, "under_score": {"type": "string"},
        "m": {"type": "object", "additionalProperties": {"type": "string", "x-kubernetes-validations": [{"rule": "self != 'bad'", "reason": "FieldValueForbidden"}]}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"v": {"type": "integer"}}, "x-kubernetes-validations": [{"rule": "self.v > 0", "fieldPath": ".v", "messageExpression": "'got ' + string(self.v)"}]}},
    }, "x-kubernetes-validations": [
        {"rule": "!has(self.a) || self.a * 2 > 2", "message": "a is too small"},
        {"rule": "!has(self.b) || self.b > 0.5"},
        {"rule": "!has(self.when) || self.when > timestamp('2000-01-01T00:00:00Z')"},
        {"rule": "!has(self.foo__dash__bar) || self.foo__dash__bar == 'x'", "reason": "FieldValueRequired"},
        {"rule": "!has(self.under_score) || self.under_score == 'x'"},
    ]}));
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({}), &[]),
        (json!({"a": 1}), &["Invalid spec"]),
        (json!({"a": 2, "b": 1}), &[]),
        (json!({"b": 0}), &["Invalid spec"]),
        (json!({"when": "1999-01-01T00:00:00Z"}), &["Invalid spec"]),
        (json!({"when": "2001-01-01T00:00:00Z"}), &[]),
        (json!({"foo-bar": "y"}), &["Required spec"]),
        (json!({"under_score": "y"}), &["Invalid spec"]),
        (json!({"m": {"a/b": "bad", "c": "good"}}), &["Forbidden spec.m[a/b]"]),
        (json!({"l": [{"v": 1}, {"v": 0}]}), &["Invalid spec.l[1].v"]),
        (json!({"l": [{}]}), &["Invalid spec.l[0].v"]),
    ];
    for (spec, want) in cases {
        assert_eq!(causes(&schema, spec.clone()), want, "{spec}");
    }
    let message = |spec: Value| schema.validate(&json!({"spec": spec}), None).remove(0).message;
    assert_eq!(message(json!({"a": 1})), "Invalid value: a is too small");
    assert_eq!(message(json!({"b": 0})), "Invalid value: failed rule: !has(self.b) || self.b > 0.5");
    assert_eq!(message(json!({"l": [{"v": 0}]})), "Invalid value: got 0");
}

#[test]
fn rules_about_changes_see_the_past() {
    let schema = object(&json!({
        "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
        "grow": {"type": "integer", "x-kubernetes-validations": [{"rule": "!oldSelf.hasValue() || self >= oldSelf.value()", "optionalOldSelf": true}]},
        "set": {"type": "array", "items": {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}},
        "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}}},
        "plain": {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 5"}]},
    }));
    let cases: Vec<(Value, Option<Value>, &[&str])> = vec![
        (json!({"fixed": "b"}), None, &[]),
        (json!({"fixed": "b"}), Some(json!({"fixed": "a"})), &["Invalid spec.fixed"]),
        (json!({"fixed": "b"}), Some(json!({})), &[]),
        (json!({"grow": 1}), None, &[]),
        (json!({"grow": 1}), Some(json!({"grow": 2})), &["Invalid spec.grow"]),
        (json!({"set": [2]}), Some(json!({"set": [1]})), &[]),
        (
            json!({"map": [{"k": "n", "v": 9}, {"k": "a", "v": 2}]}),
            Some(json!({"map": [{"k": "a", "v": 1}]})),
            &["Invalid spec.map[1].v"],
        ),
        (json!({"plain": 7}), Some(json!({"plain": 7})), &[]),
        (json!({"plain": 8}), Some(json!({"plain": 7})), &["Invalid spec.plain"]),
    ];
    for (spec, old, want) in cases {
        assert_eq!(update(&schema, spec.clone(), old.clone()), want, "{spec} after {old:?}");
    }
}

#[test]
fn rules_wait_for_a_sound_object() {
    let schema = compiled(
        &json!({"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": [{"rule": "self.a > 1"}]}),
    );
    assert_eq!(causes(&schema, json!({"a": "x"})), ["Invalid <nil>", "TypeInvalid spec.a"]);
}

#[test]
fn what_cannot_be_compiled_is_reported() {
    let bad = json!({"type": "object", "properties": {"spec": {"type": "string", "pattern": "("}, "r": {"type": "object", "x-kubernetes-validations": [{"rule": "1 +"}, {"rule": ""}]}}});
    let fields: Vec<String> =
        Structural::compile(&bad, false).unwrap_err().into_iter().map(|cause| cause.field).collect();
    assert_eq!(
        fields,
        [
            "openAPIV3Schema.properties[r].x-kubernetes-validations[0].rule",
            "openAPIV3Schema.properties[r].x-kubernetes-validations[1].rule",
            "openAPIV3Schema.properties[spec].pattern",
        ]
    );
}

#[test]
fn depth_is_bounded() {
    let schema =
        Structural::compile(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}), false)
            .unwrap();
    let mut value = json!(1);
    for _ in 0..=MAX_DEPTH {
        value = json!([value]);
    }
    assert_eq!(schema.validate(&value, None).len(), 1);
    assert!(schema.prune(&mut value).is_empty());

    let mut deep = json!({"type": "string"});
    for _ in 0..200 {
        deep = json!({"type": "array", "items": deep});
    }
    assert_eq!(Structural::compile(&deep, false).unwrap_err().len(), 1);
}

fn some_schema() -> Structural {
    Structural::compile(
        &json!({"type": "object", "properties": {
            "a": {"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "array", "items": {"type": "object", "nullable": true, "properties": {"b": {"type": "integer", "default": 3}}}}, "b": {"type": "integer"}}},
            "b": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string", "default": "x"}}},
            "c": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "object", "properties": {"c": {"type": "number", "default": 1.5}}}}},
            "d": {"x-kubernetes-int-or-string": true, "x-kubernetes-validations": [{"rule": "self != oldSelf || type(self) == string"}]},
        }, "x-kubernetes-validations": [{"rule": "!has(self.a) || self.a.b < 9"}]}),
        false,
    )
    .unwrap()
}

proptest! {
    #[test]
    fn pruning_twice_is_pruning_once(mut value in arbitrary::object()) {
        let schema = some_schema();
        schema.prune(&mut value);
        let once = value.clone();
        prop_assert!(schema.prune(&mut value).is_empty());
        prop_assert_eq!(value, once);
    }

    #[test]
    fn defaulting_twice_is_defaulting_once(mut value in arbitrary::object()) {
        let schema = some_schema();
        schema.apply_defaults(&mut value);
        let once = value.clone();
        schema.apply_defaults(&mut value);
        prop_assert_eq!(value, once);
    }

    #[test]
    fn nothing_panics(schema in arbitrary::object(), value in arbitrary::object(), old in arbitrary::object()) {
        drop(some_schema().validate(&value, Some(&old)));
        if let Ok(schema) = Structural::compile(&schema, false) {
            drop(schema.validate(&value, Some(&old)));
        }
    }

    #[test]
    fn an_unchanged_object_is_never_refused(value in arbitrary::object()) {
        // A rule about changes may still refuse; this schema's only one is about `d`.
        prop_assume!(value.get("d").is_none());
        prop_assert_eq!(some_schema().validate(&value, Some(&value)), vec![]);
    }
}
