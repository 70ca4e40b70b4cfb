//! Lists in a strategic merge patch: merged as sets or by a key, and the order of what comes out. Elements of the
//! patch keep the order of the patch, elements only the server has keep theirs.

use serde_json::{Map, Value};

use super::{Error, PATCH, Place, merge_members};

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// The patch's list replaces the other.
    Atomic,
    /// Scalars, each once.
    Set,
    /// Objects with the same value of this member are one element.
    By(&'static str),
}

pub(super) fn merge(before: &[Value], patch: &[Value], place: &Place<'_>) -> Result<Vec<Value>, Error> {
    let merged = match place.merge() {
        Merge::Atomic => return Ok(patch.to_vec()),
        Merge::Set => {
            let mut all: Vec<Value> = Vec::new();
            for item in before.iter().chain(patch) {
                if !all.contains(item) {
                    all.push(item.clone());
                }
            }
            all
        }
        Merge::By(key) => match keyed(before, patch, key, place)? {
            Keyed::Replaced(list) => return Ok(list),
            Keyed::Merged(list) => list,
        },
    };
    Ok(interleave(merged, patch, before, place.merge()))
}

enum Keyed {
    Merged(Vec<Value>),
    Replaced(Vec<Value>),
}

fn keyed(before: &[Value], patch: &[Value], key: &'static str, place: &Place<'_>) -> Result<Keyed, Error> {
    let mut merged = before.to_vec();
    let mut added: Vec<&Map<String, Value>> = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else {
            return Err(Error::Unfit(format!("elements of {} must be objects", place.text())));
        };
        match item.get(PATCH).map(Value::as_str) {
            None => added.push(item),
            Some(Some("replace")) => replace = true,
            Some(Some("delete")) => {
                let gone = key_of(item, key, place)?.clone();
                merged.retain(|element| element.get(key) != Some(&gone));
            }
            Some(_) => {
                return Err(Error::Directive(format!(
                    "{PATCH} in a list, at {}: use replace or delete",
                    place.text()
                )));
            }
        }
    }
    if replace {
        return Ok(Keyed::Replaced(added.into_iter().cloned().map(Value::Object).collect()));
    }
    for item in added {
        let value = key_of(item, key, place)?;
        let inner = place.child(&merged.len().to_string());
        if let Some(Value::Object(element)) =
            merged.iter_mut().find(|element| element.get(key) == Some(value))
        {
            merge_members(element, item, &inner)?;
        } else {
            let mut element = Map::new();
            merge_members(&mut element, item, &inner)?;
            merged.push(Value::Object(element));
        }
    }
    Ok(Keyed::Merged(merged))
}

fn key_of<'v>(item: &'v Map<String, Value>, key: &str, place: &Place<'_>) -> Result<&'v Value, Error> {
    item.get(key).ok_or_else(|| {
        Error::Directive(format!("an element of {} has no {key:?}, the key it is merged by", place.text()))
    })
}

fn same(a: &Value, b: &Value, merge: Merge) -> bool {
    match merge {
        Merge::By(key) => a.get(key).is_some() && a.get(key) == b.get(key),
        Merge::Set | Merge::Atomic => a == b,
    }
}

fn place_in(list: &[Value], item: &Value, merge: Merge) -> Option<usize> {
    list.iter().position(|other| same(other, item, merge))
}

/// `$setElementOrder`: the elements it names in its order, the others where the list had them.
pub(super) fn ordered(list: &[Value], order: &[Value], place: &Place<'_>) -> Vec<Value> {
    interleave(list.to_vec(), order, list, place.merge())
}

/// The elements that `sent` names come in its order; the others are put between them as `before` had them.
fn interleave(merged: Vec<Value>, sent: &[Value], before: &[Value], merge: Merge) -> Vec<Value> {
    let (mut ours, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place_in(sent, item, merge).is_some());
    ours.sort_by_key(|item| place_in(sent, item, merge));
    others.sort_by_key(|item| place_in(before, item, merge));
    let mut result = Vec::with_capacity(ours.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in ours {
        let at = place_in(before, &item, merge);
        while let Some(other) = others.peek() {
            let earlier =
                matches!((place_in(before, other, merge), at), (Some(other), Some(at)) if other < at);
            if !earlier {
                break;
            }
            result.extend(others.next());
        }
        result.push(item);
    }
    result.extend(others);
    result
}

/// The elements a patch sends must stand in the order it asks for.
pub(super) fn check_order(sent: &[Value], order: &[Value], place: &Place<'_>) -> Result<(), Error> {
    let merge = place.merge();
    let mut last = 0;
    for item in sent.iter().filter(|item| item.get(PATCH).is_none()) {
        match place_in(order, item, merge) {
            Some(at) if at >= last => last = at,
            _ => {
                return Err(Error::Directive(format!(
                    "the elements of {} do not stand in the order that its $setElementOrder names",
                    place.text()
                )));
            }
        }
    }
    Ok(())
}
