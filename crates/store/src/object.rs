//! An object as it is kept: key, version and serialised bytes, parsed when somebody asks; and what happened to it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
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

/// One version of an object. Immutable; its `metadata.resourceVersion` is `version`.
#[derive(Debug)]
pub struct Object {
    /// What it is found by.
    pub key: Key,
    /// The version this object was written with; unique in the store and growing.
    pub version: u64,
    /// `metadata.uid`, empty if there is none.
    uid: Box<str>,
    /// `apiVersion`, empty if there is none.
    api_version: Box<str>,
    /// The JSON, serialised.
    pub bytes: Bytes,
    /// The same, parsed, as long as somebody has it: it takes many times the room.
    parsed: Mutex<Weak<Value>>,
    /// A note of a reader to later readers, not stored; 0 at first. Say what it means where it is used.
    pub mark: AtomicU64,
}

impl Object {
    /// `metadata.uid`, empty if there is none.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// `apiVersion`, empty if there is none.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The parsed JSON. Who asks while another has it shares it; else it is parsed now.
    pub fn value(&self) -> Arc<Value> {
        let mut parsed = self.parsed.lock();
        parsed.upgrade().unwrap_or_else(|| {
            // These bytes were written from a value, or parsed when they were read from disk.
            let value = Arc::new(serde_json::from_slice(&self.bytes).unwrap_or_default());
            *parsed = Arc::downgrade(&value);
            value
        })
    }

    /// Makes an object of a value: its version is written into the metadata, then it is serialised.
    pub(crate) fn build(
        key: Key,
        version: u64,
        mut value: Value,
    ) -> Result<(Self, Arc<Value>), serde_json::Error> {
        stamp(&mut value, version);
        // Copied into a room of its size: what the text grew by in advance would stay as long as the object, since an
        // allocator need not take back less than half of a piece.
        let bytes = Bytes::copy_from_slice(&serde_json::to_vec(&value)?);
        let value = Arc::new(value);
        let object =
            Self { parsed: Mutex::new(Arc::downgrade(&value)), ..Self::of(key, version, &value, bytes) };
        Ok((object, value))
    }

    /// An object as it was read.
    pub(crate) fn of(key: Key, version: u64, value: &Value, bytes: Bytes) -> Self {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().into();
        let (uid, api_version) = (text("/metadata/uid"), text("/apiVersion"));
        Self { key, version, uid, api_version, bytes, parsed: Mutex::default(), mark: AtomicU64::new(0) }
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
