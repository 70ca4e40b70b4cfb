//! Definitions that hold and definitions that do not, with the fields a client is told.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::arbitrary;

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.a.test"},
        "spec": {
            "group": "a.test", "scope": "Namespaced",
            "names": {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

fn plain() -> Value {
    definition(
        &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}, "status": {"type": "object", "properties": {"n": {"type": "integer"}}}}}),
    )
}

fn set(mut crd: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    crd.pointer_mut(parent).unwrap()[name] = value;
    crd
}

/// `reason field` of every cause, sorted, with the usual place of the schema left out.
fn causes(crd: &Value) -> Vec<String> {
    listed(validate_crd(crd))
}

fn listed(causes: Vec<crate::schema::Cause>) -> Vec<String> {
    let mut causes: Vec<String> = causes
        .into_iter()
        .map(|cause| {
            format!("{:?} {}", cause.reason, cause.field.replace("spec.validation.openAPIV3Schema", "~"))
        })
        .collect();
    causes.sort();
    causes
}

#[test]
fn a_plain_definition_holds() {
    assert!(causes(&plain()).is_empty());
}

#[test]
fn names_and_versions() {
    let cases: Vec<(Value, &[&str])> = vec![
        (set(plain(), "/metadata/name", json!("x")), &["Invalid metadata.name"]),
        (set(plain(), "/spec/group", json!("")), &["Invalid metadata.name", "Required spec.group"]),
        (
            set(set(plain(), "/spec/group", json!("nodot")), "/metadata/name", json!("things.nodot")),
            &["Invalid spec.group"],
        ),
        (
            set(set(plain(), "/spec/group", json!("a.k8s.io")), "/metadata/name", json!("things.a.k8s.io")),
            &["Required metadata.annotations[api-approved.kubernetes.io]"],
        ),
        (set(plain(), "/spec/scope", json!("Odd")), &["NotSupported spec.scope"]),
        (set(plain(), "/spec/names/kind", json!("")), &["Required spec.names.kind"]),
        (set(plain(), "/spec/names/listKind", json!("Thing")), &["Invalid spec.names.listKind"]),
        (
            set(plain(), "/spec/names/shortNames", json!(["ok", "Not_Ok"])),
            &["Invalid spec.names.shortNames[1]"],
        ),
        (set(plain(), "/spec/versions", json!([])), &["Invalid spec.versions"]),
        (set(plain(), "/spec/versions/0/storage", json!(false)), &["Invalid spec.versions"]),
        (set(plain(), "/spec/versions/0/name", json!("V1")), &["Invalid spec.versions[0].name"]),
        (
            set(plain(), "/spec/versions/0/schema", json!({})),
            &["Required spec.versions[0].schema.openAPIV3Schema"],
        ),
        (
            set(plain(), "/spec/versions/0/deprecationWarning", json!("x")),
            &["Invalid spec.versions[0].deprecationWarning"],
        ),
        (set(plain(), "/spec/preserveUnknownFields", json!(true)), &["Invalid spec.preserveUnknownFields"]),
        (
            set(plain(), "/spec/conversion", json!({"strategy": "Webhook"})),
            &[
                "Required spec.conversion.conversionReviewVersions",
                "Required spec.conversion.webhookClientConfig",
            ],
        ),
    ];
    for (crd, want) in cases {
        assert_eq!(causes(&crd), want, "{crd}");
    }
}

#[test]
fn what_versions_say_alike_has_one_place() {
    let mut crd = plain();
    let mut second = crd["spec"]["versions"][0].clone();
    second["name"] = json!("v2");
    second["storage"] = json!(false);
    crd["spec"]["versions"].as_array_mut().unwrap().push(second);
    for version in 0..2 {
        crd["spec"]["versions"][version]["subresources"] = json!({"scale": {}});
    }
    assert_eq!(
        causes(&crd),
        [
            "Required spec.subresources.scale.specReplicasPath",
            "Required spec.subresources.scale.statusReplicasPath"
        ]
    );
    crd["spec"]["versions"][1]["subresources"] =
        json!({"scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": "status.n"}});
    assert_eq!(
        causes(&crd),
        [
            "Invalid spec.versions[1].subresources.scale.statusReplicasPath",
            "Required spec.versions[0].subresources.scale.specReplicasPath",
            "Required spec.versions[0].subresources.scale.statusReplicasPath",
        ]
    );
}

