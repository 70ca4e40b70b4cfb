//! What ownership must know of a value's type: which members are declared, which lists have identities, what is atomic.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::kinds::Builtin;
use crate::resource::Resource;
use crate::schema::{Additional, List, MapKind, Node, Structural, Type};

/// The type of a value. Without a node: of whatever kind it is, with maps that merge and lists that do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'a> {
    node: Option<&'a Node>,
    root: bool,
}

/// How the elements of a list are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys<'a> {
    /// Not at all: the list is one value.
    Position,
    /// Each by its own value.
    Itself,
    /// By these members.
    Named(&'a [String]),
}

/// A member of an object.
pub(crate) struct Field<'a> {
    pub(crate) shape: Shape<'a>,
    /// Whether the schema names it; else it is an entry of a map.
    pub(crate) declared: bool,
}

static METADATA: LazyLock<Option<Structural>> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    let map = json!({"type": "object", "additionalProperties": text});
    let reference = json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
        "apiVersion": text, "kind": text, "name": text, "uid": text,
        "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
    }});
    let schema = json!({"type": "object", "properties": {
        "name": text, "generateName": text, "namespace": text, "selfLink": text, "uid": text,
        "resourceVersion": text, "creationTimestamp": text, "deletionTimestamp": text,
        "generation": {"type": "integer"}, "deletionGracePeriodSeconds": {"type": "integer"},
        "labels": map, "annotations": map,
        "finalizers": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "managedFields": {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        "ownerReferences": {"type": "array", "items": reference,
            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"]},
    }});
    Structural::compile(&schema, false).ok()
});

/// Definitions have rules of their own instead of a schema; this much of one counts here.
static DEFINITION: LazyLock<Option<Structural>> = LazyLock::new(|| {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let conditions = json!({"type": "array", "items": any,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]});
    let status = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"conditions": conditions, "acceptedNames": any}});
    let schema = json!({"type": "object", "properties": {"spec": any, "status": status}});
    Structural::compile(&schema, false).ok()
});

impl<'a> Shape<'a> {
    /// Of a value that no schema describes.
    pub(crate) const UNTYPED: Self = Self { node: None, root: false };

    /// Of the objects of a resource.
    pub(crate) fn of(resource: &'a Resource) -> Self {
        if resource.is(Builtin::Definition) {
            return Self::of_definitions();
        }
        let custom = resource.custom().and_then(|c| c.structural.as_deref());
        Self { node: custom.or(resource.types.as_ref()).map(Structural::root), root: true }
    }

    /// Of definitions of custom resources.
    pub(crate) fn of_definitions() -> Self {
        Self { node: DEFINITION.as_ref().map(Structural::root), root: true }
    }

    #[cfg(test)]
    pub(crate) fn root_of(schema: &'a Structural) -> Self {
        Self { node: Some(schema.root()), root: true }
    }

    const fn plain(node: &'a Node) -> Self {
        Self { node: Some(node), root: false }
    }

    /// A member of an object; `None`: the schema has no such member.
    pub(crate) fn field(self, name: &str) -> Option<Field<'a>> {
        if self.root {
            match name {
                "metadata" => {
                    let node = METADATA.as_ref().map(Structural::root);
                    return Some(Field { shape: Self { node, root: false }, declared: true });
                }
                "apiVersion" | "kind" => return Some(Field { shape: Self::UNTYPED, declared: true }),
                _ => {}
            }
        }
        let untyped = Some(Field { shape: Self::UNTYPED, declared: false });
        let Some(node) = self.node else { return untyped };
        if let Some(inside) = node.properties.get(name) {
            return Some(Field { shape: Self::plain(inside), declared: true });
        }
        match &node.additional {
            Additional::Schema(inside) => Some(Field { shape: Self::plain(inside), declared: false }),
            Additional::Any => untyped,
            Additional::Unknown if node.preserve_unknown || node.types.is_empty() => untyped,
            Additional::Unknown => None,
        }
    }

    /// Of the elements of a list.
    pub(crate) fn items(self) -> Self {
        self.node.and_then(|node| node.items.as_deref()).map_or(Self::UNTYPED, Self::plain)
    }

    pub(crate) fn keys(self) -> Keys<'a> {
        match self.node.map(|node| &node.list) {
            None | Some(List::Atomic) => Keys::Position,
            Some(List::Set) => Keys::Itself,
            Some(List::Map(names)) => Keys::Named(names),
        }
    }

    pub(crate) fn is_atomic_map(self) -> bool {
        self.node.is_some_and(|node| node.map == MapKind::Atomic)
    }

    /// The default of a member.
    pub(crate) fn default_of(self, name: &str) -> Option<&'a Value> {
        self.node?.properties.get(name)?.default.as_ref()
    }

    /// Whether a value is of this type, whatever is inside.
    pub(crate) fn fits(self, value: &Value) -> bool {
        let Some(node) = self.node.filter(|node| !node.types.is_empty()) else { return true };
        value.is_null()
            || node.types.iter().any(|wanted| match wanted {
                Type::Object => value.is_object(),
                Type::Array => value.is_array(),
                Type::String => value.is_string(),
                Type::Integer => value.as_f64().is_some_and(|n| n.fract() == 0.0),
                Type::Number => value.is_number(),
                Type::Boolean => value.is_boolean(),
            })
    }
}
