//! Second names for files: a work tree that has none of them, or one that came back.

use std::collections::HashMap;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Why files could not be lent.
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

/// Makes a work tree that came back the same as ours.
pub(super) fn same(from: &Path, to: &Path, complete: SystemTime, top: bool) -> Result<(), Unlent> {
    let mut there = HashMap::new();
    for entry in std::fs::read_dir(to)? {
        let entry = entry?;
        there.insert(entry.file_name(), (entry.ino(), entry.file_type()?));
    }
    let mut below = Vec::new();
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if top && name == ".git" {
            continue;
        }
        let (target, kind) = (to.join(&name), entry.file_type()?);
        match there.remove(&name) {
            Some((_, found)) if kind.is_dir() && found.is_dir() => {
                below.push((entry.path(), target));
                continue;
            }
            Some((number, _)) if kind.is_file() && number == entry.ino() => {
                if entry.metadata()?.modified()? > complete {
                    return Err(Unlent::Tampered(entry.path()));
                }
                continue;
            }
            Some((_, found)) => remove(&target, found)?,
            None => {}
        }
        link(&entry, &target, complete)?;
    }
    for (name, (_, found)) in there {
        remove(&to.join(name), found)?;
    }
    let each = |below: &[(PathBuf, PathBuf)]| {
        below.iter().try_for_each(|(from, to)| same(from, to, complete, false))
    };
    if !top {
        return each(&below);
    }
    // A look at each file is all there is to do, and one processor can look at so many.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts = below.chunks(below.len().div_ceil(processors).max(1));
        let looking: Vec<_> = parts.map(|part| scope.spawn(|| each(part))).collect();
        looking.into_iter().try_for_each(|looking| {
            looking.join().unwrap_or_else(|_| Err(io::Error::other("a thread has ended").into()))
        })
    })
}

fn remove(path: &Path, kind: FileType) -> io::Result<()> {
    if kind.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}

/// A second name for a file, or for everything in a directory.
pub(super) fn link(entry: &std::fs::DirEntry, target: &Path, complete: SystemTime) -> Result<(), Unlent> {
    let kind = entry.file_type()?;
    if kind.is_dir() {
        std::fs::create_dir(target)?;
        for entry in std::fs::read_dir(entry.path())? {
            let entry = entry?;
            link(&entry, &target.join(entry.file_name()), complete)?;
        }
    } else if kind.is_symlink() {
        std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, target)?;
    } else {
        if entry.metadata()?.modified()? > complete {
            return Err(Unlent::Tampered(entry.path()));
        }
        std::fs::hard_link(entry.path(), target)?;
    }
    Ok(())
}
