//! JSON patch (RFC 6902) as a Kubernetes API server applies it: negative indexes count from the end, the part of a
//! path before its first slash is ignored, a missing member reads as null, `null` in place of the list does nothing.

use serde_json::{Map, Value};

use super::{Error, merge::kind};
use crate::schema::depth::{MAX_DEPTH, within};

const MAX_OPERATIONS: usize = 10_000;
const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;
const MEMBERS: [&str; 4] = ["op", "path", "from", "value"];

/// Applies the operations of `patch` in order. After an error `target` may be changed in part.
pub fn json(target: &mut Value, patch: &Value) -> Result<(), Error> {
    let operations = read(patch)?;
    if !within(target, MAX_DEPTH) {
        return Err(Error::TooDeep { limit: MAX_DEPTH });
    }
    let mut copied = 0;
    for (index, operation) in operations.iter().enumerate() {
        apply(target, operation, &mut copied).map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Why(why) => Error::DoesNotApply { index, why },
        })?;
    }
    Ok(())
}

/// Members that no operation knows, as `[0].extra`: what a server warns of.
pub fn unknown_members(patch: &Value) -> Vec<String> {
    let Value::Array(operations) = patch else { return Vec::new() };
    operations
        .iter()
        .enumerate()
        .filter_map(|(index, operation)| operation.as_object().map(|members| (index, members)))
        .flat_map(|(index, members)| {
            members
                .keys()
                .filter(|name| !MEMBERS.contains(&name.as_str()))
                .map(move |name| format!("[{index}].{name}"))
        })
        .collect()
}

struct Operation<'a> {
    op: &'a str,
    path: Option<&'a str>,
    from: Option<&'a str>,
    value: &'a Value,
}

enum Failure {
    Why(String),
    Refused(Error),
}

fn why<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Why(text.into()))
}

fn read(patch: &Value) -> Result<Vec<Operation<'_>>, Error> {
    let list = match patch {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => return Err(Error::Malformed(format!("a JSON patch must be an array, not {}", kind(other)))),
    };
    if list.len() > MAX_OPERATIONS {
        return Err(Error::TooManyOperations { count: list.len(), limit: MAX_OPERATIONS });
    }
    list.iter().enumerate().map(|(index, entry)| operation(index, entry)).collect()
}

fn operation(index: usize, entry: &Value) -> Result<Operation<'_>, Error> {
    let empty = const { &Value::Null };
    let members = match entry {
        Value::Object(members) => members,
        other => {
            return Err(Error::Malformed(format!(
                "operation {index} must be an object, not {}",
                kind(other)
            )));
        }
    };
    let text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(Error::Malformed(format!(
            "`{name}` of operation {index} must be a string, not {}",
            kind(other)
        ))),
    };
    let value = members.get("value").unwrap_or(empty);
    if !within(value, MAX_DEPTH) {
        return Err(Error::TooDeep { limit: MAX_DEPTH });
    }
    Ok(Operation { op: text("op")?.unwrap_or_default(), path: text("path")?, from: text("from")?, value })
}

fn apply(target: &mut Value, operation: &Operation<'_>, copied: &mut usize) -> Result<(), Failure> {
    match operation.op {
        "add" => {
            let at = Pointer::parse(operation.path, "path")?;
            at.room_for(operation.value)?;
            add(target, &at, operation.value.clone())
        }
        "remove" => remove(target, &Pointer::parse(operation.path, "path")?).map(drop),
        "replace" if operation.path == Some("") => match operation.value {
            whole @ (Value::Object(_) | Value::Array(_)) => {
                *target = whole.clone();
                Ok(())
            }
            _ => why("the whole object can only be replaced by an object"),
        },
        "replace" => {
            let at = Pointer::parse(operation.path, "path")?;
            at.room_for(operation.value)?;
            replace(target, &at, operation.value.clone())
        }
        "move" => {
            let from = Pointer::parse(operation.from, "from")?;
            let value = remove(target, &from)?;
            let at = Pointer::parse(operation.path, "path")?;
            at.room_for(&value)?;
            add(target, &at, value)
        }
        "copy" => {
            let from = Pointer::parse(operation.from, "from")?;
            let value = get(target, &from)?.cloned().unwrap_or(Value::Null);
            let at = Pointer::parse(operation.path, "path")?;
            at.room_for(&value)?;
            *copied = copied.saturating_add(size(&value));
            if *copied > MAX_COPIED_BYTES {
                return Err(Failure::Refused(Error::TooLarge { limit: MAX_COPIED_BYTES }));
            }
            add(target, &at, value)
        }
        "test" => test(target, operation),
        "" => why("it has no `op`"),
        other => why(format!("there is no operation {other:?}")),
    }
}

