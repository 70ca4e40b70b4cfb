//! A set of paths: the fields that a manager owns, or that a write touched.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::element::Element;
use super::shape::Shape;

/// Levels of a set that are read; what is nested deeper is dropped.
const MAX_DEPTH: usize = 128;

/// Paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(BTreeMap<Element, Entry>);

/// What a set holds at and below one element. One of the two is never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    member: bool,
    below: Set,
}

impl Entry {
    fn is_empty(&self) -> bool {
        !self.member && self.below.0.is_empty()
    }
}

impl Set {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the element itself is in the set.
    pub(crate) fn has(&self, element: &Element) -> bool {
        self.0.get(element).is_some_and(|entry| entry.member)
    }

    /// What the set holds below an element.
    pub(crate) fn below(&self, element: &Element) -> Option<&Self> {
        self.0.get(element).map(|entry| &entry.below).filter(|below| !below.is_empty())
    }

    pub(crate) fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else { return };
        let entry = self.0.entry(first.clone()).or_default();
        if rest.is_empty() {
            entry.member = true;
        } else {
            entry.below.insert(rest);
        }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.add(other);
        result
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.combine(|element, entry| {
            let theirs = other.0.get(element)?;
            Some(Entry {
                member: entry.member && theirs.member,
                below: entry.below.intersection(&theirs.below),
            })
        })
    }

    /// Without the members of the other set.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.subtract(other);
        result
    }

    fn combine(&self, judge: impl Fn(&Element, &Entry) -> Option<Entry>) -> Self {
        let entries = self.0.iter().filter_map(|(element, entry)| {
            let entry = judge(element, entry).filter(|entry| !entry.is_empty())?;
            Some((element.clone(), entry))
        });
        Self(entries.collect())
    }

    /// Without some members of the root.
    pub(crate) fn without_fields(mut self, names: &[&str]) -> Self {
        for name in names {
            self.0.remove(&Element::Field((*name).to_owned()));
        }
        self
    }

    /// With only this member of the root.
    pub(crate) fn only_field(mut self, name: &str) -> Self {
        self.0.retain(|element, _| matches!(element, Element::Field(n) if n == name));
        self
    }

    /// The same, with every declared field of an object a member of its own where the set holds something below it.
    pub(crate) fn with_named_fields(&self, shape: Shape<'_>) -> Self {
        let entries = self.0.iter().map(|(element, entry)| {
            let (inside, declared) = match element {
                Element::Field(name) => match shape.field(name) {
                    Some(field) => (field.shape, field.declared),
                    None => (Shape::UNTYPED, false),
                },
                _ => (shape.items(), false),
            };
            let member = entry.member || declared && !entry.below.is_empty();
            (element.clone(), Entry { member, below: entry.below.with_named_fields(inside) })
        });
        Self(entries.collect())
    }

    /// Brings it into the terms of a schema that may have changed since: what became atomic is owned as a whole.
    pub(crate) fn bring_into_terms_of(&mut self, shape: Shape<'_>) {
        for (element, entry) in &mut self.0 {
            let inside = match element {
                Element::Field(name) => shape.field(name).map_or(Shape::UNTYPED, |field| field.shape),
                _ => shape.items(),
            };
            if !entry.below.is_empty() && inside.is_whole(&entry.below.0) {
                *entry = Entry { member: true, below: Self::default() };
            } else {
                entry.below.bring_into_terms_of(inside);
            }
        }
    }

    /// Adds the other set's members.
    pub(crate) fn add(&mut self, other: &Self) {
        for (element, theirs) in &other.0 {
            match self.0.get_mut(element) {
                Some(ours) => {
                    ours.member |= theirs.member;
                    ours.below.add(&theirs.below);
                }
                None => drop(self.0.insert(element.clone(), theirs.clone())),
            }
        }
    }

    /// Removes the other set's members; what is below a member stays unless it is a member there, too.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (element, theirs) in &other.0 {
            let Some(ours) = self.0.get_mut(element) else { continue };
            ours.member &= !theirs.member;
            ours.below.subtract(&theirs.below);
            if ours.is_empty() {
                self.0.remove(element);
            }
        }
    }

    /// Every member's path, as messages write it.
    pub(crate) fn shown(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.show(&mut String::new(), &mut paths);
        paths
    }

    fn show(&self, at: &mut String, paths: &mut Vec<String>) {
        for (element, entry) in &self.0 {
            let length = at.len();
            at.push_str(&element.shown());
            if entry.member {
                paths.push(at.clone());
            }
            entry.below.show(at, paths);
            at.truncate(length);
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_fields(&self) -> Value {
        let members = self.0.iter().map(|(element, entry)| {
            let mut below = entry.below.to_fields();
            if entry.member
                && let Some(map) = below.as_object_mut().filter(|map| !map.is_empty())
            {
                map.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (element.written(), below)
        });
        Value::Object(members.collect())
    }

    /// Reads `fieldsV1`; forms that are not known are dropped. `None`: it is no such thing.
    pub(crate) fn from_fields(fields: &Value) -> Option<Self> {
        Self::read(fields.as_object()?, 0)
    }

    fn read(fields: &Map<String, Value>, depth: usize) -> Option<Self> {
        let mut set = Self::default();
        for (name, value) in fields {
            let inside = value.as_object()?;
            if name == "." || depth > MAX_DEPTH {
                continue;
            }
            let Some(element) = Element::parse(name) else { continue };
            let member = inside.is_empty() || inside.contains_key(".");
            let entry = Entry { member, below: Self::read(inside, depth + 1)? };
            if !entry.is_empty() {
                set.0.insert(element, entry);
            }
        }
        Some(set)
    }
}

impl Shape<'_> {
    /// Whether what is owned below must be owned as a whole: an atomic map, or a list without identities.
    fn is_whole(self, below: &BTreeMap<Element, Entry>) -> bool {
        match below.keys().next() {
            Some(Element::Field(_)) => self.is_atomic_map(),
            Some(_) => self.keys() == super::shape::Keys::Position,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_written_as_they_were_read() {
        let fields = json!({
            "f:spec": {".": {}, "f:size": {}, "f:slots": {"k:{\"name\":\"a\"}": {".": {}, "f:qty": {}}}},
            "f:tags": {"v:\"x\"": {}, "i:3": {}},
        });
        assert_eq!(Set::from_fields(&fields).unwrap().to_fields(), fields);
        assert_eq!(
            Set::from_fields(&fields).unwrap().shown(),
            [
                ".spec",
                ".spec.size",
                ".spec.slots[name=\"a\"]",
                ".spec.slots[name=\"a\"].qty",
                ".tags[=\"x\"]",
                ".tags[3]"
            ]
        );
    }

    #[test]
    fn unknown_forms_are_dropped_and_other_shapes_refused() {
        assert!(Set::from_fields(&json!({"x:bad": {}})).unwrap().is_empty());
        assert!(Set::from_fields(&json!({"k:not json": {}})).unwrap().is_empty());
        assert_eq!(Set::from_fields(&json!({"f:a": 1})), None);
        assert_eq!(Set::from_fields(&json!([])), None);
    }

    #[test]
    fn a_difference_keeps_what_is_below() {
        let whole = Set::from_fields(&json!({"f:a": {".": {}, "f:b": {}}})).unwrap();
        let top = Set::from_fields(&json!({"f:a": {}})).unwrap();
        assert_eq!(whole.difference(&top).to_fields(), json!({"f:a": {"f:b": {}}}));
        assert!(whole.difference(&whole).is_empty());
        assert_eq!(whole.intersection(&top), top);
        assert_eq!(whole.union(&top), whole);
    }
}
