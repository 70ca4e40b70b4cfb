//! The SQLite file: application id, format version and migrations, durability, loading and writing of rows.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::{Error, Event, Key, Object};

/// Marks the file as ours (`FRRY`).
const APPLICATION_ID: i64 = 0x4652_5259;

/// Step `i` brings a database from format `i` to format `i + 1`. Only ever append.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE object (
        id INTEGER PRIMARY KEY,
        resource TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        body BLOB NOT NULL,
        UNIQUE (resource, namespace, name)
    ) STRICT;
    CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
    INSERT INTO counter (version) VALUES (0);
"];

/// The open database. Only the writer thread holds it.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens the file, brings it to the newest format and sets it durable.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let fail = |source| told(path, source);
        let mut connection = Connection::open(path).map_err(fail)?;
        identify(&connection, path, MIGRATIONS.len())?;
        check_integrity(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        connection.pragma_update(None, "journal_size_limit", 8 << 20).map_err(fail)?;
        migrate(&mut connection, path, MIGRATIONS)?;
        connection.set_prepared_statement_cache_capacity(16);
        Ok(Self { connection, path: path.into() })
    }

    /// Refuses to grow beyond so many bytes.
    pub(crate) fn limit(&self, bytes: u64) -> Result<(), Error> {
        let page: u64 = self
            .connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map_err(|source| self.error(source))?
            .unsigned_abs();
        let pages = (bytes / page.max(1)).cast_signed();
        self.connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(|source| self.error(source))
    }

    /// Brings everything into the one file and closes it.
    pub(crate) fn close(self) -> Result<(), Error> {
        let path = self.path;
        self.connection
            .pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))
            .map_err(|source| told(&path, source))?;
        self.connection.close().map_err(|(_, source)| told(&path, source))
    }

    /// The highest version ever given out.
    pub(crate) fn version(&self) -> Result<u64, Error> {
        let read = self.connection.query_row("SELECT version FROM counter", [], |row| row.get::<_, i64>(0));
        Ok(read.map_err(|source| self.error(source))?.unsigned_abs())
    }

    /// Makes versions start after `version` in a database that is still below it.
    pub(crate) fn raise_version(&self, version: u64) -> Result<(), Error> {
        self.connection
            .execute("UPDATE counter SET version = max(version, ?1)", [version.cast_signed()])
            .map_err(|source| self.error(source))?;
        Ok(())
    }

    /// Reads every object.
    pub(crate) fn load(&self, mut each: impl FnMut(Object)) -> Result<(), Error> {
        let fail = |source| self.error(source);
        let mut statement = self
            .connection
            .prepare("SELECT resource, namespace, name, version, body FROM object")
            .map_err(fail)?;
        let mut rows = statement.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            let resource: String = row.get(0).map_err(fail)?;
            let key = Key::new(
                resource,
                row.get::<_, String>(1).map_err(fail)?,
                row.get::<_, String>(2).map_err(fail)?,
            );
            let version = row.get::<_, i64>(3).map_err(fail)?.unsigned_abs();
            let body: Vec<u8> = row.get(4).map_err(fail)?;
            let value: Value = serde_json::from_slice(&body).map_err(|source| Error::Damaged {
                path: self.path.clone(),
                key: key.clone(),
                source,
            })?;
            each(Object::of(key, version, &value, body.into()));
        }
        Ok(())
    }

    /// Writes all events in one transaction; durable when this returns.
    pub(crate) fn commit(&mut self, events: &[Event], version: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO object (resource, namespace, name, version, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (resource, namespace, name) DO UPDATE SET version = ?4, body = ?5",
            )?;
            let mut remove = transaction
                .prepare_cached("DELETE FROM object WHERE resource = ?1 AND namespace = ?2 AND name = ?3")?;
            for Event { object, deleted, .. } in events {
                let Key { resource, namespace, name } = &object.key;
                if *deleted {
                    remove.execute(params![resource.as_ref(), namespace, name])?;
                } else {
                    let version = object.version.cast_signed();
                    put.execute(params![resource.as_ref(), namespace, name, version, object.bytes.as_ref()])?;
                }
            }
            transaction
                .prepare_cached("UPDATE counter SET version = ?1")?
                .execute([version.cast_signed()])?;
        }
        transaction.commit()
    }

    fn error(&self, source: rusqlite::Error) -> Error {
        told(&self.path, source)
    }
}

