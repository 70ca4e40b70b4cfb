//! Objects of one kind in memory, by namespace and name, and by a group (the Promotions of a Stage).
//!
//! Watches bring objects, and so do our own writes, whose answers often come first. Only the watch tells of a
//! change, once, whoever brought it: what a write brought early is told when the watch comes to it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use kube::ResourceExt;
use parking_lot::RwLock;
use tokio::sync::Notify;

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
    slim: fn(&mut K),
    inner: RwLock<Inner<K>>,
    completed: Notify,
}

#[derive(Debug)]
struct Inner<K> {
    objects: HashMap<String, BTreeMap<String, Entry<K>>>,
    groups: HashMap<(String, String), BTreeMap<String, Arc<K>>>,
    /// Uids of objects that went lately: the answer to a write may come after the news that its object went.
    gone: VecDeque<String>,
    /// How many lists the watch began.
    lists: u64,
    is_complete: bool,
}

#[derive(Debug)]
struct Entry<K> {
    object: Arc<K>,
    untold: Option<Untold<K>>,
}

/// A write brought the object, and the watch did not come to it yet.
#[derive(Debug)]
struct Untold<K> {
    /// What was told last.
    before: Option<Arc<K>>,
    /// Which list the watch had begun by then: an earlier one may miss it.
    list: u64,
}

/// How many uids of objects that went are remembered.
const GONE_KEPT: usize = 512;

impl<K: ResourceExt> Index<K> {
    /// An empty index. `group` says to which group of its namespace an object belongs.
    pub fn new(group: Group<K>) -> Self {
        let inner = Inner {
            objects: HashMap::new(),
            groups: HashMap::new(),
            gone: VecDeque::new(),
            lists: 0,
            is_complete: false,
        };
        Self { group, slim: |_| {}, inner: RwLock::new(inner), completed: Notify::new() }
    }

    /// Takes out of every object what nobody will look at in memory.
    #[must_use]
    pub fn slimmed(self, slim: fn(&mut K)) -> Self {
        Self { slim, ..self }
    }

    /// Whether everything that was there at the start is in it.
    pub fn is_complete(&self) -> bool {
        self.inner.read().is_complete
    }

    /// Returns when everything that was there at the start is in it.
    pub async fn completed(&self) {
        loop {
            let completed = self.completed.notified();
            if self.is_complete() {
                return;
            }
            completed.await;
        }
    }

    /// The watch begins to list everything anew.
    pub(super) fn begin_list(&self) {
        self.inner.write().lists += 1;
    }

    /// The list is through. What it did not hold is gone.
    pub(super) fn end_list(&self, seen: &HashSet<Key>) -> Vec<Change<K>> {
        let mut inner = self.inner.write();
        let lists = inner.lists;
        let written_since = |e: &Entry<K>| e.untold.as_ref().is_some_and(|u| u.list == lists);
        let all = inner.objects.iter().flat_map(|(ns, m)| m.iter().map(move |(name, e)| (ns, name, e)));
        let unseen: Vec<Key> = all
            .filter(|(_, _, e)| !written_since(e))
            .map(|(ns, name, _)| Key::new(ns.clone(), name.clone()))
            .filter(|key| !seen.contains(key))
            .collect();
        let changes = unseen.iter().filter_map(|key| inner.take_out(key, self.group)).collect();
        inner.is_complete = true;
        drop(inner);
        self.completed.notify_waiters();
        changes
    }

    /// Takes in an object that the watch brought, unless a newer one is known; answers with what there is to tell.
    pub fn apply(&self, mut object: K) -> Option<Change<K>> {
        (self.slim)(&mut object);
        let key = Key::of(&object);
        let mut inner = self.inner.write();
        let Some(entry) = inner.entry(&key) else {
            let new = inner.put(key, object, None, self.group);
            return Some(Change { old: None, new: Some(new) });
        };
        match age(&object, &entry.object) {
            Age::Older => None,
            Age::Same => {
                let untold = entry.untold.take()?;
                Some(Change { old: untold.before, new: Some(entry.object.clone()) })
            }
            Age::Newer => {
                let known = entry.object.clone();
                let old = entry.untold.take().map_or(Some(known), |untold| untold.before);
                let new = inner.put(key, object, None, self.group);
                Some(Change { old, new: Some(new) })
            }
        }
    }

    /// Takes in what a write of ours answered, so that the next pass knows of it. The watch will tell of it.
    pub fn learn(&self, mut object: K) {
        (self.slim)(&mut object);
        let key = Key::of(&object);
        let mut inner = self.inner.write();
        if object.uid().is_some_and(|uid| inner.gone.contains(&uid)) {
            return;
        }
        let list = inner.lists;
        let before = match inner.entry(&key) {
            None => None,
            Some(entry) if age(&object, &entry.object) != Age::Newer => return,
            Some(entry) => entry.untold.take().map_or(Some(entry.object.clone()), |untold| untold.before),
        };
        inner.put(key, object, Some(Untold { before, list }), self.group);
    }

