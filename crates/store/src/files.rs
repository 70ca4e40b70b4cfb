//! The data directory: modes (directory 0700, database 0600) and the lock that keeps a second process out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Error;

/// Name of the database inside the data directory.
pub(crate) const DATABASE: &str = "ferry.db";
const LOCK: &str = "ferry.lock";
/// A process that was killed holds its lock until the system has put it away, and who supervises it may have started the
/// next one by then.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the directory if needed and takes its lock, which lasts as long as the returned file is open. A database that
/// was in use and is empty now is refused: it would look like a new one.
pub(crate) fn prepare(directory: &Path) -> Result<(PathBuf, File), Error> {
    let (database, lock) = prepare_anew(directory)?;
    let length = |file: std::io::Result<fs::Metadata>| file.map(|file| file.len()).unwrap_or_default();
    if length(lock.metadata()) > 0 && length(database.metadata()) == 0 {
        return Err(Error::Corrupt { path: database, detail: "it was in use and is empty now".into() });
    }
    Ok((database, lock))
}

/// Notes in the lock that the directory has a database.
pub(crate) fn mark_used(lock: &mut File) -> std::io::Result<()> {
    use std::io::Write as _;
    if lock.metadata()?.len() == 0 {
        lock.write_all(b"used\n")?;
        lock.sync_all()?;
    }
    Ok(())
}

/// The same for a directory whose database is about to be written.
pub(crate) fn prepare_anew(directory: &Path) -> Result<(PathBuf, File), Error> {
    make_directory(directory).map_err(|source| Error::Io { path: directory.into(), source })?;
    let path = directory.join(LOCK);
    let lock = private(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let given_up = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < given_up => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(directory.into())),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path, source }),
        }
    }
    let database = directory.join(DATABASE);
    private(&database).map_err(|source| Error::Io { path: database.clone(), source })?;
    Ok((database, lock))
}

fn make_directory(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Opens (or makes) a file only its owner can read. SQLite gives the mode of the database to its side files.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        let file = options.open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}
