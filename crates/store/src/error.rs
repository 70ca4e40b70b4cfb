//! What can go wrong: when a data directory is opened, when an object is written, when history is asked for.

use std::path::PathBuf;

use crate::Key;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another handle in this one) holds the directory.
    #[error("data directory {0} is in use by another process: stop it, or choose another directory")]
    InUse(PathBuf),
    /// A file or directory could not be made or read.
    #[error("cannot open {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is an SQLite database of another program.
    #[error("{0} is not a Ferry database: move it away, or choose another directory")]
    Foreign(PathBuf),
    /// The database was written by a newer release.
    #[error(
        "{path} has format {found}, this release knows formats up to {known}: run the newer release, or restore a copy"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The format found in it.
        found: i64,
        /// The newest format this release knows.
        known: i64,
    },
    /// A stored object does not parse.
    #[error("object {key} in {path} is damaged: {source}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The object.
        key: Key,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The database is damaged.
    #[error(
        "database {path} is damaged: {detail}; nothing was changed: restore a backup into another directory (`ferry restore`), or move the file away to begin anew"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Something is there that must not be overwritten.
    #[error("{0} is there already: nothing was changed; choose another place")]
    Exists(PathBuf),
    /// SQLite refused.
    #[error("database {path}: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Why an object was not written. Nothing of it is stored then.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// An object with this key is there already.
    #[error("{0} already exists")]
    Exists(Key),
    /// No object with this key.
    #[error("{0} not found")]
    Missing(Key),
    /// The object has another version than the writer had seen.
    #[error("{key} has version {current}, not {expected}")]
    Conflict {
        /// The object.
        key: Key,
        /// The version the writer had seen.
        expected: u64,
        /// The version it has.
        current: u64,
    },
    /// An object the write relies on has changed or is gone.
    #[error("{0} changed meanwhile")]
    Guard(Key),
    /// The object is larger than the store takes.
    #[error("{key} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The object.
        key: Key,
        /// Its size, serialised.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The value is not a JSON object.
    #[error("{0} is not a JSON object")]
    Shape(Key),
    /// The database could not be written (disk full, IO error). The caller may try again.
    #[error("cannot write to the database: {0}")]
    Database(String),
    /// There is no space left. Reads go on, and so do writes once there is space.
    #[error(
        "no space is left for the database ({0}): free some on its disk; reads go on, writes do once there is space"
    )]
    Full(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// The history asked for is not kept any more: list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version {requested} is too old: history starts after {oldest}")]
pub struct Expired {
    /// The version asked for.
    pub requested: u64,
    /// The oldest version from which history is complete.
    pub oldest: u64,
}
