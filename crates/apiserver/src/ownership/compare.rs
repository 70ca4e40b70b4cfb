//! What a write changed, as sets of paths.

use std::collections::BTreeMap;

use serde_json::Value;

use super::element::Element;
use super::set::Set;
use super::shape::{Keys, Shape};

/// What became of the fields.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: Set,
    pub(crate) removed: Set,
    pub(crate) modified: Set,
}

/// Compares two objects of one type. `None`: they cannot be told apart field by field (a list without its keys).
pub(crate) fn compare(old: &Value, new: &Value, shape: Shape<'_>) -> Option<Comparison> {
    Walk::through(|walk| walk.visit(Some(old), Some(new), shape))
}

/// The same of one member of the objects.
pub(crate) fn compare_member(name: &str, old: &Value, new: &Value, shape: Shape<'_>) -> Option<Comparison> {
    let field = shape.field(name).map_or(Shape::UNTYPED, |field| field.shape);
    let element = Element::Field(name.to_owned());
    Walk::through(|walk| walk.inside(element, old.get(name), new.get(name), field))
}

struct Walk {
    path: Vec<Element>,
    found: Comparison,
    whole: bool,
}

impl Walk {
    fn through(visit: impl FnOnce(&mut Self)) -> Option<Comparison> {
        let mut walk = Self { path: Vec::new(), found: Comparison::default(), whole: true };
        visit(&mut walk);
        walk.whole.then_some(walk.found)
    }

    fn visit(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape<'_>) {
        if old == new {
            return;
        }
        match (filled(old), filled(new)) {
            (Some(Value::Object(_)) | None, Some(Value::Object(_))) | (Some(Value::Object(_)), None) => {
                self.maps(old, new, shape);
            }
            (Some(Value::Array(_)) | None, Some(Value::Array(_))) | (Some(Value::Array(_)), None) => {
                self.lists(old, new, shape);
            }
            _ => self.leaf(old, new),
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.found.added.insert(&self.path),
            (Some(_), None) => self.found.removed.insert(&self.path),
            _ => self.found.modified.insert(&self.path),
        }
    }

    /// A container came or went: that is a change of its own.
    fn container(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            _ => {}
        }
    }

    fn inside(&mut self, element: Element, old: Option<&Value>, new: Option<&Value>, shape: Shape<'_>) {
        self.path.push(element);
        self.visit(old, new, shape);
        self.path.pop();
    }

    fn maps(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape<'_>) {
        let (a, b) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        if shape.is_atomic_map() {
            return self.leaf(old, new);
        }
        for (name, value) in a.into_iter().flatten() {
            let after = b.and_then(|b| b.get(name));
            let field = shape.field(name).map_or(Shape::UNTYPED, |field| field.shape);
            self.inside(Element::Field(name.clone()), Some(value), after, field);
        }
        for (name, value) in
            b.into_iter().flatten().filter(|(name, _)| a.is_none_or(|a| !a.contains_key(*name)))
        {
            let field = shape.field(name).map_or(Shape::UNTYPED, |field| field.shape);
            self.inside(Element::Field(name.clone()), None, Some(value), field);
        }
        self.container(old, new);
    }

    fn lists(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape<'_>) {
        let (keys, items) = (shape.keys(), shape.items());
        if keys == Keys::Position {
            return self.leaf(old, new);
        }
        let (Some(a), Some(b)) = (index(old, keys, items), index(new, keys, items)) else {
            self.whole = false;
            return;
        };
        for (element, before) in &a {
            let after = b.get(element).map(Vec::as_slice).unwrap_or_default();
            self.element(element, before, after, items);
        }
        for (element, after) in b.iter().filter(|(element, _)| !a.contains_key(element)) {
            self.element(element, &[], after, items);
        }
        self.container(old, new);
    }

    /// Elements of one identity; more than one can stand in an object that was written before that was checked.
    fn element(&mut self, element: &Element, before: &[&Value], after: &[&Value], items: Shape<'_>) {
        if before.len() <= 1 && after.len() <= 1 {
            self.inside(element.clone(), before.first().copied(), after.first().copied(), items);
        } else if before != after {
            self.path.push(element.clone());
            self.leaf(before.first().copied(), after.first().copied());
            self.path.pop();
        }
    }
}

/// A container that has something in it, or a plain value.
fn filled(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Null => false,
        _ => true,
    })
}

type Index<'a> = BTreeMap<Element, Vec<&'a Value>>;

fn index<'a>(list: Option<&'a Value>, keys: Keys<'_>, items: Shape<'_>) -> Option<Index<'a>> {
    let mut index = Index::new();
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        index.entry(Element::of(item, &keys, items).ok()?).or_default().push(item);
    }
    Some(index)
}
