//! What must hold of server-side apply whatever is applied.

use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::apply::{Applied, Refusal, apply};
use super::compare::compare;
use super::configuration::fields_of_object;
use super::managed::Managed;
use super::set::Set;
use super::shape::Shape;
use super::update::{Book, Scope, update};
use crate::schema::Structural;

fn schema() -> Structural {
    let text = json!({"type": "string"});
    let slot =
        json!({"type": "object", "properties": {"name": text, "qty": {"type": "integer"}, "unit": text}});
    let spec = json!({"type": "object", "properties": {
        "size": {"type": "integer"},
        "label": text,
        "notes": {"type": "object", "additionalProperties": text},
        "dims": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "integer"}},
        "tags": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "lines": {"type": "array", "items": text},
        "slots": {"type": "array", "items": slot, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    }});
    Structural::compile(&json!({"type": "object", "properties": {"spec": spec}}), false).unwrap()
}

/// A configuration; `names` are the beginnings of the names it may use.
fn configuration(names: &'static str) -> impl Strategy<Value = Value> {
    let word = move || prop::sample::select(names.chars().map(|c| c.to_string()).collect::<Vec<_>>());
    let slot = (option::of(0..3_i64), option::of("[uv]")).prop_map(|(qty, unit)| (qty, unit));
    (
        option::of(0..3_i64),
        option::of("[xy]"),
        option::of(btree_map(word(), "[pq]", 0..3)),
        option::of(btree_map(word(), 0..3_i64, 1..3)),
        option::of(btree_set(word(), 0..3)),
        option::of(prop::collection::vec("[ab]", 0..3)),
        option::of(btree_map(word(), slot, 0..3)),
    )
        .prop_map(|(size, label, notes, dims, tags, lines, slots)| {
            let mut spec = Map::new();
            let mut put = |name: &str, value: Option<Value>| spec.extend(value.map(|v| (name.to_owned(), v)));
            put("size", size.map(Value::from));
            put("label", label.map(Value::from));
            put("notes", notes.map(|n| json!(n)));
            put("dims", dims.map(|d| json!(d)));
            put("tags", tags.map(|t| json!(t)));
            put("lines", lines.map(Value::from));
            put(
                "slots",
                slots.map(|slots| {
                    slots
                        .into_iter()
                        .map(|(name, (qty, unit))| {
                            let mut slot = Map::from_iter([("name".to_owned(), Value::from(name))]);
                            slot.extend(qty.map(|q| ("qty".to_owned(), q.into())));
                            slot.extend(unit.map(|u| ("unit".to_owned(), u.into())));
                            Value::Object(slot)
                        })
                        .collect()
                }),
            );
            json!({"apiVersion": "test/v1", "kind": "Crate", "metadata": {"name": "a"}, "spec": spec})
        })
}

struct World {
    schema: Structural,
    object: Value,
    managed: Managed,
}

impl World {
    fn new() -> Self {
        Self { schema: schema(), object: Value::Null, managed: Managed::default() }
    }

    /// With an object that somebody has made: its books are never empty.
    fn with_object() -> Self {
        let mut world = Self::new();
        let base = json!({"apiVersion": "test/v1", "kind": "Crate", "metadata": {"name": "a", "labels": {"x": "y"}}});
        world.apply("base", &base, false).unwrap();
        world
    }

    fn book(&self, manager: &str) -> Book<'_> {
        Book {
            shape: Shape::root_of(&self.schema),
            api_version: "test/v1".to_owned(),
            manager: manager.to_owned(),
            subresource: String::new(),
            now: "2026-01-01T00:00:00Z".to_owned(),
            scope: Scope::Without(&[]),
            is_served: &|_| true,
        }
    }

    /// Applies; gives whether the object changed.
    fn apply(&mut self, manager: &str, configuration: &Value, force: bool) -> Result<bool, Refusal> {
        let result = apply(&self.book(manager), self.managed.clone(), &self.object, configuration, force);
        let Applied { object, managed } = result?;
        self.managed = managed;
        let changed = object.is_some();
        self.object = object.unwrap_or_else(|| std::mem::take(&mut self.object));
        Ok(changed)
    }

    fn change(&mut self, manager: &str, object: Value) {
        self.managed = update(&self.book(manager), self.managed.clone(), &self.object, &object);
        self.object = object;
    }

    /// The paths of everything that is there.
    fn paths(&self) -> Set {
        compare(&json!({}), &self.object, Shape::root_of(&self.schema)).unwrap().added
    }

    /// Nobody owns what is not there.
    fn check_owners(&self) {
        let there = self.paths();
        for (manager, owned) in &self.managed.0 {
            let stray = owned.set.difference(&there);
            assert!(stray.is_empty(), "{manager:?} owns {:?} of {}", stray.shown(), self.object);
        }
    }
}

