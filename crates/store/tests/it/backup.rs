//! Copies taken while the store works and put back elsewhere; files that are damaged; a disk without space.

use std::io::{Seek as _, SeekFrom, Write as _};

use ferry_store::{Error, Options, Scope, Start, Store, WriteError, backup, restore};

use crate::{BOATS, boat, create, key, names, open};

#[tokio::test]
async fn a_copy_of_a_store_at_work_has_what_was_answered_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for i in 0..50 {
        create(&store, &format!("b{i:02}"), i).await;
    }
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for i in 0..200 {
                create(&store, &format!("c{i:03}"), i).await;
            }
        }
    });
    let copy = directory.path().join("copy.db");
    let (from, to) = (directory.path().to_owned(), copy.clone());
    tokio::task::spawn_blocking(move || backup(&from, &to)).await.unwrap().unwrap();
    writing.await.unwrap();
    let last = store.version();
    assert!(matches!(backup(directory.path(), &copy), Err(Error::Exists(path)) if path == copy));

    let elsewhere = tempfile::tempdir().unwrap();
    restore(&copy, elsewhere.path()).unwrap();
    let restored = open(elsewhere.path());
    let objects = restored.list(BOATS, None).objects;
    assert!(names(&objects).starts_with(&["b00", "b01"]) && objects.len() >= 50, "{}", objects.len());
    // Nobody who watched the old store sees one of its versions again for something else.
    let made = create(&restored, "new", 1).await;
    assert!(made.version > last, "{} after {last}", made.version);
    assert!(restored.subscribe(Scope::all(BOATS), Start::After(last)).is_err());
    drop(restored);
    assert!(matches!(restore(&copy, elsewhere.path()), Err(Error::Exists(_))));
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("other.db");
    let target = directory.path().join("data");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    assert!(matches!(restore(&file, &target), Err(Error::Foreign(_))));
    std::fs::write(&file, b"this is no database, but long enough to be taken for one ...").unwrap();
    assert!(matches!(restore(&file, &target), Err(Error::Corrupt { .. })));
    assert!(restore(&directory.path().join("nothing"), &target).is_err());
    assert!(!target.join("ferry.db").exists());
}

/// The message says what, where and what to do, and the file is left as it was.
fn refused(directory: &std::path::Path) -> String {
    let before = std::fs::read(directory.join("ferry.db")).unwrap();
    let error = Store::open(&Options::new(directory)).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(before, std::fs::read(directory.join("ferry.db")).unwrap());
    error.to_string()
}

#[tokio::test]
async fn a_damaged_database_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for i in 0..500 {
        create(&store, &format!("b{i}"), i).await;
    }
    store.close();
    drop(store);
    let path = directory.path().join("ferry.db");
    let whole = std::fs::read(&path).unwrap();
    let length = u64::try_from(whole.len()).unwrap();
    for kept in [length / 2, 5000, 100, 0] {
        std::fs::write(&path, &whole).unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(kept).unwrap();
        assert!(refused(directory.path()).contains("ferry restore"), "truncated to {kept}");
    }
    for place in [0, 100, 4096 + 8, length / 2] {
        std::fs::write(&path, &whole).unwrap();
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&[0xff; 64]).unwrap();
        // Damage inside of a value may not show in the pages: then the object does not parse, or is as it was.
        match Store::open(&Options::new(directory.path())) {
            Err(Error::Corrupt { .. } | Error::Damaged { .. } | Error::Foreign(_) | Error::Newer { .. }) => {}
            other => panic!("damaged at {place}: {other:?}"),
        }
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(open(directory.path()).list(BOATS, None).objects.len(), 500);
}

#[tokio::test]
async fn without_space_reads_go_on_and_with_space_writes_do() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { database_bytes: Some(1 << 20), ..Options::new(directory.path()) };
    let store = Store::open(&options).unwrap();
    let mut made = Vec::new();
    let full = loop {
        let name = format!("b{}", made.len());
        let mut value = boat(&name, 1);
        value["cargo"] = "x".repeat(10_000).into();
        match store.create(key(&name), value, Vec::new()).await {
            Ok(object) => made.push(object),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, WriteError::Full(_)), "{full}");
    let version = store.version();
    assert_eq!(store.list(BOATS, None).objects.len(), made.len());
    assert!(store.get(&key("b0")).is_some());

    for object in made.iter().take(10) {
        store.delete(object.key.clone(), object.version).await.unwrap();
    }
    let again = create(&store, "again", 1).await;
    assert!(again.version > version);
    let left = made.len() - 10 + 1;
    drop(store);
    assert_eq!(open(directory.path()).list(BOATS, None).objects.len(), left);
}