#[test]
fn columns_and_selectable_fields() {
    let column = |column: Value| set(plain(), "/spec/versions/0/additionalPrinterColumns", json!([column]));
    let fields = |fields: &[&str]| {
        set(
            plain(),
            "/spec/versions/0/selectableFields",
            fields.iter().map(|path| json!({"jsonPath": path})).collect(),
        )
    };
    let cases: Vec<(Value, &[&str])> = vec![
        (
            column(json!({"name": "A", "type": "text", "jsonPath": ".spec.n"})),
            &["Invalid spec.additionalPrinterColumns[0].type"],
        ),
        (
            column(json!({"name": "", "type": "string", "jsonPath": "spec.n"})),
            &[
                "Invalid spec.additionalPrinterColumns[0].JSONPath",
                "Required spec.additionalPrinterColumns[0].name",
            ],
        ),
        (
            column(json!({"name": "A", "type": "string", "jsonPath": ".spec[?(", "format": "odd"})),
            &["Invalid spec.additionalPrinterColumns[0].format"],
        ),
        (column(json!({"name": "A", "type": "string", "jsonPath": ".spec[?("})), &[]),
        (fields(&[".spec.s", ".spec.n"]), &[]),
        (fields(&[".spec.s", ".spec.s"]), &["Duplicate spec.selectableFields[1].jsonPath"]),
        (fields(&[".spec"]), &["Invalid spec.selectableFields[0].jsonPath"]),
        (fields(&["spec.s"]), &["Invalid spec.selectableFields[0].jsonPath"]),
        (
            fields(&[".metadata.name", ".spec.none"]),
            &["Invalid spec.selectableFields[0].jsonPath", "Invalid spec.selectableFields[1].jsonPath"],
        ),
    ];
    for (crd, want) in cases {
        assert_eq!(causes(&crd), want, "{crd}");
    }
}

fn field(schema: &Value) -> Vec<String> {
    causes(&definition(&json!({"type": "object", "properties": {"f": schema}})))
}

#[test]
fn schemas_are_structural() {
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({}), &["Required ~.properties[f].type"]),
        (json!({"type": "array"}), &["Required ~.properties[f].items"]),
        (json!({"type": "array", "items": {}}), &["Required ~.properties[f].items.type"]),
        (json!({"type": "odd"}), &["NotSupported ~.properties[f].type"]),
        (json!({"type": "string", "pattern": "("}), &["Invalid ~.properties[f].pattern"]),
        (
            json!({"type": "string", "anyOf": [{"type": "string", "default": 1}]}),
            &["Forbidden ~.properties[f].anyOf[0].default", "Forbidden ~.properties[f].anyOf[0].type"],
        ),
        (
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
            &[],
        ),
        (
            json!({"type": "object", "anyOf": [{"properties": {"a": {"minLength": 1}}}]}),
            &["Required ~.properties[f].properties[a]"],
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"properties": {"a": {"enum": ["x"]}}}]}),
            &[],
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}),
            &["Forbidden ~.properties[f].additionalProperties"],
        ),
        (json!({"type": "string", "$ref": "#/x"}), &["Forbidden ~.properties[f].$ref"]),
        (
            json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
            &["Forbidden ~.properties[f].uniqueItems"],
        ),
        (
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": false}),
            &["Invalid ~.properties[f].x-kubernetes-preserve-unknown-fields"],
        ),
        (
            json!({"type": "object", "x-kubernetes-embedded-resource": true}),
            &["Required ~.properties[f].properties"],
        ),
        (json!({"type": "string", "x-kubernetes-list-type": "set"}), &["Invalid ~.properties[f].type"]),
        (
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}),
            &["Invalid ~.properties[f].items.x-kubernetes-map-type"],
        ),
        (
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
            &["Required ~.properties[f].x-kubernetes-list-map-keys"],
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "z"], "items": {"type": "object", "properties": {"k": {"type": "string"}}}}),
            &[
                "Invalid ~.properties[f].x-kubernetes-list-map-keys",
                "Required ~.properties[f].items.properties[k].default",
            ],
        ),
        (json!({"type": "integer", "default": "x"}), &["TypeInvalid ~.properties[f].default"]),
        (
            json!({"type": "object", "default": {"a": {"b": 1}}, "properties": {"a": {"type": "object"}}}),
            &["Invalid ~.properties[f].default"],
        ),
    ];
    for (schema, want) in cases {
        assert_eq!(field(&schema), want, "{schema}");
    }
}