/// Lists whose order means nothing, in order.
fn sorted(mut object: Value) -> Value {
    for list in ["/spec/tags", "/spec/slots"] {
        if let Some(items) = object.pointer_mut(list).and_then(Value::as_array_mut) {
            items.sort_by_key(Value::to_string);
        }
    }
    object
}

/// The configuration without containers that have nothing in them: on a real server such a container is taken away
/// with the last owned member beside it.
fn filled(mut configuration: Value) -> Value {
    if let Some(spec) = configuration["spec"].as_object_mut() {
        spec.retain(|_, value| *value != json!({}) && *value != json!([]));
        if spec.is_empty() {
            spec.insert("size".to_owned(), 1.into());
        }
    }
    configuration
}

proptest! {
    #[test]
    fn applying_again_changes_nothing(first in configuration("abc"), other in configuration("abc")) {
        let mut world = World::new();
        world.apply("one", &first, false).unwrap();
        world.apply("two", &other, true).unwrap();
        let before = (world.object.clone(), world.managed.clone());
        prop_assert!(!world.apply("two", &other, false).unwrap());
        prop_assert_eq!(before, (world.object.clone(), world.managed.clone()));
    }

    #[test]
    fn who_applies_different_things_may_come_in_any_order(a in configuration("abc"), b in configuration("uvw")) {
        let (mut here, mut there) = (World::with_object(), World::with_object());
        let disjoint = here.apply("one", &a, false).is_ok() && here.apply("two", &b, false).is_ok();
        if disjoint && there.apply("two", &b, false).is_ok() && there.apply("one", &a, false).is_ok() {
            prop_assert_eq!(sorted(here.object), sorted(there.object));
            let sets = |managed: Managed| managed.0.into_iter().map(|(m, o)| (m, o.set)).collect::<Vec<_>>();
            prop_assert_eq!(sets(here.managed), sets(there.managed));
        }
    }

    #[test]
    fn force_wins_and_owns(a in configuration("abc"), b in configuration("abc")) {
        let mut world = World::new();
        world.apply("one", &a, false).unwrap();
        world.apply("two", &b, true).unwrap();
        let shape = Shape::root_of(&world.schema);
        let wanted = fields_of_object(&b, shape);
        let mine = world.managed.0.iter().find(|(m, _)| m.name == "two").map(|(_, o)| o.set.clone());
        let unowned = super::update::without_nobodys(&wanted).difference(&mine.unwrap_or_default());
        prop_assert!(unowned.is_empty(), "{:?}", unowned.shown());
        for field in ["size", "label", "lines", "dims"] {
            if let Some(value) = b["spec"].get(field) {
                prop_assert_eq!(&world.object["spec"][field], value);
            }
        }
    }

    #[test]
    fn what_is_dropped_and_nobodys_goes(a in configuration("abc"), b in configuration("uvw")) {
        let (a, b) = (filled(a), filled(b));
        let nothing = json!({"apiVersion": "test/v1", "kind": "Crate", "metadata": {"name": "a"}});
        let mut world = World::new();
        world.apply("two", &b, false).unwrap();
        let before = world.paths();
        world.apply("one", &a, true).unwrap();
        // Values that "one" took over from "two" and then drops are gone; nothing else of "two" is.
        let kept = world.managed.0.iter().find(|(m, _)| m.name == "two").map(|(_, o)| o.set.clone()).unwrap_or_default();
        world.apply("one", &nothing, false).unwrap();
        let after = world.paths();
        prop_assert!(kept.intersection(&before).difference(&after).is_empty());
        prop_assert!(world.managed.0.keys().all(|m| m.name != "one"));
        world.check_owners();
    }

    #[test]
    fn owners_own_what_is_there(
        writes in prop::collection::vec((0..3_u8, configuration("abc"), any::<bool>()), 1..8),
    ) {
        let mut world = World::new();
        for (who, object, applied) in writes {
            let who = ["one", "two", "three"][usize::from(who)];
            let object = filled(object);
            if applied || world.object.is_null() {
                world.apply(who, &object, true).unwrap();
            } else {
                world.change(who, object);
            }
            world.check_owners();
        }
    }
}
