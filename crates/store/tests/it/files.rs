//! The data directory: modes, the lock, and files that are not for this release.

use ferry_store::{Error, Options, Store};

use crate::{create, open};

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("data");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = open(&directory);
    create(&store, "a", 1).await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in ["ferry.db", "ferry.db-wal", "ferry.db-shm", "ferry.lock"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_second_store_on_one_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let second = Store::open(&Options::new(directory.path()));
    assert!(matches!(&second, Err(Error::InUse(path)) if path == directory.path()));
    assert!(second.unwrap_err().to_string().contains("in use by another process"));
    drop(store);
    open(directory.path());
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let database = rusqlite::Connection::open(directory.path().join("ferry.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let before = std::fs::read(directory.path().join("ferry.db")).unwrap();
    let refused = Store::open(&Options::new(directory.path()));
    assert!(matches!(refused, Err(Error::Newer { found: 99, known: 1, .. })));
    assert_eq!(std::fs::read(directory.path().join("ferry.db")).unwrap(), before);
}

#[test]
fn the_database_of_another_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(directory.path().join("ferry.db")).unwrap();
    database.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    drop(database);
    assert!(matches!(Store::open(&Options::new(directory.path())), Err(Error::Foreign(_))));
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ferry.db"), "what is this ".repeat(1000)).unwrap();
    assert!(matches!(Store::open(&Options::new(directory.path())), Err(Error::Corrupt { .. })));
}