#[test]
fn the_root_is_a_resource() {
    let root = |schema: Value| causes(&definition(&schema));
    assert_eq!(root(json!({"type": "array", "items": {"type": "string"}})), ["Invalid ~.type"]);
    assert_eq!(root(json!({})), ["Required ~.type"]);
    assert_eq!(root(json!({"type": "object", "nullable": true})), ["Forbidden ~.nullable"]);
    assert_eq!(
        root(
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}})
        ),
        ["Forbidden ~.properties[metadata]"]
    );
    assert!(root(json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}}}})).is_empty());
    let apart = set(
        definition(&json!({"type": "object", "anyOf": [{"required": ["a"]}]})),
        "/spec/versions/0/subresources",
        json!({"status": {}}),
    );
    assert_eq!(causes(&apart), ["Invalid ~"]);
}

fn rule(rule: &Value) -> Vec<String> {
    field(&json!({"type": "object", "properties": {"a": {"type": "integer"}, "l": {"type": "array", "items": {"type": "string"}}, "b": {"type": "array", "maxItems": 5, "items": {"type": "string"}}}, "x-kubernetes-validations": [rule]}))
        .into_iter()
        .map(|cause| cause.replace("~.properties[f].x-kubernetes-validations[0]", "$"))
        .collect()
}

#[test]
fn rules_are_checked_before_any_object_is() {
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({"rule": "self.a > 1"}), &[]),
        (json!({"rule": "self.nope > 1"}), &["Invalid $.rule"]),
        (json!({"rule": "self.a"}), &["Invalid $.rule"]),
        (json!({"rule": ""}), &["Required $.rule"]),
        (json!({"rule": "self.a == 'x'"}), &["Invalid $.rule"]),
        (json!({"rule": "1 +"}), &["Invalid $.rule"]),
        (json!({"rule": "other.a > 1"}), &["Invalid $.rule"]),
        (json!({"rule": "self.a > 1", "message": " "}), &["Invalid $.message"]),
        (json!({"rule": "self.a > 1", "message": "two\nlines"}), &["Invalid $.message"]),
        (json!({"rule": "self.a > 1\n&& true"}), &["Required $.message"]),
        (json!({"rule": "self.a > 1", "messageExpression": "5"}), &["Invalid $.messageExpression"]),
        (json!({"rule": "self.a > 1", "messageExpression": "'got ' + string(self.a)"}), &[]),
        (json!({"rule": "self.a > 1", "reason": "Odd"}), &["NotSupported $.reason"]),
        (json!({"rule": "self.a > 1", "fieldPath": ".zz"}), &["Invalid $.fieldPath"]),
        (json!({"rule": "self.a > 1", "fieldPath": ".a"}), &[]),
        (json!({"rule": "oldSelf.a == self.a"}), &[]),
        (json!({"rule": "self.a > 1", "optionalOldSelf": true}), &["Invalid $.optionalOldSelf"]),
        (json!({"rule": "oldSelf.orValue(self).a == self.a", "optionalOldSelf": true}), &[]),
        (
            json!({"rule": "self.l.all(x, self.l.all(y, self.l.all(z, x == y)))"}),
            &["Forbidden ~", "Forbidden $.rule", "Forbidden $.rule"],
        ),
        (json!({"rule": "self.b.all(x, self.b.all(y, self.b.all(z, x == y)))"}), &[]),
        (json!({"rule": "self.l.filter(x, x != '').map(x, size(x)).all(n, n > 0)"}), &[]),
        (json!({"rule": "self.l.map(x, size(x)).all(n, n > 'a')"}), &["Invalid $.rule"]),
        (json!({"rule": "has(self.a) ? self.a > 1 : !has(self.l)"}), &[]),
        (json!({"rule": "has(self.zz)"}), &["Invalid $.rule"]),
        (json!({"rule": "self.l.exists_one(x, x == 'a') && sets.contains(self.l, ['a'])"}), &[]),
    ];
    for (given, want) in cases {
        assert_eq!(rule(&given), want, "{given}");
    }
}

