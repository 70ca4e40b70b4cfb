//! Watching and looking back: nothing is missed, nothing comes twice, what is forgotten is said to be.

use ferry_store::{Expired, Options, Scope, Start, Store};

use crate::{BOATS, boat, create, key, names, open};

#[tokio::test]
async fn a_watch_resumes_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let first = create(&store, "a", 1).await;
    let second = create(&store, "b", 1).await;
    store.delete(key("a"), first.version).await.unwrap();

    let mut events = store.subscribe(Scope::all(BOATS), Start::After(first.version)).unwrap();
    let b = events.next().await.unwrap();
    let gone = events.next().await.unwrap();
    assert_eq!((b.version(), b.deleted, b.previous.is_none()), (second.version, false, true));
    assert_eq!((gone.object.key.name.as_str(), gone.deleted), ("a", true));
    create(&store, "c", 1).await;
    assert_eq!(events.next().await.unwrap().object.key.name, "c");
}

#[tokio::test]
async fn a_watch_sees_its_own_scope_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let scope = Scope { name: Some("b".into()), namespace: Some("harbour".into()), ..Scope::all(BOATS) };
    let mut events = store.subscribe(scope, Start::Now).unwrap();
    let mut all = store.subscribe_all();
    create(&store, "a", 1).await;
    store.create(ferry_store::Key::new("sea.test/buoys", "", "x"), boat("x", 0), Vec::new()).await.unwrap();
    create(&store, "b", 1).await;
    assert_eq!(events.next().await.unwrap().object.key.name, "b");
    for expected in ["a", "x", "b"] {
        assert_eq!(all.next().await.unwrap().object.key.name, expected);
    }
}

#[tokio::test]
async fn old_history_is_expired() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(directory.path());
    options.log_events = 3;
    let store = Store::open(&options).unwrap();
    for i in 0..5 {
        create(&store, &format!("b{i}"), i).await;
    }
    let expired = store.subscribe(Scope::all(BOATS), Start::After(1)).unwrap_err();
    assert_eq!(expired, Expired { requested: 1, oldest: 2 });
    let mut events = store.subscribe(Scope::all(BOATS), Start::After(2)).unwrap();
    assert_eq!(events.next().await.unwrap().object.key.name, "b2");

    store.compact(5);
    assert!(store.subscribe(Scope::all(BOATS), Start::After(4)).is_err());
    assert!(store.subscribe(Scope::all("sea.test/other"), Start::After(4)).is_err());
    assert!(store.subscribe(Scope::all(BOATS), Start::After(5)).is_ok());
}

#[tokio::test]
async fn lists_can_be_had_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let a = create(&store, "a", 1).await;
    let b = create(&store, "b", 1).await;
    let changed = store.replace(key("b"), b.version, boat("b", 2), Vec::new()).await.unwrap();
    store.delete(key("a"), a.version).await.unwrap();
    create(&store, "c", 1).await;

    let at = |version| store.list_at(BOATS, Some("harbour"), version).unwrap();
    assert_eq!(names(&at(0).objects), Vec::<&str>::new());
    assert_eq!(names(&at(b.version).objects), ["a", "b"]);
    assert_eq!(at(b.version).objects[1].value()["seats"], 1);
    assert_eq!(at(changed.version).objects[1].value()["seats"], 2);
    assert_eq!(names(&at(store.version()).objects), ["b", "c"]);
    store.compact(changed.version);
    assert!(store.list_at(BOATS, None, b.version).is_err());
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(directory.path());
    options.watcher_events = 4;
    let store = Store::open(&options).unwrap();
    let mut slow = store.subscribe(Scope::all(BOATS), Start::Now).unwrap();
    for i in 0..10 {
        create(&store, &format!("b{i}"), i).await;
    }
    let mut seen = 0;
    while slow.next().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, 4);
}
