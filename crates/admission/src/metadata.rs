//! Labels and annotations of an object that is not typed, so that what we do not know stays as it is.

use serde_json::{Map, Value};

/// The value of a label or annotation (`labels`, `annotations`).
pub(crate) fn get<'a>(object: &'a Value, map: &str, key: &str) -> Option<&'a str> {
    object["metadata"].get(map)?.get(key)?.as_str()
}

/// Sets a label or annotation.
pub(crate) fn set(object: &mut Value, map: &str, key: &str, value: impl Into<Value>) {
    let Some(metadata) = entry(object, "metadata") else { return };
    let entries = metadata.entry(map).or_insert_with(|| Value::Object(Map::new()));
    if !entries.is_object() {
        *entries = Value::Object(Map::new());
    }
    if let Some(entries) = entries.as_object_mut() {
        entries.insert(key.to_owned(), value.into());
    }
}

/// Removes a label or annotation, and the map when nothing is left in it.
pub(crate) fn remove(object: &mut Value, map: &str, key: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(entries) = metadata.get_mut(map).and_then(Value::as_object_mut) else { return };
    if entries.remove(key).is_some() && entries.is_empty() {
        metadata.remove(map);
    }
}

/// Sets a label or annotation, or removes it.
pub(crate) fn put(object: &mut Value, map: &str, key: &str, value: Option<&str>) {
    match value {
        Some(value) => set(object, map, key, value),
        None => remove(object, map, key),
    }
}

/// Sets a field; what is no object on the way there stays as it is, for the schema to complain of.
pub(crate) fn write(object: &mut Value, path: [&str; 2], value: Value) {
    if let Some(inner) = entry(object, path[0]) {
        inner.insert(path[1].to_owned(), value);
    }
}

/// Removes a field.
pub(crate) fn erase(object: &mut Value, path: [&str; 2]) {
    if let Some(inner) = object.get_mut(path[0]).and_then(Value::as_object_mut) {
        inner.remove(path[1]);
    }
}

/// Makes the shard label say what `spec.shard` says.
pub(crate) fn mirror_shard(object: &mut Value) {
    let shard = object["spec"].get("shard").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shard = Some(shard.as_str()).filter(|shard| !shard.is_empty());
    put(object, "labels", ferry_api::names::label::SHARD, shard);
}

fn entry<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    let object = object.as_object_mut()?;
    let inner = object.entry(field).or_insert_with(|| Value::Object(Map::new()));
    inner.as_object_mut()
}

/// Writes a duration as Go does, where it can be read.
pub(crate) fn rewrite_duration(value: &mut Value) {
    let Some(text) = value.as_str() else { return };
    if let Ok(duration) = ferry_api::duration::parse(text) {
        *value = ferry_api::duration::format(duration).into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_emptied_map_goes() {
        let mut object = json!({"metadata": {"labels": {"a": "b"}}});
        set(&mut object, "annotations", "c", "d");
        remove(&mut object, "labels", "a");
        remove(&mut object, "labels", "a");
        assert_eq!(object, json!({"metadata": {"annotations": {"c": "d"}}}));
    }
}
