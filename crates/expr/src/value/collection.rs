//! Arrays and maps. They know how deep and how large they are, so that no value becomes too deep to drop or too large to
//! print: parts are shared, a small expression can say a very large value.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Text, Value};

/// An array.
#[derive(Debug, Clone)]
pub struct List {
    items: Arc<[Value]>,
    null: bool,
    extent: Extent,
}

impl List {
    /// An array of these elements.
    pub fn new(items: Vec<Value>) -> Self {
        let extent = Extent::around(items.iter());
        Self { items: items.into(), null: false, extent }
    }

    /// An array without elements that counts as nil and is written as `null`.
    pub(crate) fn null() -> Self {
        Self { items: Arc::from([]), null: true, extent: Extent::around([].into_iter()) }
    }

    /// Does it count as nil?
    pub(crate) fn is_null(&self) -> bool {
        self.null
    }

    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }
}

/// A map with text keys, in the order of their bytes.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: BTreeMap<Text, Value>,
    of_texts: bool,
    null: bool,
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map of texts: a key that is missing gives `""`, not nil.
    pub fn of_texts<K: Into<Text>, V: Into<Text>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries =
            entries.into_iter().map(|(key, value)| (key.into(), Value::String(value.into()))).collect();
        Self { entries, of_texts: true, null: false }
    }

    /// A map of texts that is not there: it counts as nil, yet a key of it gives `""`.
    pub fn no_texts() -> Self {
        Self { entries: BTreeMap::new(), of_texts: true, null: true }
    }

    /// Does it count as nil?
    pub(crate) fn is_null(&self) -> bool {
        self.null
    }

    /// The fields of a JSON object; numbers become floats.
    pub fn from_json(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        object.iter().map(|(key, value)| (key.as_str(), Value::from_json(value))).collect()
    }

    /// Sets a key.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) {
        self.null = false;
        self.entries.insert(key.into(), value.into());
    }

    /// Sets a key, and returns the map: to build one in place.
    #[must_use]
    pub fn with(mut self, key: impl Into<Text>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// The value of a key that is there.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value> {
        self.entries.get(key.as_ref())
    }

    /// What an expression sees under a key.
    pub(crate) fn fetch(&self, key: &[u8]) -> Value {
        let missing = || if self.of_texts { Value::from("") } else { Value::Nil };
        self.entries.get(key).cloned().unwrap_or_else(missing)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.entries.iter()
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No keys?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { entries, of_texts: false, null: false }
    }
}

/// A map with keys of any kind, as `groupBy` and `fromPairs` make: in the order of insertion.
#[derive(Debug, Clone)]
pub struct Pairs {
    entries: Arc<[(Value, Value)]>,
    extent: Extent,
}

impl Pairs {
    pub(crate) fn new(entries: Vec<(Value, Value)>) -> Self {
        let extent = Extent::around(entries.iter().flat_map(|(key, value)| [key, value]));
        Self { entries: entries.into(), extent }
    }

    /// Keys and values.
    pub fn entries(&self) -> &[(Value, Value)] {
        &self.entries
    }

    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }
}

/// A map whose extent was computed once.
#[derive(Debug, Clone)]
pub struct SharedMap {
    map: Arc<Map>,
    extent: Extent,
}

impl SharedMap {
    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }
}

impl From<Map> for SharedMap {
    fn from(map: Map) -> Self {
        let keys: usize = map.entries.keys().map(|key| key.as_bytes().len()).sum();
        let mut extent = Extent::around(map.entries.values());
        extent.weight = extent.weight.saturating_add(keys);
        Self { map: Arc::new(map), extent }
    }
}

impl std::ops::Deref for SharedMap {
    type Target = Map;

    fn deref(&self) -> &Map {
        &self.map
    }
}

/// How deep a value is nested, and how much it is when everything in it is written out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    pub(crate) depth: u16,
    pub(crate) weight: usize,
}

impl Extent {
    fn around<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let inside = values.map(Value::extent).fold(Self::default(), |all, one| Self {
            depth: all.depth.max(one.depth),
            weight: all.weight.saturating_add(one.weight),
        });
        Self { depth: inside.depth.saturating_add(1), weight: inside.weight.saturating_add(1) }
    }
}
