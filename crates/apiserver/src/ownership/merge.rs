//! Merging a configuration into an object: what the configuration says wins, what it does not mention stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::element::Element;
use super::shape::{Keys, Shape};

/// The object with the configuration merged into it.
pub(crate) fn merge(object: &Value, configuration: &Value, shape: Shape<'_>) -> Value {
    both(Some(object), Some(configuration), shape).unwrap_or_else(|| Value::Object(Map::new()))
}

/// `None`: nothing is left.
fn both(ours: Option<&Value>, theirs: Option<&Value>, shape: Shape<'_>) -> Option<Value> {
    let empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    let leaf = || theirs.or(ours).cloned();
    let objects = |value: Option<&Value>| value.is_none_or(|v| v.is_object() || v.is_null());
    let arrays = |value: Option<&Value>| value.is_none_or(|v| v.is_array() || v.is_null());
    if empty(ours) && empty(theirs) {
        return leaf();
    }
    if objects(ours) && objects(theirs) && !shape.is_atomic_map() {
        return maps(ours.and_then(Value::as_object), theirs.and_then(Value::as_object), shape);
    }
    if arrays(ours) && arrays(theirs) && shape.keys() != Keys::Position {
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        return lists(&list(ours), &list(theirs), shape).or_else(leaf);
    }
    leaf()
}

fn maps(
    ours: Option<&Map<String, Value>>,
    theirs: Option<&Map<String, Value>>,
    shape: Shape<'_>,
) -> Option<Value> {
    let mut result = Map::new();
    let names = ours.into_iter().flatten().chain(theirs.into_iter().flatten()).map(|(name, _)| name);
    for name in names {
        if result.contains_key(name) {
            continue;
        }
        let (a, b) = (ours.and_then(|m| m.get(name)), theirs.and_then(|m| m.get(name)));
        let inside = shape.field(name).map_or(Shape::UNTYPED, |field| field.shape);
        if let Some(value) = both(a, b, inside) {
            result.insert(name.clone(), value);
        }
    }
    (!result.is_empty()).then_some(Value::Object(result))
}

/// `None`: an element has no identity.
fn lists(ours: &[Value], theirs: &[Value], shape: Shape<'_>) -> Option<Value> {
    let (keys, items) = (shape.keys(), shape.items());
    let identify = |list: &[Value]| -> Option<Vec<Element>> {
        list.iter().map(|item| Element::of(item, &keys, items).ok()).collect()
    };
    let (a, b) = (identify(ours)?, identify(theirs)?);
    let places = |elements: &[Element]| -> BTreeMap<Element, usize> {
        elements.iter().cloned().enumerate().map(|(place, element)| (element, place)).collect()
    };
    let (in_a, in_b) = (places(&a), places(&b));
    let mut result = Vec::new();
    let mut put = |mine: Option<usize>, their: Option<usize>| {
        result.extend(both(mine.map(|i| &ours[i]), their.map(|i| &theirs[i]), items));
    };
    // Theirs give the order; what only we have stays before the shared element that it stood before.
    let mut shared = b.iter().filter(|element| in_a.contains_key(element));
    let (mut next, mut i, mut j) = (shared.next(), 0, 0);
    let mut taken: BTreeSet<&Element> = BTreeSet::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            put(Some(i), Some(j));
            taken.insert(&a[i]);
            (i, j, next) = (i + 1, j + 1, shared.next());
            continue;
        }
        if i < a.len() {
            let known = in_b.contains_key(&a[i]);
            if !known {
                put(Some(i), None);
                i += 1;
                continue;
            }
            if taken.contains(&a[i]) || j < b.len() && next.is_some_and(|next| *next != a[i]) {
                i += 1;
                continue;
            }
        }
        if j < b.len() {
            put(in_a.get(&b[j]).copied(), Some(j));
            taken.insert(&b[j]);
            if next == Some(&b[j]) {
                next = shared.next();
            }
            j += 1;
        } else {
            i += 1;
        }
    }
    (!result.is_empty()).then_some(Value::Array(result))
}
