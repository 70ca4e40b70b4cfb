//! A step's view of the work directory: every path is resolved beneath it, every change goes through the journal.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cap_std::fs::{Dir, Metadata, PermissionsExt};
use parking_lot::Mutex;

use super::error::{Error, Result};
use super::journal::{Journal, exists};
use super::links::join;
use super::path::WorkPath;

/// The mode of a new file.
const MODE: u32 = 0o644;
/// The mode of a new directory.
pub(super) const DIRECTORY_MODE: u32 = 0o755;

/// A step's view of the work directory. All functions block on the file system; see [`WorkDir::blocking`].
#[derive(Clone, Debug)]
pub struct WorkDir(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    at: PathBuf,
    /// The directory, once something of it was asked for.
    work: OnceLock<Dir>,
    access: Mutex<Access>,
}

/// How far a step has come with the directory.
pub(super) enum Access {
    /// It has asked for nothing yet; how its journal is started.
    Untouched(Box<dyn Fn() -> Result<Journal> + Send>),
    /// It may change things.
    Open(Journal),
    /// It may not any more.
    Over,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Untouched(_) => "Untouched",
            Self::Open(_) => "Open",
            Self::Over => "Over",
        })
    }
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Its size in bytes.
        len: u64,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Something else: a socket, a pipe, a device.
    Special,
}

/// One thing in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: WorkPath,
    /// What.
    pub kind: Kind,
}

impl WorkDir {
    pub(super) fn new(at: PathBuf, open: Box<dyn Fn() -> Result<Journal> + Send>) -> Self {
        let access = Mutex::new(Access::Untouched(open));
        Self(Arc::new(Shared { at, work: OnceLock::new(), access }))
    }

    /// Ends the view: nothing can be changed through it or its clones any more.
    pub(super) fn close(&self) -> Access {
        std::mem::replace(&mut *self.0.access.lock(), Access::Over)
    }

    /// The directory itself; `path` is what it is asked for.
    pub(super) fn work(&self, path: &WorkPath) -> Result<&Dir> {
        if let Some(work) = self.0.work.get() {
            return Ok(work);
        }
        self.change(path, |_| Ok(()))?;
        self.0.work.get().ok_or_else(|| Error::Over(path.as_written().to_owned()))
    }