/// What SQLite said, with damage told apart.
fn told(path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match source.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            Error::Corrupt { path: path.into(), detail: source.to_string() }
        }
        _ => Error::Sqlite { path: path.into(), source },
    }
}

/// Whether SQLite says that there is no space.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    // A disk without space can also show as a write that failed.
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Refuses a file that is not ours or of a newer format.
pub(crate) fn check_format(connection: &Connection, path: &Path) -> Result<(), Error> {
    identify(connection, path, MIGRATIONS.len())?;
    match format(connection, path)? {
        0 => Err(Error::Foreign(path.into())),
        _ => Ok(()),
    }
}

/// Refuses a file whose pages do not fit together.
pub(crate) fn check_integrity(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| told(path, source))?;
    if found == "ok" { Ok(()) } else { Err(Error::Corrupt { path: path.into(), detail: found }) }
}

/// Refuses other programs' databases and newer formats, before anything is changed.
fn identify(connection: &Connection, path: &Path, known: usize) -> Result<(), Error> {
    let fail = |source| told(path, source);
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fail)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fail)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(Error::Foreign(path.into()));
    }
    let (found, known) = (format(connection, path)?, i64::try_from(known).unwrap_or(i64::MAX));
    if found > known {
        return Err(Error::Newer { path: path.into(), found, known });
    }
    Ok(())
}

fn format(connection: &Connection, path: &Path) -> Result<i64, Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|source| told(path, source))
}

/// Brings the database to the newest format in one transaction, after a copy of what was there.
fn migrate(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), Error> {
    let fail = |source| Error::Sqlite { path: path.into(), source };
    let found = format(connection, path)?;
    let done = usize::try_from(found).unwrap_or_default();
    let Some(rest) = steps.get(done..).filter(|rest| !rest.is_empty()) else { return Ok(()) };
    if done > 0 {
        copy(connection, path, found)?;
    }
    let transaction = connection.transaction().map_err(fail)?;
    for step in rest {
        transaction.execute_batch(step).map_err(fail)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
    let newest = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", newest).map_err(fail)?;
    transaction.commit().map_err(fail)
}

/// Copies the database beside itself as `ferry.db.format-N`.
fn copy(connection: &Connection, path: &Path, format: i64) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".format-{format}"));
    let copy = path.with_file_name(name);
    let io = |source| Error::Io { path: copy.clone(), source };
    if copy.exists() {
        // Left by an attempt that did not finish; the database itself is still of the old format.
        std::fs::remove_file(&copy).map_err(io)?;
    }
    connection
        .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(|source| Error::Sqlite { path: copy.clone(), source })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_format_is_migrated_after_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ferry.db");
        drop(Database::open(&path).unwrap());

        let mut connection = Connection::open(&path).unwrap();
        let steps = [MIGRATIONS[0], "ALTER TABLE counter ADD COLUMN epoch INTEGER NOT NULL DEFAULT 7"];
        migrate(&mut connection, &path, &steps).unwrap();

        let epoch: i64 = connection.query_row("SELECT epoch FROM counter", [], |r| r.get(0)).unwrap();
        assert_eq!((epoch, format(&connection, &path).unwrap()), (7, 2));
        let copy = Connection::open(directory.path().join("ferry.db.format-1")).unwrap();
        assert_eq!(format(&copy, &path).unwrap(), 1);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_old_format() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ferry.db");
        drop(Database::open(&path).unwrap());

        let mut connection = Connection::open(&path).unwrap();
        let steps = [MIGRATIONS[0], "CREATE TABLE more (a INTEGER) STRICT; this is not SQL"];
        assert!(matches!(migrate(&mut connection, &path, &steps), Err(Error::Sqlite { .. })));

        drop(connection);
        let database = Database::open(&path).unwrap();
        let more: i64 = database
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'more'", [], |r| r.get(0))
            .unwrap();
        assert_eq!((more, format(&database.connection, &path).unwrap()), (0, 1));
    }
}