    /// Forgets an object that the watch says is gone, unless one that came after it bears its name.
    pub fn remove(&self, object: &K) -> Option<Change<K>> {
        let key = Key::of(object);
        let mut inner = self.inner.write();
        let known = inner.entry(&key)?.object.clone();
        if known.uid() != object.uid() && age(object, &known) == Age::Older {
            return None;
        }
        inner.take_out(&key, self.group)
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<Key> {
        let inner = self.inner.read();
        let names = |(ns, m): (&String, &BTreeMap<String, Entry<K>>)| {
            m.keys().map(|name| Key::new(ns.clone(), name.clone())).collect::<Vec<_>>()
        };
        inner.objects.iter().flat_map(names).collect()
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.inner.read().objects.get(namespace)?.get(name).map(|e| e.object.clone())
    }

    /// The objects of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let inner = self.inner.read();
        let objects = inner.objects.get(namespace).into_iter().flat_map(BTreeMap::values);
        objects.map(|e| e.object.clone()).collect()
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
    fn entry(&mut self, key: &Key) -> Option<&mut Entry<K>> {
        self.objects.get_mut(&key.namespace)?.get_mut(&key.name)
    }

    fn put(&mut self, key: Key, object: K, untold: Option<Untold<K>>, group: Group<K>) -> Arc<K> {
        let old = self.entry(&key).map(|e| e.object.clone());
        if let Some(old) = old {
            self.leave(&key, &group(&old));
        }
        let object = Arc::new(object);
        let entry = Entry { object: object.clone(), untold };
        self.objects.entry(key.namespace.clone()).or_default().insert(key.name.clone(), entry);
        let group = (key.namespace, group(&object));
        self.groups.entry(group).or_default().insert(key.name, object.clone());
        object
    }

    fn take_out(&mut self, key: &Key, group: Group<K>) -> Option<Change<K>> {
        let objects = self.objects.get_mut(&key.namespace)?;
        let old = objects.remove(&key.name)?.object;
        if objects.is_empty() {
            self.objects.remove(&key.namespace);
        }
        self.leave(key, &group(&old));
        self.gone.extend(old.uid());
        let surplus = self.gone.len().saturating_sub(GONE_KEPT);
        self.gone.drain(..surplus);
        Some(Change { old: Some(old), new: None })
    }

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Older,
    Same,
    Newer,
}

/// Versions are opaque by contract and numbers in fact; where one is no number, what comes later is newer.
fn age<K: ResourceExt>(object: &K, known: &K) -> Age {
    let number = |o: &K| o.resource_version().and_then(|v| v.parse::<u64>().ok());
    match (number(object), number(known)) {
        (Some(new), Some(old)) if new < old => Age::Older,
        (Some(new), Some(old)) if new == old && object.uid() == known.uid() => Age::Same,
        (None, None) if object.resource_version() == known.resource_version() => Age::Same,
        _ => Age::Newer,
    }
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
    fn groups_follow_their_members() {
        let index = index();
        index.apply(object("a", 1, "x"));
        index.apply(object("b", 2, "x"));
        index.apply(object("a", 3, "y"));
        let names = |g: &str| index.in_group("ns", g).iter().map(|o| o.name_any()).collect::<Vec<_>>();
        assert_eq!((names("x"), names("y")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        index.remove(&object("b", 4, "x"));
        assert_eq!(names("x"), Vec::<String>::new());
        assert_eq!(index.len(), 1);
    }

    fn old_version(change: Option<Change<ConfigMap>>) -> Option<String> {
        change.expect("told").old.and_then(|o| o.resource_version())
    }

    #[test]
    fn what_a_write_brought_first_is_told_by_the_watch() {
        let index = index();
        index.learn(object("a", 1, "x"));
        assert_eq!(index.in_group("ns", "x").len(), 1, "known at once");
        assert_eq!(old_version(index.apply(object("a", 1, "x"))), None, "told as new");
        assert!(index.apply(object("a", 1, "x")).is_none(), "once");
        index.learn(object("a", 3, "x"));
        index.learn(object("a", 4, "x"));
        assert!(index.apply(object("a", 2, "x")).is_none(), "older than what is known");
        assert_eq!(old_version(index.apply(object("a", 4, "x"))).unwrap(), "1", "since what was told last");
        index.learn(object("a", 5, "x"));
        assert_eq!(old_version(index.apply(object("a", 6, "x"))).unwrap(), "4");
    }

    #[test]
    fn an_answer_that_comes_late_brings_nothing_back() {
        let index = index();
        index.apply(object("a", 1, "x"));
        index.remove(&object("a", 3, "x"));
        index.learn(object("a", 2, "x"));
        assert!(index.is_empty());
    }

    #[test]
    fn a_list_takes_away_what_is_gone_and_leaves_what_was_written_meanwhile() {
        let index = index();
        index.begin_list();
        index.apply(object("told", 1, "x"));
        index.learn(object("stale", 2, "x"));
        index.end_list(&HashSet::from([Key::new("ns", "told")]));
        assert_eq!(index.len(), 2, "written while the list was made");
        index.begin_list();
        index.learn(object("fresh", 9, "x"));
        let gone = index.end_list(&HashSet::new());
        let mut gone: Vec<_> = gone.iter().map(|c| c.object().unwrap().name_any()).collect();
        gone.sort();
        assert_eq!(gone, ["stale", "told"]);
        assert_eq!(index.keys(), [Key::new("ns", "fresh")]);
    }

    #[test]
    fn the_end_of_a_namesake_takes_nothing_away() {
        let index = index();
        let mut namesake = object("a", 7, "x");
        namesake.metadata.uid = Some("other".into());
        index.learn(namesake);
        assert!(index.remove(&object("a", 6, "x")).is_none());
        assert_eq!(index.len(), 1);
    }
}
