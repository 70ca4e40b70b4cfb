//! Writes are compare-and-swaps, committed in groups, visible only when durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_store::{Guard, Options, Scope, Start, Store, WriteError};
use serde_json::json;

use crate::{BOATS, boat, create, key, open};

#[tokio::test]
async fn versions_grow_and_stand_in_the_object() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let a = create(&store, "a", 1).await;
    let b = create(&store, "b", 1).await;
    assert!(b.version > a.version);
    assert_eq!(b.value()["metadata"]["resourceVersion"], b.version.to_string());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&b.bytes).unwrap(), *b.value());
    assert_eq!((b.uid(), store.version()), ("uid-b", b.version));
}

#[tokio::test]
async fn a_write_needs_what_it_was_based_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let first = create(&store, "a", 1).await;
    let again = store.create(key("a"), boat("a", 2), Vec::new()).await;
    assert!(matches!(again, Err(WriteError::Exists(_))));

    let second = store.replace(key("a"), first.version, boat("a", 2), Vec::new()).await.unwrap();
    let stale = store.replace(key("a"), first.version, boat("a", 3), Vec::new()).await;
    assert!(matches!(stale, Err(WriteError::Conflict { current, .. }) if current == second.version));
    assert!(matches!(store.delete(key("a"), first.version).await, Err(WriteError::Conflict { .. })));

    let gone = store.delete(key("a"), second.version).await.unwrap();
    assert_eq!((gone.value()["seats"].as_u64(), gone.version > second.version), (Some(2), true));
    assert!(matches!(store.delete(key("a"), gone.version).await, Err(WriteError::Missing(_))));
}

#[tokio::test]
async fn a_guard_that_changed_stops_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let harbour = create(&store, "harbour", 1).await;
    let guard = vec![Guard { key: key("harbour"), version: harbour.version }];
    store.create(key("a"), boat("a", 1), guard.clone()).await.unwrap();
    store.replace(key("harbour"), harbour.version, boat("harbour", 2), Vec::new()).await.unwrap();
    let late = store.create(key("b"), boat("b", 1), guard).await;
    assert!(matches!(late, Err(WriteError::Guard(_))));
    assert!(store.get(&key("b")).is_none());
}

#[tokio::test]
async fn of_many_who_swap_one_version_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let seen = create(&store, "a", 0).await.version;
    let tasks: Vec<_> = (0..50)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move { store.replace(key("a"), seen, boat("a", i), Vec::new()).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn what_is_no_object_or_too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(directory.path());
    options.object_bytes = 200;
    let store = Store::open(&options).unwrap();
    let list = store.create(key("a"), json!([1]), Vec::new()).await;
    assert!(matches!(list, Err(WriteError::Shape(_))));
    let large = store.create(key("a"), json!({"text": "x".repeat(300)}), Vec::new()).await;
    assert!(matches!(large, Err(WriteError::TooLarge { limit: 200, .. })));
    create(&store, "b", 1).await;
}

/// Without groups, 3,000 durable writes of 64 writers would be 3,000 flushes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_together_are_committed_together() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut events = store.subscribe(Scope::all(BOATS), Start::Now).unwrap();
    let started = Instant::now();
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for i in 0..50 {
                    create(&store, &format!("w{writer}-{i}"), i).await;
                }
            })
        })
        .collect();
    let mut last = 0;
    for _ in 0..3200 {
        let event = events.next().await.unwrap();
        assert!(event.version() > last, "events come in order");
        last = event.version();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!((last, store.version()), (3200, 3200));
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// A caller that goes away leaves a write that happened whole or not at all.
#[tokio::test]
async fn a_dropped_caller_does_not_stop_its_write_midway() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut events = store.subscribe(Scope::all(BOATS), Start::Now).unwrap();
    {
        let mut write = Box::pin(store.create(key("a"), boat("a", 1), Vec::new()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::future::Future::poll(write.as_mut(), &mut context).is_pending());
    }
    let event = events.next().await.unwrap();
    assert_eq!(store.get(&key("a")).map(|o| o.version), Some(event.version()));
    assert_eq!(Arc::clone(&event.object).key, key("a"));
}
