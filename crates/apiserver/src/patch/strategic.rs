//! Strategic merge patch: a merge patch in which some lists merge by a key, and which carries `$` directives. Only
//! built-in kinds have it; which of their lists merge is a table here.

use serde_json::{Map, Value};

use super::{Error, merge::kind as kind_of};
use crate::schema::depth::{MAX_DEPTH, within};

mod list;
mod tables;

use list::Merge;

type Members = Map<String, Value>;

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Applies a strategic merge patch to an object of the built-in `kind`. After an error `target` may be changed in part.
pub fn strategic(target: &mut Value, patch: &Value, kind: &str) -> Result<(), Error> {
    let Value::Object(members) = patch else {
        return Err(Error::Malformed(format!(
            "a strategic merge patch must be an object, not {}",
            kind_of(patch)
        )));
    };
    if !within(patch, MAX_DEPTH) || !within(target, MAX_DEPTH) {
        return Err(Error::TooDeep { limit: MAX_DEPTH });
    }
    let Value::Object(object) = target else {
        return Err(Error::Unfit("the object to patch is no object".to_owned()));
    };
    merge_members(object, members, &Place { kind, path: Vec::new() })
}

/// Where in an object of a kind the merge is: what the tables are asked with.
#[derive(Clone)]
struct Place<'a> {
    kind: &'a str,
    path: Vec<String>,
}

impl Place<'_> {
    fn child(&self, name: &str) -> Self {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Self { kind: self.kind, path }
    }

    fn merge(&self) -> Merge {
        tables::merge(self.kind, &self.path)
    }

    fn text(&self) -> String {
        if self.path.is_empty() { "the object".to_owned() } else { self.path.join(".") }
    }
}

fn merge_members(object: &mut Members, patch: &Members, place: &Place<'_>) -> Result<(), Error> {
    if let Some(directive) = patch.get(PATCH) {
        return whole(object, patch, directive, place);
    }
    retain(object, patch, place)?;
    for (name, value) in patch {
        if name == RETAIN || name.starts_with(DELETE_FROM) || name.starts_with(ORDER) {
            continue;
        }
        member(object, name, value, place)?;
    }
    delete_from_lists(object, patch, place)?;
    reorder(object, patch, place)
}

/// `$patch` in an object speaks of the whole object.
fn whole(object: &mut Members, patch: &Members, directive: &Value, place: &Place<'_>) -> Result<(), Error> {
    match directive.as_str() {
        Some("delete") => object.clear(),
        Some("replace") => {
            object.clone_from(patch);
            object.remove(PATCH);
        }
        Some("merge") => {
            let mut rest = patch.clone();
            rest.remove(PATCH);
            return merge_members(object, &rest, place);
        }
        _ => {
            return Err(Error::Directive(format!(
                "{PATCH}: {directive} at {}: use replace, delete or merge",
                place.text()
            )));
        }
    }
    Ok(())
}

fn member(object: &mut Members, name: &str, value: &Value, place: &Place<'_>) -> Result<(), Error> {
    if value.is_null() {
        object.remove(name);
        return Ok(());
    }
    let inner = place.child(name);
    if let Some(expected) = tables::shape(place.kind, &inner.path)
        && !expected.fits(value)
    {
        return Err(Error::Unfit(format!(
            "{} must be {}, not {}",
            inner.text(),
            expected.name(),
            kind_of(value)
        )));
    }
    let Some(before) = object.get_mut(name) else {
        object.insert(name.to_owned(), fresh(value, &inner)?);
        return Ok(());
    };
    match (before, value) {
        (Value::Object(before), Value::Object(patch)) => {
            merge_members(before, patch, &inner)?;
            if before.is_empty() && patch.contains_key(PATCH) {
                object.remove(name);
            }
        }
        (Value::Array(before), Value::Array(patch)) => *before = list::merge(before, patch, &inner)?,
        (before, _) => *before = fresh(value, &inner)?,
    }
    Ok(())
}

/// A value that comes where nothing was: nulls and directives have nothing to act on.
fn fresh(value: &Value, place: &Place<'_>) -> Result<Value, Error> {
    match value {
        Value::Object(patch) => {
            let mut object = Map::new();
            merge_members(&mut object, patch, place)?;
            Ok(Value::Object(object))
        }
        Value::Array(patch) if place.merge() != Merge::Atomic => {
            list::merge(&[], patch, place).map(Value::Array)
        }
        other => Ok(other.clone()),
    }
}

/// `$retainKeys`: members that the patch does not name go.
fn retain(object: &mut Members, patch: &Members, place: &Place<'_>) -> Result<(), Error> {
    let Some(list) = patch.get(RETAIN) else { return Ok(()) };
    let refuse = |what: &str| Err(Error::Directive(format!("{RETAIN} at {}: {what}", place.text())));
    let Value::Array(names) = list else { return refuse("it must be a list of names") };
    if names.iter().any(|name| !name.is_string()) {
        return refuse("it must be a list of names");
    }
    let retained = |name: &str| names.iter().any(|kept| kept.as_str() == Some(name));
    if patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !retained(name)) {
        return refuse("the patch sets a member that it does not name");
    }
    object.retain(|name, _| retained(name));
    Ok(())
}

fn delete_from_lists(object: &mut Members, patch: &Members, place: &Place<'_>) -> Result<(), Error> {
    for (directive, value) in patch {
        let Some(name) = directive.strip_prefix(DELETE_FROM) else { continue };
        let Value::Array(gone) = value else {
            return Err(Error::Directive(format!("{directive} at {} must be a list", place.text())));
        };
        if let Some(Value::Array(before)) = object.get_mut(name) {
            before.retain(|item| !gone.contains(item));
        }
    }
    Ok(())
}

fn reorder(object: &mut Members, patch: &Members, place: &Place<'_>) -> Result<(), Error> {
    for (directive, value) in patch {
        let Some(name) = directive.strip_prefix(ORDER) else { continue };
        let inner = place.child(name);
        let Value::Array(order) = value else {
            return Err(Error::Directive(format!("{directive} at {} must be a list", place.text())));
        };
        if let Some(Value::Array(sent)) = patch.get(name) {
            list::check_order(sent, order, &inner)?;
        }
        if let Some(Value::Array(merged)) = object.get_mut(name) {
            *merged = list::ordered(merged, order, &inner);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
