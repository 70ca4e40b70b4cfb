//! Second names for files: a work tree that has none of them, or one that came back. Each directory is a task of its own:
//! a look at each file, or a name for it, is all there is to do, and one processor does only so many.

use std::collections::HashMap;
use std::fs::{DirEntry, FileType};
use std::io;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use rayon::Scope;

/// Why files could not be lent.
#[derive(Debug)]
pub(super) enum Unlent {
    /// Somebody wrote into one.
    Tampered(PathBuf),
    Io(io::Error),
}

impl From<io::Error> for Unlent {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is in a directory before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that is known to us.
    Nothing,
    /// What was lent once; its owner may have put anything there.
    Lent,
}

/// Makes a directory the same as ours but for `.git`, which neither has. Files that are younger than `complete` were
/// written into.
pub(super) fn lend(from: &Path, to: &Path, before: Before, complete: SystemTime) -> Result<(), Unlent> {
    let lending = Lending { complete, failed: OnceLock::new() };
    rayon::scope(|scope| lending.directory(scope, from, to, before, true));
    lending.failed.into_inner().map_or(Ok(()), Err)
}

struct Lending {
    complete: SystemTime,
    /// The first failure: nobody begins anything after it.
    failed: OnceLock<Unlent>,
}

impl Lending {
    fn directory<'s>(&'s self, scope: &Scope<'s>, from: &Path, to: &Path, before: Before, top: bool) {
        if self.failed.get().is_none()
            && let Err(unlent) = self.entries(scope, from, to, before, top)
        {
            let _there_was_one = self.failed.set(unlent);
        }
    }

    fn below<'s>(&'s self, scope: &Scope<'s>, from: PathBuf, to: PathBuf, before: Before) {
        scope.spawn(move |scope| self.directory(scope, &from, &to, before, false));
    }

    fn entries<'s>(
        &'s self,
        scope: &Scope<'s>,
        from: &Path,
        to: &Path,
        before: Before,
        top: bool,
    ) -> Result<(), Unlent> {
        let mut there = match before {
            Before::Nothing => HashMap::new(),
            Before::Lent => found(to)?,
        };
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if top && name == ".git" {
                continue;
            }
            let (before, kind) = (there.remove(&name), entry.file_type()?);
            if kind.is_file() && before.is_some_and(|(number, _)| number == entry.ino()) {
                self.untouched(&entry)?;
                continue;
            }
            let target = to.join(name);
            match before {
                Some((_, before)) if kind.is_dir() && before.is_dir() => {
                    self.below(scope, entry.path(), target, Before::Lent);
                    continue;
                }
                Some((_, before)) => remove(&target, before)?,
                None => {}
            }
            if kind.is_dir() {
                std::fs::create_dir(&target)?;
                self.below(scope, entry.path(), target, Before::Nothing);
            } else if kind.is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, target)?;
            } else {
                self.untouched(&entry)?;
                std::fs::hard_link(entry.path(), target)?;
            }
        }
        there.into_iter().try_for_each(|(name, (_, found))| Ok(remove(&to.join(name), found)?))
    }

    /// A file that nobody has written into.
    fn untouched(&self, entry: &DirEntry) -> Result<(), Unlent> {
        if entry.metadata()?.modified()? > self.complete {
            return Err(Unlent::Tampered(entry.path()));
        }
        Ok(())
    }
}

/// What is in a directory: the number and the kind of each.
fn found(directory: &Path) -> io::Result<HashMap<std::ffi::OsString, (u64, FileType)>> {
    let entry = |entry: io::Result<DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name(), (entry.ino(), entry.file_type()?)))
    };
    std::fs::read_dir(directory)?.map(entry).collect()
}

fn remove(path: &Path, kind: FileType) -> io::Result<()> {
    if kind.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}
