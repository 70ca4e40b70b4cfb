//! Watches: resuming, expired versions, bookmarks, and that nothing is ever missed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::{WatchStreamExt, watcher};
use proptest::prelude::*;
use serde_json::json;

use crate::world::World;

async fn next(
    stream: &mut (impl StreamExt<Item = kube::Result<WatchEvent<DynamicObject>>> + Unpin),
) -> String {
    let event = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap();
    match event.unwrap().unwrap() {
        WatchEvent::Added(o) => format!("added {}", o.metadata.name.unwrap()),
        WatchEvent::Modified(o) => format!("modified {}", o.metadata.name.unwrap()),
        WatchEvent::Deleted(o) => format!("deleted {}", o.metadata.name.unwrap()),
        WatchEvent::Bookmark(b) => format!("bookmark {}", b.metadata.annotations.len()),
        WatchEvent::Error(e) => format!("error {}", e.code),
    }
}

#[tokio::test]
async fn a_watch_tells_the_life_of_an_object() {
    let world = World::start().await;
    let boats = world.boats();
    world.boat("a", json!({"seats": 1})).await;
    let version = boats.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut events = boats.watch(&WatchParams::default(), &version).await.unwrap().boxed();

    world.boat("b", json!({"seats": 1})).await;
    let patch = Patch::Merge(json!({"spec": {"seats": 2}}));
    boats.patch("a", &PatchParams::default(), &patch).await.unwrap();
    boats.patch("a", &PatchParams::default(), &patch).await.unwrap();
    boats.delete("b", &DeleteParams::default()).await.unwrap();

    for expected in ["added b", "modified a", "deleted b"] {
        assert_eq!(next(&mut events).await, expected);
    }
}

#[tokio::test]
async fn an_expired_version_is_an_error_inside_the_stream() {
    let world = World::start().await;
    world.boat("a", json!({})).await;
    world.server.store().compact(world.server.store().version());
    world.boat("b", json!({})).await;
    let mut events = world.boats().watch(&WatchParams::default(), "1").await.unwrap().boxed();
    assert_eq!(next(&mut events).await, "error 410");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let world = World::start().await;
    world.boat("a", json!({})).await;
    let params = WatchParams::default().initial_events();
    let mut events = world.boats().watch(&params, "0").await.unwrap().boxed();
    assert_eq!(next(&mut events).await, "added a");
    assert_eq!(next(&mut events).await, "bookmark 1");
}

#[tokio::test]
async fn an_object_that_leaves_the_selection_is_deleted_from_it() {
    let world = World::start().await;
    let boats = world.boats();
    world.boat("a", json!({"name": "x"})).await;
    let params = WatchParams::default().fields("spec.name=x");
    let mut events = boats.watch(&params, "0").await.unwrap().boxed();
    assert_eq!(next(&mut events).await, "added a");
    for name in ["y", "x"] {
        let patch = Patch::Merge(json!({"spec": {"name": name}}));
        boats.patch("a", &PatchParams::default(), &patch).await.unwrap();
    }
    assert_eq!(next(&mut events).await, "deleted a");
    assert_eq!(next(&mut events).await, "added a");
}

