//! A store that is dropped without a word and opened again has everything that was answered, and gives out no
//! version twice.

use ferry_store::{Options, Scope, Start, Store, WriteError};

use crate::{BOATS, boat, create, key, names, open};

#[tokio::test]
async fn everything_answered_is_there_after_a_drop() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let a = create(&store, "a", 1).await;
    create(&store, "b", 2).await;
    let gone = store.delete(key("a"), a.version).await.unwrap();
    drop(store);

    let store = open(directory.path());
    assert_eq!(names(&store.list(BOATS, None).objects), ["b"]);
    // The deletion left no row, yet its version stays taken.
    assert_eq!(store.version(), gone.version);
    assert!(create(&store, "c", 3).await.version > gone.version);
}

/// What a kill leaves: the files as they are at some instant, copied while the store runs.
#[tokio::test]
async fn the_files_of_a_killed_store_open() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for i in 0..200 {
        create(&store, &format!("b{i}"), i).await;
    }
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        // The shared-memory index is rebuilt from the log.
        if entry.file_name() != "ferry.db-shm" {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    let killed = open(copy.path());
    assert_eq!((killed.list(BOATS, None).objects.len(), killed.version()), (200, 200));
}

#[tokio::test]
async fn history_from_before_a_restart_is_expired() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let a = create(&store, "a", 1).await;
    let b = create(&store, "b", 1).await;
    drop(store);
    let store = open(directory.path());
    assert!(store.subscribe(Scope::all(BOATS), Start::After(a.version)).is_err());
    assert!(store.subscribe(Scope::all(BOATS), Start::After(b.version)).is_ok());
}

#[tokio::test]
async fn a_closed_store_says_so_and_frees_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut events = store.subscribe(Scope::all(BOATS), Start::Now).unwrap();
    create(&store, "a", 1).await;
    store.close();
    assert!(matches!(store.create(key("b"), boat("b", 1), Vec::new()).await, Err(WriteError::Closed)));
    assert_eq!(events.next().await.map(|e| e.version()), Some(1));
    assert!(events.next().await.is_none());
    open(directory.path());
}

/// A write that cannot be committed is an error for its caller, and the store goes on.
#[tokio::test]
async fn a_database_that_cannot_be_written_gives_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Options::new(directory.path())).unwrap();
    create(&store, "a", 1).await;
    let outside = rusqlite::Connection::open(directory.path().join("ferry.db")).unwrap();
    outside
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON object BEGIN SELECT RAISE(FAIL, 'disk full'); END",
        )
        .unwrap();
    let failed = store.create(key("b"), boat("b", 1), Vec::new()).await;
    assert!(matches!(failed, Err(WriteError::Database(text)) if text.contains("disk full")));
    assert!(store.get(&key("b")).is_none());
    outside.execute_batch("DROP TRIGGER full").unwrap();
    create(&store, "b", 1).await;
}

/// The write-ahead log is bounded: by itself, and again once a reader that kept it from being taken in has gone.
#[tokio::test]
async fn the_write_ahead_log_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let log = directory.path().join("ferry.db-wal");
    let bytes = || std::fs::metadata(&log).unwrap().len();
    let write = async |numbers: std::ops::Range<u64>| {
        for n in numbers {
            let mut large = boat(&format!("b{n}"), n);
            large["cargo"] = "x".repeat(200_000).into();
            store.create(key(&format!("b{n}")), large, Vec::new()).await.unwrap();
        }
    };
    write(0..150).await;
    assert!(bytes() < 10 << 20, "{} bytes after 30 MB were written", bytes());

    let reader = rusqlite::Connection::open(directory.path().join("ferry.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM object").unwrap();
    write(150..300).await;
    let held = bytes();
    assert!(held > 20 << 20, "the reader holds nothing: {held}");
    reader.execute_batch("COMMIT").unwrap();
    write(300..302).await;
    assert!(bytes() < 10 << 20, "{} bytes after the reader has gone, {held} before", bytes());
}