fn test(target: &Value, operation: &Operation<'_>) -> Result<(), Failure> {
    let found = if operation.path == Some("") {
        Some(target)
    } else {
        get(target, &Pointer::parse(operation.path, "path")?)?
    };
    // Numbers are compared as written: 1 and 1.0 differ.
    if found.unwrap_or(&Value::Null) == operation.value {
        Ok(())
    } else {
        why(format!("the value at {:?} is another one", operation.path.unwrap_or_default()))
    }
}

/// A parsed path: the way to the container, and the key in it.
struct Pointer {
    way: Vec<String>,
    key: String,
    text: String,
}

impl Pointer {
    fn parse(text: Option<&str>, member: &str) -> Result<Self, Failure> {
        let Some(text) = text else { return why(format!("it has no `{member}`")) };
        let mut parts: Vec<String> =
            text.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        match parts.pop() {
            Some(key) => Ok(Self { way: parts, key, text: text.to_owned() }),
            None => why(format!("`{member}` {text:?} has no slash, so it names no member")),
        }
    }

    fn room_for(&self, value: &Value) -> Result<(), Failure> {
        match MAX_DEPTH.checked_sub(self.way.len() + 1) {
            Some(left) if within(value, left) => Ok(()),
            _ => Err(Failure::Refused(Error::TooDeep { limit: MAX_DEPTH })),
        }
    }

    fn missing<T>(&self) -> Result<T, Failure> {
        why(format!("there is nothing at {:?}", self.text))
    }

    fn container<'v>(&self, root: &'v mut Value) -> Result<&'v mut Value, Failure> {
        let mut at = root;
        for part in &self.way {
            let next = match at {
                Value::Object(map) => map.get_mut(part),
                Value::Array(list) => position(part, list.len()).and_then(|index| list.get_mut(index)),
                _ => None,
            };
            let Some(next) = next else { return self.missing() };
            at = next;
        }
        Ok(at)
    }
}

/// The index that `key` names in a list of `length` elements; negative ones count from the end.
fn position(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index.checked_add(length)? } else { index };
    if index < 0 || index >= length { None } else { usize::try_from(index).ok() }
}

fn get<'v>(root: &'v Value, at: &Pointer) -> Result<Option<&'v Value>, Failure> {
    let mut container = root;
    for part in &at.way {
        let next = match container {
            Value::Object(map) => map.get(part),
            Value::Array(list) => position(part, list.len()).and_then(|index| list.get(index)),
            _ => None,
        };
        match next {
            Some(next) => container = next,
            None => return at.missing(),
        }
    }
    match container {
        Value::Object(map) => Ok(map.get(&at.key)),
        Value::Array(list) => match position(&at.key, list.len()).and_then(|index| list.get(index)) {
            Some(found) => Ok(Some(found)),
            None => at.missing(),
        },
        _ => at.missing(),
    }
}

fn add(root: &mut Value, at: &Pointer, value: Value) -> Result<(), Failure> {
    match at.container(root)? {
        Value::Object(map) => insert(map, at, value),
        Value::Array(list) if at.key == "-" => list.push(value),
        Value::Array(list) => match position(&at.key, list.len() + 1) {
            Some(index) => list.insert(index, value),
            None => return at.missing(),
        },
        _ => return at.missing(),
    }
    Ok(())
}

fn replace(root: &mut Value, at: &Pointer, value: Value) -> Result<(), Failure> {
    match at.container(root)? {
        Value::Object(map) => insert(map, at, value),
        Value::Array(list) => match position(&at.key, list.len()).and_then(|index| list.get_mut(index)) {
            Some(slot) => *slot = value,
            None => return at.missing(),
        },
        _ => return at.missing(),
    }
    Ok(())
}

fn insert(map: &mut Map<String, Value>, at: &Pointer, value: Value) {
    map.insert(at.key.clone(), value);
}

fn remove(root: &mut Value, at: &Pointer) -> Result<Value, Failure> {
    let removed = match at.container(root)? {
        Value::Object(map) => map.remove(&at.key),
        Value::Array(list) => position(&at.key, list.len()).map(|index| list.remove(index)),
        _ => None,
    };
    removed.map_or_else(|| at.missing(), Ok)
}

/// About how many bytes a value has when it is written.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(list) => list.iter().fold(2, |sum, item| sum + size(item) + 1),
        Value::Object(map) => map.iter().fold(2, |sum, (name, item)| sum + name.len() + size(item) + 4),
    }
}

#[cfg(test)]
mod tests;