/// The client's own reflector sees everything although its watches are short.
#[tokio::test(flavor = "multi_thread")]
async fn short_watches_miss_nothing() {
    let world = World::start().await;
    let boats = world.boats();
    let config = watcher::Config::default().timeout(1);
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let mut stream = watcher(boats.clone(), config).default_backoff().applied_objects().boxed();
    let writing = tokio::spawn({
        let boats: Api<DynamicObject> = boats.clone();
        async move {
            for i in 0..300_i64 {
                let name = format!("b{}", i % 30);
                let object = crate::world::boat(&name, json!({"seats": i + 1}));
                if i < 30 {
                    boats.create(&kube::api::PostParams::default(), &object).await.unwrap();
                } else {
                    let patch = Patch::Merge(json!({"spec": {"seats": i + 1}}));
                    boats.patch(&name, &PatchParams::default(), &patch).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let all = async {
        while seen.len() < 30 || seen.values().any(|seats| *seats <= 270) {
            let boat = stream.try_next().await.unwrap().unwrap();
            seen.insert(boat.metadata.name.unwrap(), boat.data["spec"]["seats"].as_i64().unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
    writing.await.unwrap();
}

/// A day on a clock that only we move, with compactions on the way: the client's watches end, expire and begin anew,
/// and what it knows is what a list says, hour by hour.
#[tokio::test(start_paused = true)]
async fn fm_62_a_watch_lives_through_a_day_and_misses_nothing() {
    // While something blocks, time does not move by itself.
    let (wake, asleep) = std::sync::mpsc::channel::<()>();
    let _holds_the_clock = tokio::task::spawn_blocking(move || asleep.recv());
    let world = World::start().await;
    let boats = world.boats();
    let mut events = watcher(boats.clone(), watcher::Config::default()).default_backoff().boxed();
    let (mut known, mut fresh) = (BTreeMap::new(), BTreeMap::new());
    let mut told = 0_u64;
    for hour in 0..24_i64 {
        // More in an hour than the server keeps for who comes late, now and then.
        for turn in 0..40 {
            let name = format!("b{}", (hour * 7 + turn) % 50);
            let object = crate::world::boat(&name, json!({"seats": hour * 100 + turn + 1}));
            if boats.get_opt(&name).await.unwrap().is_none() {
                boats.create(&PostParams::default(), &object).await.unwrap();
            } else if turn % 9 == 8 {
                boats.delete(&name, &DeleteParams::default()).await.unwrap();
            } else {
                let patch = Patch::Merge(json!({"spec": {"seats": hour * 100 + turn + 1}}));
                boats.patch(&name, &PatchParams::default(), &patch).await.unwrap();
            }
        }
        if hour % 5 == 4 {
            world.server.store().compact(world.server.store().version());
        }
        let wanted: BTreeMap<String, String> =
            boats.list(&ListParams::default()).await.unwrap().items.into_iter().map(named).collect();
        while known != wanted {
            // Pauses of the client pass, minute by minute, whenever nothing else happens.
            let event = tokio::select! {
                biased;
                event = events.next() => event.unwrap(),
                () = tokio::task::yield_now() => {
                    tokio::time::advance(Duration::from_millis(100)).await;
                    continue;
                }
            };
            told += 1;
            match event {
                Ok(watcher::Event::Init) => fresh.clear(),
                Ok(watcher::Event::InitApply(boat)) => fresh.extend([named(boat)]),
                Ok(watcher::Event::InitDone) => known = std::mem::take(&mut fresh),
                Ok(watcher::Event::Apply(boat)) => known.extend([named(boat)]),
                Ok(watcher::Event::Delete(boat)) => drop(known.remove(&named(boat).0)),
                // It ended or expired: the client begins anew.
                Err(_) => {}
            }
        }
        tokio::time::advance(Duration::from_hours(1)).await;
    }
    assert!(told >= 24 * 30, "{told} events were told");
    drop(wake);
}

/// An object's name and version.
fn named(boat: DynamicObject) -> (String, String) {
    (boat.metadata.name.unwrap_or_default(), boat.metadata.resource_version.unwrap_or_default())
}

/// What happens to the boats, and to whoever watches them.
#[derive(Clone, Debug)]
enum Step {
    Write(u8),
    Delete(u8),
    /// The stream is cut; it goes on from the last version that was seen.
    Cut,
    /// So many events are read.
    Read(u8),
    /// The server forgets what was before now.
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8).prop_map(Step::Write),
        3 => (0..6_u8).prop_map(Step::Delete),
        2 => Just(Step::Cut),
        3 => (1..5_u8).prop_map(Step::Read),
        1 => Just(Step::Compact),
    ]
}

/// A client that watches by hand.
struct Watcher {
    boats: Api<DynamicObject>,
    known: BTreeMap<String, String>,
    /// The last version that was seen.
    last: String,
    stream: Option<BoxStream<'static, kube::Result<WatchEvent<DynamicObject>>>>,
}

impl Watcher {
    async fn listed(boats: Api<DynamicObject>) -> Self {
        let found = boats.list(&ListParams::default()).await.unwrap();
        let last = found.metadata.resource_version.clone().unwrap();
        Self { boats, known: found.items.into_iter().map(named).collect(), last, stream: None }
    }

    /// Takes in one event; lists anew where its version has expired.
    async fn read(&mut self) {
        if self.stream.is_none() {
            let stream = self.boats.watch(&WatchParams::default(), &self.last).await.unwrap();
            self.stream = Some(stream.boxed());
        }
        let event = self.stream.as_mut().unwrap().next().await;
        match event.map(Result::unwrap) {
            Some(WatchEvent::Added(boat) | WatchEvent::Modified(boat)) => {
                let (name, version) = named(boat);
                self.last.clone_from(&version);
                self.known.insert(name, version);
            }
            Some(WatchEvent::Deleted(boat)) => {
                let (name, version) = named(boat);
                self.last = version;
                assert!(self.known.remove(&name).is_some(), "{name} was never there");
            }
            Some(WatchEvent::Error(status)) => {
                assert_eq!(status.code, 410);
                *self = Self::listed(self.boats.clone()).await;
            }
            Some(WatchEvent::Bookmark(_)) => {}
            None => self.stream = None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_that_is_cut_comes_to_what_a_list_says(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            let boats = world.boats();
            let mut watcher = Watcher::listed(boats.clone()).await;
            for (turn, step) in steps.into_iter().enumerate() {
                let seats = json!({"seats": turn + 1});
                match step {
                    Step::Write(n) if boats.get_opt(&format!("b{n}")).await.unwrap().is_none() => {
                        world.boat(&format!("b{n}"), seats).await;
                    }
                    Step::Write(n) => {
                        let patch = Patch::Merge(json!({"spec": seats}));
                        boats.patch(&format!("b{n}"), &PatchParams::default(), &patch).await.unwrap();
                    }
                    Step::Delete(n) => drop(boats.delete(&format!("b{n}"), &DeleteParams::default()).await),
                    Step::Cut => watcher.stream = None,
                    Step::Compact => world.server.store().compact(world.server.store().version()),
                    Step::Read(events) => {
                        for _ in 0..events {
                            // There may be none.
                            let _quiet = tokio::time::timeout(Duration::from_millis(2), watcher.read()).await;
                        }
                    }
                }
            }
            let list = boats.list(&ListParams::default()).await.unwrap();
            let wanted: BTreeMap<_, _> = list.items.into_iter().map(named).collect();
            while watcher.known != wanted {
                let read = tokio::time::timeout(Duration::from_secs(10), watcher.read()).await;
                assert!(read.is_ok(), "{:?} never becomes {wanted:?}", watcher.known);
            }
        });
    }
}
