//! Server-side apply: merges a configuration into an object, takes out what its manager applied before and nobody
//! else owns, and finds conflicts with other managers.

use serde_json::Value;

use super::configuration;
use super::managed::{Managed, Manager, Owned};
use super::merge::merge;
use super::remove::remove;
use super::set::Set;
use super::update::{Book, changes, create, without_nobodys};

/// Who owned fields of an object before anybody applied something to it.
const BEFORE: &str = "before-first-apply";

/// What came of it.
pub(crate) struct Applied {
    /// The new object; `None`: it stays as it is.
    pub(crate) object: Option<Value>,
    pub(crate) managed: Managed,
}

/// Fields that another manager owns with another value.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) with: Manager,
    pub(crate) set: Set,
}

/// Why nothing was applied.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The configuration does not fit the kind.
    Unfit(Vec<String>),
    Conflicts(Vec<Conflict>),
}

/// Applies a configuration to `live` (null where there is no object). Both are without `managedFields`.
pub(crate) fn apply(
    book: &Book<'_>,
    mut managed: Managed,
    live: &Value,
    configuration: &Value,
    force: bool,
) -> Result<Applied, Refusal> {
    let fields = configuration::fields(configuration, book.shape).map_err(Refusal::Unfit)?;
    let empty = Value::Object(serde_json::Map::new());
    let object = if live.is_null() { &empty } else { live };
    if managed.is_empty() && !live.is_null() {
        managed = adopt(book, live);
    }
    book.renew(&mut managed);
    let who = book.who(true);
    let before = managed.0.get(&who).cloned();
    let time = before.as_ref().and_then(|owned| owned.time.clone());
    let set = book.ownable(&fields);
    managed.0.insert(who.clone(), Owned { set, api_version: book.api_version.clone(), time });

    let merged = merge(object, configuration, book.shape);
    let result = match before.filter(|owned| !owned.set.is_empty()) {
        Some(before) => prune(book, &merged, &before.set, &managed),
        None => merged,
    };
    settle(book, &mut managed, &who, object, &result, force)?;
    if let Some(mine) = managed.0.get_mut(&who) {
        mine.set = without_nobodys(&mine.set);
    }
    managed.drop_empty();
    let changed = live.is_null() || result != *live;
    if changed && let Some(mine) = managed.0.get_mut(&who) {
        mine.time = Some(book.now.clone());
    }
    Ok(Applied { object: changed.then_some(result), managed })
}

/// The books of an object that was never applied: one manager has everything.
fn adopt(book: &Book<'_>, live: &Value) -> Managed {
    let unnamed = Book {
        shape: book.shape,
        api_version: book.api_version.clone(),
        manager: BEFORE.to_owned(),
        subresource: book.subresource.clone(),
        now: book.now.clone(),
        scope: book.scope,
        is_served: book.is_served,
    };
    create(&unnamed, Managed::default(), &Value::Object(serde_json::Map::new()), live)
}

/// Takes out what the manager applied before, does not apply now, and nobody owns.
fn prune(book: &Book<'_>, merged: &Value, last: &Set, managed: &Managed) -> Value {
    let shape = book.shape;
    let named = |value: &Value| configuration::fields_of_object(value, shape).with_named_fields(shape);
    let last = last.with_named_fields(shape);
    let pruned = remove(merged, &last, shape);
    let everything = named(merged);
    // Back comes what anybody owns, this manager's new configuration included.
    let owned = managed.0.values().fold(Set::default(), |all, owned| all.union(&owned.set));
    let stays = named(&pruned).union(&owned.with_named_fields(shape));
    let pruned = remove(merged, &everything.difference(&stays), shape);
    // And what was never this manager's to take away.
    remove(merged, &everything.difference(&named(&pruned)).intersection(&last), shape)
}

/// Takes changed fields from their owners, if that may be.
fn settle(
    book: &Book<'_>,
    managed: &mut Managed,
    who: &Manager,
    old: &Value,
    new: &Value,
    force: bool,
) -> Result<(), Refusal> {
    let Some(changed) = changes(book, old, new) else { return Ok(()) };
    let taken = changed.modified.union(&changed.added);
    let others = || managed.0.iter().filter(|(manager, _)| *manager != who);
    let conflicts: Vec<Conflict> = others()
        .map(|(with, owned)| Conflict { with: with.clone(), set: owned.set.intersection(&taken) })
        .filter(|conflict| !conflict.set.is_empty())
        .collect();
    if !force && !conflicts.is_empty() {
        return Err(Refusal::Conflicts(conflicts));
    }
    for (_, owned) in managed.0.iter_mut().filter(|(manager, _)| *manager != who) {
        owned.set = owned.set.difference(&taken).difference(&changed.removed);
    }
    Ok(())
}
