//! Objects of one kind in memory, by namespace and name, and by a group (the Promotions of a Stage).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kube::ResourceExt;
use parking_lot::RwLock;

/// Which object: namespace (empty for cluster-scoped ones) and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// A key.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    pub fn of<K: ResourceExt>(object: &K) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub struct Change<K> {
    /// What it was before; none for a new one.
    pub old: Option<Arc<K>>,
    /// What it is now; none for a deleted one.
    pub new: Option<Arc<K>>,
}

impl<K> Change<K> {
    /// The object: as it is, or as it was.
    pub fn object(&self) -> Option<&Arc<K>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

type Group<K> = fn(&K) -> String;

/// Objects of one kind.
#[derive(Debug)]
pub struct Index<K> {
    group: Group<K>,
    inner: RwLock<Inner<K>>,
}

#[derive(Debug)]
struct Inner<K> {
    objects: HashMap<String, BTreeMap<String, Arc<K>>>,
    groups: HashMap<(String, String), BTreeMap<String, Arc<K>>>,
    /// Where an answer to a write of ours was quicker than the watch: what the watch had told last.
    ahead: HashMap<Key, Option<Arc<K>>>,
    is_complete: bool,
}

impl<K: ResourceExt> Index<K> {
    /// An empty index. `group` says to which group of its namespace an object belongs.
    pub fn new(group: Group<K>) -> Self {
        let inner = Inner {
            objects: HashMap::new(),
            groups: HashMap::new(),
            ahead: HashMap::new(),
            is_complete: false,
        };
        Self { group, inner: RwLock::new(inner) }
    }

    /// Whether everything that was there at the start is in it.
    pub fn is_complete(&self) -> bool {
        self.inner.read().is_complete
    }

    pub(super) fn complete(&self) {
        self.inner.write().is_complete = true;
    }

    /// Takes in what a watch tells. The change is the one since the watch told something last, also where the answer
    /// to a write of ours was here before it: whoever hears of changes hears of ours, too.
    pub fn apply(&self, object: K) -> Option<Change<K>> {
        let key = Key::of(&object);
        let mut inner = self.inner.write();
        let known = inner.get(&key);
        if let Some(known) = &known
            && known.uid() == object.uid()
            && version(&**known) >= version(&object)
        {
            // A write of ours that brought the same is told now; what is older will be followed by what we know.
            let is_same = version(&**known) == version(&object);
            let told = if is_same { inner.ahead.remove(&key) } else { None };
            return told.map(|old| Change { old, new: Some(known.clone()) });
        }
        let old = inner.ahead.remove(&key).unwrap_or(known);
        let new = inner.put(key, object, self.group);
        Some(Change { old, new: Some(new) })
    }

    /// Takes in the answer to a write of ours, so that the next pass sees it. The watch tells of it afterwards.
    pub fn learn(&self, object: K) {
        let key = Key::of(&object);
        let mut inner = self.inner.write();
        let known = inner.get(&key);
        let is_newer = known
            .as_ref()
            .is_none_or(|known| known.uid() != object.uid() || version(&**known) < version(&object));
        if is_newer {
            inner.ahead.entry(key.clone()).or_insert(known);
            inner.put(key, object, self.group);
        }
    }

    /// Forgets an object.
    pub fn remove(&self, key: &Key) -> Option<Change<K>> {
        let mut inner = self.inner.write();
        inner.ahead.remove(key);
        let objects = inner.objects.get_mut(&key.namespace)?;
        let old = objects.remove(&key.name)?;
        if objects.is_empty() {
            inner.objects.remove(&key.namespace);
        }
        inner.leave(key, &(self.group)(&old));
        Some(Change { old: Some(old), new: None })
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<Key> {
        let inner = self.inner.read();
        let names = |(ns, m): (&String, &BTreeMap<String, Arc<K>>)| {
            m.keys().map(|name| Key::new(ns.clone(), name.clone())).collect::<Vec<_>>()
        };
        inner.objects.iter().flat_map(names).collect()
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.inner.read().objects.get(namespace)?.get(name).cloned()
    }

    /// The objects of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.inner.read().objects.get(namespace).map(|m| m.values().cloned().collect()).unwrap_or_default()
    }

    /// The objects of a group, by name.
    pub fn in_group(&self, namespace: &str, group: &str) -> Vec<Arc<K>> {
        let key = (namespace.to_owned(), group.to_owned());
        self.inner.read().groups.get(&key).map(|m| m.values().cloned().collect()).unwrap_or_default()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.inner.read().objects.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: ResourceExt> Inner<K> {
    fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.objects.get(&key.namespace)?.get(&key.name).cloned()
    }

    fn put(&mut self, key: Key, object: K, group: Group<K>) -> Arc<K> {
        if let Some(old) = self.get(&key) {
            self.leave(&key, &group(&old));
        }
        let new = Arc::new(object);
        self.objects.entry(key.namespace.clone()).or_default().insert(key.name.clone(), new.clone());
        let group = (key.namespace, group(&new));
        self.groups.entry(group).or_default().insert(key.name, new.clone());
        new
    }
}

impl<K> Inner<K> {
    fn leave(&mut self, key: &Key, group: &str) {
        let at = (key.namespace.clone(), group.to_owned());
        if let Some(members) = self.groups.get_mut(&at) {
            members.remove(&key.name);
            if members.is_empty() {
                self.groups.remove(&at);
            }
        }
    }
}

/// Versions are opaque by contract and numbers in fact; one that is no number is always taken for newer.
fn version<K: ResourceExt>(object: &K) -> u64 {
    object.resource_version().and_then(|v| v.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(name: &str, version: u64, group: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.into());
        object.metadata.namespace = Some("ns".into());
        object.metadata.uid = Some(name.into());
        object.metadata.resource_version = Some(version.to_string());
        object.metadata.labels = Some([("g".to_owned(), group.to_owned())].into());
        object
    }

    fn index() -> Index<ConfigMap> {
        Index::new(|o| o.labels().get("g").cloned().unwrap_or_default())
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_one() {
        let index = index();
        assert!(index.apply(object("a", 5, "x")).is_some());
        assert!(index.apply(object("a", 4, "x")).is_none());
        assert!(index.apply(object("a", 5, "x")).is_none());
        assert_eq!(index.get("ns", "a").unwrap().resource_version().unwrap(), "5");
    }

    #[test]
    fn what_we_wrote_is_told_when_the_watch_brings_it() {
        let index = index();
        index.apply(object("a", 1, "x"));
        index.learn(object("a", 3, "y"));
        assert_eq!(index.get("ns", "a").unwrap().resource_version().unwrap(), "3");
        assert!(index.apply(object("a", 2, "x")).is_none(), "what we know follows");
        let change = index.apply(object("a", 3, "y")).unwrap();
        assert_eq!(change.old.unwrap().resource_version().unwrap(), "1");
        assert!(index.apply(object("a", 3, "y")).is_none(), "told once");
        index.learn(object("b", 4, "x"));
        assert!(index.apply(object("b", 5, "x")).unwrap().old.is_none(), "new to whoever listens");
    }

    #[test]
    fn groups_follow_their_members() {
        let index = index();
        index.apply(object("a", 1, "x"));
        index.apply(object("b", 2, "x"));
        index.apply(object("a", 3, "y"));
        let names = |g: &str| index.in_group("ns", g).iter().map(|o| o.name_any()).collect::<Vec<_>>();
        assert_eq!((names("x"), names("y")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        index.remove(&Key::new("ns", "b"));
        assert_eq!(names("x"), Vec::<String>::new());
        assert_eq!(index.len(), 1);
    }
}
