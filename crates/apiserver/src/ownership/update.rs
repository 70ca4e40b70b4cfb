//! Writes that are not applied: whoever changes a field owns it, and nobody else.

use serde_json::Value;

use super::compare::{Comparison, compare, compare_member};
use super::managed::{Managed, Manager, Owned};
use super::set::Set;
use super::shape::Shape;

/// Fields of `metadata` and of the object that nobody owns.
const NOBODYS: &[&str] = &[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Which members of an object a path writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    Only(&'static str),
    Without(&'static [&'static str]),
}

/// What book-keeping needs to know of a write.
pub(crate) struct Book<'a> {
    pub(crate) shape: Shape<'a>,
    /// `apiVersion` of the call.
    pub(crate) api_version: String,
    pub(crate) manager: String,
    pub(crate) subresource: String,
    pub(crate) now: String,
    pub(crate) scope: Scope,
    /// Whether a version is (still) served: entries of others are dropped.
    pub(crate) is_served: &'a (dyn Fn(&str) -> bool + Sync),
}

impl Book<'_> {
    pub(crate) fn who(&self, applies: bool) -> Manager {
        Manager {
            updates_in: (!applies).then(|| self.api_version.clone()),
            name: self.manager.clone(),
            subresource: self.subresource.clone(),
        }
    }

    /// Only what somebody can own through this path.
    pub(crate) fn ownable(&self, set: &Set) -> Set {
        match self.scope {
            Scope::Only(name) => set.clone().only_field(name),
            Scope::Without(names) => set.clone().without_fields(names),
        }
    }

    /// Brings entries into the terms of today's schema, without those of versions that are gone.
    pub(crate) fn renew(&self, managed: &mut Managed) {
        managed
            .0
            .retain(|_, owned| owned.api_version == self.api_version || (self.is_served)(&owned.api_version));
        for owned in managed.0.values_mut() {
            owned.set.bring_into_terms_of(self.shape);
        }
    }
}

/// What a write changed, as far as ownership goes.
pub(crate) fn changes(book: &Book<'_>, old: &Value, new: &Value) -> Option<Comparison> {
    if let Scope::Only(name) = book.scope {
        return compare_member(name, old, new, book.shape);
    }
    let Comparison { added, removed, modified } = compare(old, new, book.shape)?;
    Some(Comparison {
        added: book.ownable(&added),
        removed: book.ownable(&removed),
        modified: book.ownable(&modified),
    })
}

/// Book-keeping of an update. An object that nobody keeps books of stays without: its history is not known.
pub(crate) fn update(book: &Book<'_>, managed: Managed, before: &Value, after: &Value) -> Managed {
    if managed.is_empty() { managed } else { create(book, managed, before, after) }
}

/// Book-keeping of a new object; `blank` is what an object of its kind has before anybody says anything.
pub(crate) fn create(book: &Book<'_>, mut managed: Managed, blank: &Value, after: &Value) -> Managed {
    book.renew(&mut managed);
    let Some(changed) = changes(book, blank, after) else { return managed };
    let who = book.who(false);
    let taken = changed.modified.union(&changed.added);
    for owned in managed.0.values_mut() {
        owned.set.subtract(&taken);
        owned.set.subtract(&changed.removed);
    }
    let taken = without_nobodys(&taken);
    if !taken.is_empty() {
        let mine = managed.0.entry(who).or_insert_with(|| Owned {
            set: Set::default(),
            api_version: book.api_version.clone(),
            time: None,
        });
        mine.set.add(&taken);
        mine.time = Some(book.now.clone());
    }
    managed.drop_empty();
    managed.join_oldest();
    managed
}

/// Without what only the server writes.
pub(crate) fn without_nobodys(set: &Set) -> Set {
    let mut nobodys = Set::default();
    let field = |name: &str| super::element::Element::Field(name.to_owned());
    for name in ["apiVersion", "kind", "metadata"] {
        nobodys.insert(&[field(name)]);
    }
    for name in NOBODYS {
        nobodys.insert(&[field("metadata"), field(name)]);
    }
    set.difference(&nobodys)
}
