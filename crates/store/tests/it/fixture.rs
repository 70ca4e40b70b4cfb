//! A database as format 1 wrote it must open for ever. `FERRY_WRITE_FIXTURE=1` makes it anew, which is only right
//! as long as no release has written the format.

use std::path::{Path, PathBuf};

use ferry_store::Key;
use serde_json::json;

use crate::{BOATS, create, key, names, open};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-1.db")
}

async fn write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    create(&store, "skiff", 2).await;
    let gone = create(&store, "gone", 1).await;
    let harbour = Key::new("/namespaces", "", "harbour");
    store.create(harbour, json!({"metadata": {"name": "harbour"}}), Vec::new()).await.unwrap();
    store.delete(key("gone"), gone.version).await.unwrap();
    drop(store);
    let database = rusqlite::Connection::open(directory.path().join("ferry.db")).unwrap();
    database.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(database);
    std::fs::create_dir_all(path().parent().unwrap()).unwrap();
    std::fs::copy(directory.path().join("ferry.db"), path()).unwrap();
}

#[tokio::test]
async fn format_1_opens() {
    if std::env::var_os("FERRY_WRITE_FIXTURE").is_some() {
        write().await;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(path(), directory.path().join("ferry.db")).unwrap();
    let store = open(directory.path());
    assert_eq!(store.version(), 4);
    assert_eq!(names(&store.list(BOATS, Some("harbour")).objects), ["skiff"]);
    let skiff = store.get(&key("skiff")).unwrap();
    assert_eq!((skiff.version, skiff.value()["seats"].as_u64()), (1, Some(2)));
    assert_eq!(names(&store.list("/namespaces", None).objects), ["harbour"]);
    assert_eq!(create(&store, "new", 1).await.version, 5);
}
