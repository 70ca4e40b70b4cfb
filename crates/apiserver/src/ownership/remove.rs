//! Taking fields out of an object by their paths.

use serde_json::{Map, Value};

use super::element::Element;
use super::set::Set;
use super::shape::{Keys, Shape};

/// The object without what is in the set. A container that loses everything becomes null, as on a real server.
pub(crate) fn remove(object: &Value, set: &Set, shape: Shape<'_>) -> Value {
    if set.is_empty() {
        return object.clone();
    }
    match object {
        Value::Object(map) if !map.is_empty() && !shape.is_atomic_map() => {
            let mut rest = Map::new();
            for (name, value) in map {
                let element = Element::Field(name.clone());
                if set.has(&element) {
                    continue;
                }
                let inside = shape.field(name).map_or(Shape::UNTYPED, |field| field.shape);
                rest.insert(name.clone(), below(value, set, &element, inside));
            }
            if rest.is_empty() { Value::Null } else { Value::Object(rest) }
        }
        Value::Array(list) if !list.is_empty() && shape.keys() != Keys::Position => {
            let (keys, items) = (shape.keys(), shape.items());
            let rest: Vec<Value> = list
                .iter()
                .filter_map(|item| match Element::of(item, &keys, items) {
                    Ok(element) if set.has(&element) => None,
                    Ok(element) => Some(below(item, set, &element, items)),
                    Err(_) => Some(item.clone()),
                })
                .collect();
            if rest.is_empty() { Value::Null } else { Value::Array(rest) }
        }
        other => other.clone(),
    }
}

fn below(value: &Value, set: &Set, element: &Element, shape: Shape<'_>) -> Value {
    match set.below(element) {
        Some(inside) => remove(value, inside, shape),
        None => value.clone(),
    }
}
