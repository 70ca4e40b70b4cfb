//! The books of a write: who owns which field afterwards.

use std::borrow::Cow;

use http::header;
use serde_json::{Value, json};

use super::Call;
use crate::kinds::{Builtin, newer_event};
use crate::meta;
use crate::options::WriteOptions;
use crate::ownership::{Book, Managed, Scope, Shape, create, update};

/// Longest name of a manager that is taken from the name of the client's program.
const LONGEST_NAME: usize = 128;

/// Where the books of a write begin.
pub(super) enum Books {
    /// With what the client sent, if it sent any; else with what is stored.
    Given(Option<Value>),
    /// They are kept already.
    Kept(Managed),
}

impl Books {
    /// Of an object that a client sent.
    pub(super) fn given(call: &Call, object: &Value) -> Self {
        Self::Given(meta::managed_fields(object).filter(|_| !through_subresource(call)).cloned())
    }

    /// `managedFields` after the write: `before` (none for a new object) becomes `after`.
    pub(super) fn entries(
        &self,
        call: &Call,
        options: &WriteOptions,
        before: Option<&Value>,
        after: &Value,
    ) -> Vec<Value> {
        let given = match self {
            Self::Kept(managed) => return managed.written(),
            Self::Given(given) => given.as_ref(),
        };
        let managed = begin(call, given, before);
        let blank = call.resource.builtin().map_or_else(|| json!({}), Builtin::blank);
        let (before, after) = (before.map(|before| in_form_of(call, before)), in_form_of(call, after));
        with_book(call, options, |book| match &before {
            Some(before) => update(book, managed, before, &after),
            None => create(book, managed, &in_form_of(call, &blank), &after),
        })
        .written()
    }
}

/// An Event is one object in two forms; its books are kept in the form of the call.
fn in_form_of<'a>(call: &Call, object: &'a Value) -> Cow<'a, Value> {
    let newer = call.resource.is(Builtin::Event) && !call.resource.group.is_empty();
    if newer { Cow::Owned(newer_event(object)) } else { Cow::Borrowed(object) }
}

/// `managedFields` of an object that is made of nothing but `blank`.
pub(super) fn of_new(call: &Call, options: &WriteOptions, object: &Value, blank: &Value) -> Vec<Value> {
    with_book(call, options, |book| create(book, Managed::default(), blank, object)).written()
}

/// Through a subresource nobody keeps the books: what the client says of them does not count.
fn through_subresource(call: &Call) -> bool {
    call.place.subresource.is_some()
}

/// The books to go on with.
fn begin(call: &Call, given: Option<&Value>, before: Option<&Value>) -> Managed {
    let stored = || before.and_then(|b| Managed::read(meta::managed_fields(b))).unwrap_or_default();
    if through_subresource(call) {
        return stored();
    }
    if Managed::is_reset(given) {
        return Managed::default();
    }
    // Clients that do not know of them must not lose them.
    Managed::read(given).filter(|managed| !managed.is_empty()).unwrap_or_else(stored)
}

/// Lends what book-keeping must know of a call.
pub(super) fn with_book<T>(call: &Call, options: &WriteOptions, work: impl FnOnce(&Book<'_>) -> T) -> T {
    let resource = &call.resource;
    let catalog = call.server.catalog();
    let is_served = |api_version: &str| {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        catalog.get(group, version, &resource.plural).is_some()
    };
    work(&Book {
        shape: Shape::of(resource),
        api_version: resource.api_version(),
        manager: manager(call, options),
        subresource: call.place.subresource.clone().unwrap_or_default(),
        now: meta::now(),
        scope: scope(call),
        is_served: &is_served,
    })
}

/// What of an object is written through the call's path.
fn scope(call: &Call) -> Scope {
    match call.place.subresource.as_deref() {
        Some("status") => Scope::Only("status"),
        Some(_) => Scope::Only("spec"),
        // What a Namespace holds itself by, and its phase, the server writes.
        None if call.resource.is(Builtin::Namespace) => Scope::Without(&["spec", "status"]),
        None if call.resource.has_status => Scope::Without(&["status"]),
        None => Scope::Without(&[]),
    }
}

/// The name under which the client writes: what it says, or the name of its program.
pub(super) fn manager(call: &Call, options: &WriteOptions) -> String {
    if let Some(name) = &options.field_manager {
        return name.clone();
    }
    let agent = call.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown");
    agent.split('/').next().unwrap_or_default().chars().take(LONGEST_NAME).collect()
}

/// Writes the entries into the object. Where nothing but times would change, the old ones stay.
pub(super) fn write(object: &mut Value, mut entries: Vec<Value>, before: &Value) {
    let old = meta::managed_fields(before).and_then(Value::as_array);
    if let Some(old) = old
        && timeless(&entries) == timeless(old)
    {
        let kept = old.clone();
        if same_but_books(object, before) {
            entries = kept;
        }
    }
    meta::set_managed_fields(object, entries);
}

/// Entries in an order that does not depend on how they stand, each without its time.
fn timeless(entries: &[Value]) -> Vec<Vec<(&String, &Value)>> {
    let mut entries: Vec<&Value> = entries.iter().collect();
    entries.sort_by_cached_key(|entry| {
        ["manager", "operation", "subresource", "apiVersion"]
            .map(|field| entry.get(field).map(Value::to_string))
    });
    entries
        .into_iter()
        .filter_map(Value::as_object)
        .map(|entry| entry.iter().filter(|(name, _)| *name != "time").collect())
        .collect()
}

/// Whether two objects are equal but for `managedFields`.
fn same_but_books(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    a.len() == b.len()
        && a.iter().all(|(field, value)| match (field.as_str(), b.get(field)) {
            ("metadata", Some(other)) => {
                let strip = |metadata: &Value| -> Vec<(String, Value)> {
                    let members = metadata.as_object().into_iter().flatten();
                    let rest = members.filter(|(name, _)| *name != meta::MANAGED_FIELDS);
                    let mut rest: Vec<_> = rest.map(|(n, v)| (n.clone(), v.clone())).collect();
                    rest.sort_by(|a, b| a.0.cmp(&b.0));
                    rest
                };
                strip(value) == strip(other)
            }
            (_, other) => other == Some(value),
        })
}
