//! Copies of a database: taken while it is in use, and put back into an empty data directory.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::database::{self, Database};
use crate::{Error, files};

/// By how much versions go on after those of a restored copy: whoever saw versions that were given out after the copy
/// was taken must never see one of them again for something else.
const VERSIONS_AHEAD: u64 = 1 << 32;

/// Copies the database of a data directory, which may be in use by another process, into a new file: everything that
/// was acknowledged before this began, at one point in time. The file is there whole or not at all.
pub fn backup(directory: &Path, copy: &Path) -> Result<(), Error> {
    if copy.exists() {
        return Err(Error::Exists(copy.into()));
    }
    let path = directory.join(files::DATABASE);
    let fail = |source| Error::Sqlite { path: path.clone(), source };
    let io = |source| Error::Io { path: copy.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(fail)?;
    connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(fail)?;
    database::check_format(&connection, &path)?;
    let fresh = beside(copy, ".part");
    // What an attempt that did not finish has left.
    let _none = fs::remove_file(&fresh);
    drop(files::private(&fresh).map_err(io)?);
    let written = connection
        .execute("VACUUM INTO ?1", [fresh.to_string_lossy()])
        .map_err(|source| Error::Sqlite { path: fresh.clone(), source })
        .and_then(|_| Connection::open(&fresh).map_err(fail))
        .and_then(|connection| database::check_integrity(&connection, &fresh))
        .and_then(|()| File::open(&fresh).and_then(|file| file.sync_all()).map_err(io))
        .and_then(|()| fs::rename(&fresh, copy).map_err(io));
    if written.is_err() {
        let _none = fs::remove_file(&fresh);
    }
    written
}

/// Makes a data directory from a copy. The directory must not have a database yet. Versions go on far above those of
/// the copy, so clients that watched the old database are told to list again.
pub fn restore(copy: &Path, directory: &Path) -> Result<(), Error> {
    let fail = |source| Error::Sqlite { path: copy.into(), source };
    let original = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    database::check_format(&original, copy)?;
    database::check_integrity(&original, copy)?;
    drop(original);
    let taken = directory.join(files::DATABASE);
    if taken.metadata().is_ok_and(|file| file.len() > 0) || beside(&taken, "-wal").exists() {
        return Err(Error::Exists(taken));
    }
    let (path, _lock) = files::prepare_anew(directory)?;
    let fresh = beside(&path, ".restoring");
    let io = |source| Error::Io { path: fresh.clone(), source };
    fs::copy(copy, &fresh).map_err(io)?;
    drop(files::private(&fresh).map_err(io)?);
    // Every object is read once: what the copy holds can be served.
    let database = Database::open(&fresh)?;
    database.load(|_| ())?;
    let version = database.version()?;
    database.raise_version(version.saturating_add(VERSIONS_AHEAD))?;
    database.close()?;
    File::open(&fresh).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(&fresh, &path).map_err(io)?;
    for side in ["-wal", "-shm"] {
        let _none = fs::remove_file(beside(&fresh, side));
    }
    File::open(directory).and_then(|file| file.sync_all()).map_err(io)
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}
