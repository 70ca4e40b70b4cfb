//! What goes wrong with a work directory.

use std::io;

use super::path::InvalidPath;

/// Why the work directory did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path leads out, by its words or through a symbolic link.
    #[error("{0:?} leads out of the work directory; use a path inside it")]
    Escapes(String),
    /// The text is no path.
    #[error("{0}")]
    Path(InvalidPath),
    /// There is nothing there.
    #[error("{0:?} does not exist in the work directory; check the path and the steps before this one")]
    Missing(String),
    /// A directory is where a file was expected.
    #[error("{0:?} is a directory; name a file")]
    Directory(String),
    /// That cannot be done to the work directory itself.
    #[error("{0:?} is the work directory itself, which cannot be {1}")]
    Whole(String, &'static str),
    /// Something else is where a directory was expected.
    #[error("{0:?} is not a directory")]
    NotDirectory(String),
    /// Neither file nor directory nor link.
    #[error("{0:?} is a special file; steps work with files, directories and links only")]
    Special(String),
    /// Links that never end.
    #[error("{0:?} goes through too many symbolic links; check for a loop")]
    Loop(String),
    /// A name that is not UTF-8.
    #[error("a name in {0:?} is not UTF-8; rename it")]
    Name(String),
    /// A text was expected.
    #[error("{0:?} is not UTF-8 text")]
    Text(String),
    /// The step ended, so its view is over.
    #[error("{0:?} cannot be changed any more: the step is over")]
    Over(String),
    /// The file system said no.
    #[error("cannot {doing} {path:?} in the work directory: {cause}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: String,
        /// What it answered.
        cause: io::Error,
    },
    /// The directory's own record and the ledger tell different stories.
    #[error("the work directory of {uid} is at {found}, but the ledger says {ledger}; promote again")]
    Contradiction {
        /// Whose directory.
        uid: String,
        /// What the directory says.
        found: String,
        /// What the ledger says.
        ledger: String,
    },
    /// The directory's own files are not as this program leaves them.
    #[error("the work directory of {uid} is damaged: {what}; promote again")]
    Damaged {
        /// Whose directory.
        uid: String,
        /// What is wrong.
        what: String,
    },
}

/// The system's number for too many symbolic links; the standard library's name for it is not stable yet.
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// What the work directory answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<InvalidPath> for Error {
    fn from(e: InvalidPath) -> Self {
        match e {
            InvalidPath::Escapes(path) => Self::Escapes(path),
            other => Self::Path(other),
        }
    }
}

impl Error {
    /// Whether this says that there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Gives the answer of the file system its place and its meaning.
    pub(super) fn io(doing: &'static str, path: &str, cause: io::Error) -> Self {
        let path = || path.to_owned();
        match cause.kind() {
            io::ErrorKind::NotFound => Self::Missing(path()),
            // Beneath-only resolution makes this error itself; the system's own has a number.
            io::ErrorKind::PermissionDenied if cause.raw_os_error().is_none() => Self::Escapes(path()),
            io::ErrorKind::NotADirectory => Self::NotDirectory(path()),
            io::ErrorKind::IsADirectory => Self::Directory(path()),
            _ if cause.raw_os_error() == Some(ELOOP) => Self::Loop(path()),
            _ => Self::Io { doing, path: path(), cause },
        }
    }
}
