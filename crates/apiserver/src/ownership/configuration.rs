//! Which fields an applied configuration says something about, and what in it cannot be read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::element::Element;
use super::set::Set;
use super::shape::{Keys, Shape};

/// The fields of a configuration. An error says where it does not fit its kind.
pub(crate) fn fields(configuration: &Value, shape: Shape<'_>) -> Result<Set, Vec<String>> {
    let mut walk = Walk { path: Vec::new(), set: Set::default(), faults: Vec::new(), checks: true };
    walk.visit(configuration, shape);
    if walk.faults.is_empty() { Ok(walk.set) } else { Err(walk.faults) }
}

/// The fields of an object that stands, whatever is wrong with it.
pub(crate) fn fields_of_object(object: &Value, shape: Shape<'_>) -> Set {
    let mut walk = Walk { path: Vec::new(), set: Set::default(), faults: Vec::new(), checks: false };
    walk.visit(object, shape);
    walk.set
}

struct Walk {
    path: Vec<Element>,
    set: Set,
    faults: Vec<String>,
    checks: bool,
}

impl Walk {
    fn fault(&mut self, why: &str) {
        if self.checks {
            let at: String = self.path.iter().map(Element::shown).collect();
            self.faults.push(format!("{at}: {why}"));
        }
    }

    fn visit(&mut self, value: &Value, shape: Shape<'_>) {
        if !shape.fits(value) {
            self.fault("the value has another type in the schema");
            return;
        }
        match value {
            Value::Object(map) => self.map(map, shape),
            Value::Array(list) => self.list(list, shape),
            Value::Null if shape.is_atomic_map() => self.set.insert(&self.path),
            Value::Null => {}
            _ => self.set.insert(&self.path),
        }
    }

    fn map(&mut self, map: &serde_json::Map<String, Value>, shape: Shape<'_>) {
        if shape.is_atomic_map() {
            self.set.insert(&self.path);
            if !self.checks {
                return;
            }
        }
        for (name, value) in map {
            let field = shape.field(name);
            self.path.push(Element::Field(name.clone()));
            match &field {
                None => self.fault("field not declared in schema"),
                Some(field) if shape.is_atomic_map() => self.only_check(value, field.shape),
                Some(field) => self.visit(value, field.shape),
            }
            let bare = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            if !shape.is_atomic_map() && (bare || field.is_none_or(|field| !field.declared)) {
                self.set.insert(&self.path);
            }
            self.path.pop();
        }
    }

    /// What is owned as a whole must still be of the right type.
    fn only_check(&mut self, value: &Value, shape: Shape<'_>) {
        let outside = std::mem::take(&mut self.set);
        self.visit(value, shape);
        self.set = outside;
    }

    fn list(&mut self, list: &[Value], shape: Shape<'_>) {
        let (keys, items) = (shape.keys(), shape.items());
        if keys == Keys::Position {
            self.set.insert(&self.path);
            if self.checks {
                for (index, item) in (0_i64..).zip(list) {
                    self.path.push(Element::Index(index));
                    self.only_check(item, items);
                    self.path.pop();
                }
            }
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, item) in (0_i64..).zip(list) {
            match Element::of(item, &keys, items) {
                Err(why) => {
                    self.path.push(Element::Index(index));
                    self.fault(&why);
                    self.path.pop();
                }
                Ok(element) => {
                    self.path.push(element.clone());
                    if !seen.insert(element) {
                        self.fault("the element stands twice");
                    }
                    self.visit(item, items);
                    self.set.insert(&self.path);
                    self.path.pop();
                }
            }
        }
    }
}
