//! An object as it is kept: key, version, parsed value and serialised bytes side by side; and what happened to it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use serde_json::Value;

/// What an object is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Resource in the form `group/plural` (the core group is empty: `/namespaces`).
    pub resource: Arc<str>,
    /// Namespace; empty for objects of the whole cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// A key from its three parts.
    pub fn new(resource: impl Into<Arc<str>>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.resource, self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in {}", self.namespace) }
    }
}

/// One version of an object. Immutable; `metadata.resourceVersion` of value and bytes is `version`.
#[derive(Debug)]
pub struct Object {
    /// What it is found by.
    pub key: Key,
    /// The version this object was written with; unique in the store and growing.
    pub version: u64,
    /// The parsed JSON.
    pub value: Arc<Value>,
    /// The same, serialised.
    pub bytes: Bytes,
    /// A note of a reader to later readers, not stored; 0 at first. Say what it means where it is used.
    pub mark: AtomicU64,
}

impl Object {
    /// `metadata.uid`, empty if there is none.
    pub fn uid(&self) -> &str {
        self.value.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
    }

    /// The label's value, if the object has it.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.value.get("metadata")?.get("labels")?.get(name)?.as_str()
    }

    /// Makes an object of a value: its version is written into the metadata, then it is serialised.
    pub(crate) fn build(key: Key, version: u64, mut value: Value) -> Result<Self, serde_json::Error> {
        stamp(&mut value, version);
        let bytes = Bytes::from(serde_json::to_vec(&value)?);
        Ok(Self { key, version, value: Arc::new(value), bytes, mark: AtomicU64::new(0) })
    }
}

/// Writes the version into `metadata.resourceVersion`.
fn stamp(value: &mut Value, version: u64) {
    let Some(object) = value.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("resourceVersion".into(), Value::String(version.to_string()));
    }
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub struct Event {
    /// The object after the change; of a deletion, its last content with the version of the deletion.
    pub object: Arc<Object>,
    /// The object before the change; `None`: it was created.
    pub previous: Option<Arc<Object>>,
    /// Whether the object is gone now.
    pub deleted: bool,
}

impl Event {
    /// The version of the change.
    pub fn version(&self) -> u64 {
        self.object.version
    }
}