#[test]
fn the_past_is_not_certain_everywhere() {
    let element = json!({"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]});
    assert_eq!(
        field(&json!({"type": "array", "items": element})),
        ["Invalid ~.properties[f].items.x-kubernetes-validations[0].rule"]
    );
    assert!(field(&json!({"type": "object", "additionalProperties": element})).is_empty());
}

#[test]
fn updates_keep_what_cannot_change() {
    let established = |crd: Value| {
        set(
            crd,
            "/status",
            json!({"storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]}),
        )
    };
    let old = established(plain());
    let changed =
        |pointer: &str, value: Value| listed(validate_crd_update(&set(old.clone(), pointer, value), &old));
    assert!(listed(validate_crd_update(&old, &old)).is_empty());
    assert_eq!(changed("/spec/scope", json!("Cluster")), ["Invalid spec.scope"]);
    assert_eq!(changed("/spec/group", json!("else.test")), ["Invalid spec.group"]);
    assert_eq!(changed("/spec/names/kind", json!("Renamed")), ["Invalid spec.names.kind"]);
    assert_eq!(changed("/spec/names/plural", json!("renamed")), ["Invalid spec.names.plural"]);
    assert_eq!(
        changed("/spec/versions", json!([])),
        ["Invalid spec.versions", "Invalid status.storedVersions[0]"]
    );
    assert_eq!(changed("/spec/versions/0/name", json!("v2")), ["Invalid status.storedVersions[0]"]);
}

#[test]
fn defaults_are_those_of_the_real_server() {
    let mut crd = plain();
    crd["spec"]["names"] = json!({"kind": "Thing", "plural": "things", "shortNames": []});
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["o"] =
        json!({"type": "object", "properties": {}, "nullable": false, "description": ""});
    default_crd(&mut crd);
    assert_eq!(
        crd["spec"]["names"],
        json!({"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"})
    );
    assert_eq!(crd["spec"]["conversion"], json!({"strategy": "None"}));
    assert_eq!(
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["o"],
        json!({"type": "object"})
    );
}

#[test]
fn unknown_members_are_named() {
    let mut crd = set(plain(), "/spec/versions/0/subresources", json!({"status": {"x": 1}}));
    crd["spec"]["odd"] = json!(1);
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["colour"] = json!(1);
    let mut dropped = prune_crd(&mut crd);
    dropped.sort();
    assert_eq!(
        dropped,
        [
            "spec.odd",
            "spec.versions[0].schema.openAPIV3Schema.properties.spec.colour",
            "spec.versions[0].subresources.status.x"
        ]
    );
    assert_eq!(crd["spec"]["versions"][0]["subresources"], json!({"status": {}}));
}

proptest! {
    #[test]
    fn nothing_panics(spec in arbitrary::object(), schema in arbitrary::object()) {
        for mut crd in [json!({"spec": spec}), definition(&schema), definition(&json!({"type": "object", "properties": schema}))] {
            prune_crd(&mut crd);
            default_crd(&mut crd);
            drop(validate_crd(&crd));
        }
    }

    #[test]
    fn defaulting_twice_is_defaulting_once(schema in arbitrary::object()) {
        let mut crd = definition(&schema);
        default_crd(&mut crd);
        let once = crd.clone();
        default_crd(&mut crd);
        prop_assert_eq!(crd, once);
    }
}