    /// Runs `f`, which works on files, where blocking is fine.
    pub async fn blocking<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let view = self.clone();
        tokio::task::spawn_blocking(move || f(&view))
            .await
            .map_err(|e| Error::io("work on files", ".", io::Error::other(e)))?
    }

    /// What is at a path, links followed; none where nothing is.
    pub fn kind(&self, path: &WorkPath) -> Result<Option<Kind>> {
        found(path, self.work(path)?.metadata(path.as_str()))
    }

    /// What is at a path itself, a link as a link; none where nothing is.
    pub fn kind_of_link(&self, path: &WorkPath) -> Result<Option<Kind>> {
        found(path, self.work(path)?.symlink_metadata(path.as_str()))
    }

    /// Whether anything is at a path, a dangling link included.
    pub fn exists(&self, path: &WorkPath) -> Result<bool> {
        Ok(self.kind_of_link(path)?.is_some())
    }

    /// A file's contents.
    pub fn read(&self, path: &WorkPath) -> Result<Vec<u8>> {
        self.expect_file(path)?;
        self.work(path)?.read(path.as_str()).map_err(|e| Error::io("read", path.as_written(), e))
    }

    /// A file's contents as text.
    pub fn read_text(&self, path: &WorkPath) -> Result<String> {
        String::from_utf8(self.read(path)?).map_err(|_| Error::Text(path.as_written().to_owned()))
    }

    /// Where a link points to, as it says.
    pub fn read_link(&self, path: &WorkPath) -> Result<String> {
        let target = self.work(path)?.read_link_contents(path.as_str());
        let target = target.map_err(|e| Error::io("read the link", path.as_written(), e))?;
        target.into_os_string().into_string().map_err(|_| Error::Name(path.as_written().to_owned()))
    }

    /// What is directly in a directory, sorted by name.
    pub fn entries(&self, path: &WorkPath) -> Result<Vec<Entry>> {
        let io = |e| Error::io("list", path.as_written(), e);
        let mut entries = Vec::new();
        for entry in self.work(path)?.read_dir(path.as_str()).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| Error::Name(path.as_written().to_owned()))?;
            let kind = kind(&entry.metadata().map_err(io)?);
            entries.push(Entry { path: WorkPath::of_clean(join(path.clean(), name)), kind });
        }
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// What is below a directory, depth first and sorted by name; links are listed and not followed. What `keep`
    /// refuses is left out, with all below it.
    pub fn walk(&self, path: &WorkPath, mut keep: impl FnMut(&Entry) -> bool) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        let mut rest = vec![self.entries(path)?.into_iter()];
        while let Some(level) = rest.last_mut() {
            let Some(entry) = level.next() else {
                rest.pop();
                continue;
            };
            if keep(&entry) {
                if entry.kind == Kind::Directory {
                    rest.push(self.entries(&entry.path)?.into_iter());
                }
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Opens a file to be read piece by piece.
    pub fn open(&self, path: &WorkPath) -> Result<impl io::Read + use<>> {
        self.expect_file(path)?;
        self.work(path)?.open(path.as_str()).map_err(|e| Error::io("read", path.as_written(), e))
    }

    /// Writes a whole file; what was there keeps its mode. Missing directories are made.
    pub fn write(&self, path: &WorkPath, contents: &[u8]) -> Result<()> {
        self.write_file(path, None, |file| file.write_all(contents))
    }

    /// Writes a whole file with the given permission bits. Missing directories are made.
    pub fn write_with_mode(&self, path: &WorkPath, contents: &[u8], mode: u32) -> Result<()> {
        self.write_file(path, Some(mode), |file| file.write_all(contents))
    }

    /// Writes a whole file, with the given permission bits, piece by piece. Where `write` fails nothing is changed.
    pub fn write_from(
        &self,
        path: &WorkPath,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        self.write_file(path, Some(mode), |file| write(file))
    }

    /// Copies a file's contents and mode. Missing directories are made. A file copied onto itself stays as it is.
    pub fn copy_file(&self, from: &WorkPath, to: &WorkPath) -> Result<()> {
        let mode = self.expect_file(from)?;
        let io = |e| Error::io("read", from.as_written(), e);
        let mut source = self.work(from)?.open(from.as_str()).map_err(io)?;
        let same = self.work(from)?.canonicalize(from.as_str()).map_err(io)?;
        self.change(to, |journal| {
            let target = self.real_file(journal, to)?;
            if same == Path::new(&target) {
                return Ok(());
            }
            journal.put(&target, mode, |file| io::copy(&mut source, file).map(|_| ()))
        })
    }

    /// Makes a directory and those above it, where they are not there.
    pub fn create_dir_all(&self, path: &WorkPath) -> Result<()> {
        self.create_dir_all_with_mode(path, DIRECTORY_MODE)
    }

    /// Makes a directory and those above it, where they are not there, with the given permission bits.
    pub fn create_dir_all_with_mode(&self, path: &WorkPath, mode: u32) -> Result<()> {
        self.change(path, |journal| self.real_directory(journal, path, Some(mode)).map(|_| ()))
    }

    /// Makes a symbolic link in place of whatever is there. Where it leads is judged when it is used.
    pub fn symlink(&self, target: &str, path: &WorkPath) -> Result<()> {
        self.change(path, |journal| {
            let real = self.real(journal, path, true)?;
            journal.put_link(&real, target)
        })
    }

    /// Removes what is at a path: a file, a link itself, a directory with all in it.
    pub fn remove(&self, path: &WorkPath) -> Result<()> {
        self.change(path, |journal| {
            let real = self.real(journal, path, false)?;
            if exists(&journal.work, &real)? {
                journal.clear(&real)
            } else {
                Err(Error::Missing(path.as_written().to_owned()))
            }
        })
    }

    /// Moves what is at a path, in place of whatever is at the other.
    pub fn rename(&self, from: &WorkPath, to: &WorkPath) -> Result<()> {
        self.change(from, |journal| {
            let source = self.real(journal, from, false)?;
            if !exists(&journal.work, &source)? {
                return Err(Error::Missing(from.as_written().to_owned()));
            }
            let target = self.real(journal, to, true)?;
            if source != target {
                journal.rename(&source, &target)?;
            }
            Ok(())
        })
    }

    /// Says in the digest what a path holds, in place of its contents: for what a program made and a name tells all
    /// of, as a commit does.
    pub fn note(&self, path: &WorkPath, text: &str) -> Result<()> {
        self.change(path, |journal| {
            let real = self.real(journal, path, false)?;
            journal.notes.insert(real, text.to_owned());
            Ok(())
        })
    }

    /// The absolute path of the work directory.
    pub(super) fn at(&self) -> &Path {
        &self.0.at
    }

    /// Changes something, one at a time, while the step lasts.
    pub(super) fn change<T>(&self, path: &WorkPath, f: impl FnOnce(&mut Journal) -> Result<T>) -> Result<T> {
        let mut access = self.0.access.lock();
        if let Access::Untouched(open) = &*access {
            let opened = open().and_then(|journal| {
                let work = journal.work.try_clone().map_err(|e| Error::io("open", path.as_written(), e))?;
                Ok((journal, work))
            });
            // A step that takes no notice of a failure must not count as one that asked for nothing.
            let (journal, work) = opened.inspect_err(|_| *access = Access::Over)?;
            let _first = self.0.work.set(work);
            *access = Access::Open(journal);
        }
        match &mut *access {
            Access::Open(journal) => f(journal),
            _ => Err(Error::Over(path.as_written().to_owned())),
        }
    }

    fn write_file(
        &self,
        path: &WorkPath,
        mode: Option<u32>,
        write: impl FnOnce(&mut cap_std::fs::File) -> io::Result<()>,
    ) -> Result<()> {
        self.change(path, |journal| {
            let real = self.real_file(journal, path)?;
            let now = found(path, journal.work.symlink_metadata(&real))?;
            let mode = mode.unwrap_or(match now {
                Some(Kind::File { mode, .. }) => mode,
                _ => MODE,
            });
            journal.put(&real, mode, write)
        })
    }

    /// The mode of the file at a path.
    pub(super) fn expect_file(&self, path: &WorkPath) -> Result<u32> {
        match self.kind(path)? {
            Some(Kind::File { mode, .. }) => Ok(mode),
            Some(Kind::Directory) => Err(Error::Directory(path.as_written().to_owned())),
            Some(_) => Err(Error::Special(path.as_written().to_owned())),
            None => Err(Error::Missing(path.as_written().to_owned())),
        }
    }
}

/// What is at a path, going by what the system says of it.
pub(super) fn found(path: &WorkPath, metadata: io::Result<Metadata>) -> Result<Option<Kind>> {
    match metadata {
        Ok(metadata) => Ok(Some(kind(&metadata))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("look at", path.as_written(), e)),
    }
}

fn kind(metadata: &Metadata) -> Kind {
    if metadata.is_symlink() {
        Kind::Link
    } else if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File { len: metadata.len(), mode: metadata.permissions().mode() & 0o7777 }
    } else {
        Kind::Special
    }
}
