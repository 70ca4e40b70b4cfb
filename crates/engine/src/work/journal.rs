//! The undo journal of one step: what was at a path before the step touched it, and how to put it back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};

use super::error::{Error, Result};
use super::fault;

/// What a record says was at its path.
const ABSENT: char = 'a';
const MOVED: char = 'm';
/// A directory of Git whose `objects` were left where they are.
const GIT: char = 'g';

/// The part of a directory of Git that only ever grows.
pub(super) const OBJECTS: &str = "objects";
/// The directory of Git in a work tree.
pub(super) const DOT_GIT: &str = ".git";

/// How what a program is about to change is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// By a copy of all of it.
    Copy,
    /// A directory of Git: by a copy of all but its objects.
    GitDirectory,
    /// What Git may replace, and never writes into: by second names.
    Names,
}

impl Keep {
    /// The letter of its record, and what in it is left where it is.
    fn record(self) -> (char, Option<&'static str>) {
        match self {
            Self::Copy | Self::Names => (MOVED, None),
            Self::GitDirectory => (GIT, Some(OBJECTS)),
        }
    }
}

/// The journal of the step that is at work.
#[derive(Debug)]
pub(super) struct Journal {
    /// What the step sees.
    pub work: Dir,
    /// The journal's own directory.
    pub dir: Dir,
    next: usize,
    /// Real paths (no links in them) that have a record. What is below one needs none.
    touched: BTreeSet<String>,
    /// Directories of Git among them, and their record.
    gits: BTreeMap<String, usize>,
    /// What the step says of paths instead of having their contents hashed.
    pub notes: BTreeMap<String, String>,
}

impl Journal {
    /// Starts a journal in an empty directory.
    pub fn new(work: Dir, dir: Dir) -> Self {
        Self { work, dir, next: 0, touched: BTreeSet::new(), gits: BTreeMap::new(), notes: BTreeMap::new() }
    }

    /// Paths that have a record.
    pub fn touched(&self) -> &BTreeSet<String> {
        &self.touched
    }

    /// Whether the step changed anything, or said something of a path.
    pub fn has_records(&self) -> bool {
        !self.touched.is_empty() || !self.notes.is_empty()
    }

    /// Whether a path, or a directory above it, has a record.
    pub fn covered(&self, path: &str) -> bool {
        parents(path).chain([path]).any(|p| self.touched.contains(p))
    }

    /// Makes sure that `path` can be put back, then leaves nothing there.
    pub fn clear(&mut self, path: &str) -> Result<()> {
        let exists = exists(&self.work, path)?;
        if self.covered(path) {
            return if exists { self.discard(path) } else { Ok(()) };
        }
        let n = self.record(if exists { MOVED } else { ABSENT }, path)?;
        if exists {
            let io = |e| Error::io("move away", path, e);
            fault::point("work.clear").map_err(io)?;
            self.work.rename(path, &self.dir, original(n)).map_err(io)?;
        }
        self.touched.insert(path.to_owned());
        Ok(())
    }

    /// Makes sure that `path`, which a program is about to change, can be put back; leaves it there.
    pub fn keep(&mut self, path: &str, how: Keep) -> Result<()> {
        if self.covered(path) {
            return Ok(());
        }
        if !exists(&self.work, path)? {
            self.record(ABSENT, path)?;
            self.touched.insert(path.to_owned());
            return Ok(());
        }
        let n = self.next;
        self.next += 1;
        let io = |e| Error::io("keep a copy of", path, e);
        let (letter, without) = how.record();
        let copy = if how == Keep::Names { share_tree } else { copy_tree };
        copy(&self.work, path.as_ref(), &self.dir, temporary(n).as_ref(), without).map_err(io)?;
        let record = self.record(letter, path)?;
        fault::point("work.keep").map_err(io)?;
        if how == Keep::Copy {
            // The program gets the copy: what was there may have other names elsewhere.
            self.work.rename(path, &self.dir, original(record)).map_err(io)?;
            fault::point("work.keep.2").map_err(io)?;
            self.dir.rename(temporary(n), &self.work, path).map_err(io)?;
        } else {
            self.dir.rename(temporary(n), &self.dir, original(record)).map_err(io)?;
        }
        self.touched.insert(path.to_owned());
        if how == Keep::GitDirectory {
            self.gits.insert(path.to_owned(), record);
        }
        Ok(())
    }

    /// Makes sure that a file of a work tree, which Git is about to replace, make or remove, can be put back; with it
    /// the directories that Git makes for it or that it leaves empty. The empty path is all of it.
    pub fn keep_file(&mut self, tree: &str, file: &str) -> Result<()> {
        let path = if file.is_empty() { tree.to_owned() } else { format!("{tree}/{file}") };
        if self.covered(&path) {
            return Ok(());
        }
        let above = parents(&path).filter(|above| *above == tree || is_below(above, tree));
        for above in above.map(str::to_owned).collect::<Vec<_>>() {
            if !exists(&self.work, &above)? {
                return self.keep(&above, Keep::Names);
            }
        }
        self.keep(&path, Keep::Names)
    }

    /// Removes what this step itself made. It leaves the directory at once and the disk with the journal.
    fn discard(&mut self, path: &str) -> Result<()> {
        let io = |e| Error::io("remove", path, e);
        self.keep_objects(path).map_err(io)?;
        self.next += 1;
        fault::point("work.discard").map_err(io)?;
        self.work.rename(path, &self.dir, format!("x{:08}", self.next)).map_err(io)
    }

    /// Copies the `objects` of a kept directory of Git that is to vanish, or to lose something, after all.
    fn keep_objects(&mut self, path: &str) -> io::Result<()> {
        let near = |git: &str| path == git || is_below(path, git) || is_below(git, path);
        for (git, record) in self.gits.iter().filter(|(git, _)| near(git)) {
            let (from, to) = (format!("{git}/{OBJECTS}"), format!("{}/{OBJECTS}", original(*record)));
            if self.dir.symlink_metadata(&to).is_ok() || self.work.symlink_metadata(&from).is_err() {
                continue;
            }
            let temporary = temporary(self.next);
            self.next += 1;
            copy_tree(&self.work, from.as_ref(), &self.dir, temporary.as_ref(), None)?;
            fault::point("work.keep-objects")?;
            self.dir.rename(temporary, &self.dir, to)?;
        }
        Ok(())
    }

    /// Makes a directory that is not there. Its parent is there.
    pub fn make_directory(&mut self, path: &str, mode: u32) -> Result<()> {
        self.clear(path)?;
        let io = |e| Error::io("make the directory", path, e);
        fault::point("work.make-directory").map_err(io)?;
        self.work.create_dir_with(path, DirBuilder::new().mode(mode)).map_err(io)
    }

    /// Puts a new file in place of whatever is there, with what `write` puts into it.
    pub fn put(
        &mut self,
        path: &str,
        mode: u32,
        write: impl FnOnce(&mut cap_std::fs::File) -> io::Result<()>,
    ) -> Result<()> {
        let io = |e| Error::io("write", path, e);
        let name = temporary(self.next);
        self.next += 1;
        fault::point("work.put").map_err(io)?;
        let mut options = OpenOptions::new();
        let mut file =
            self.dir.open_with(&name, options.write(true).create_new(true).mode(0o600)).map_err(io)?;
        write(&mut file).map_err(io)?;
        file.set_permissions(Permissions::from_mode(mode)).map_err(io)?;
        drop(file);
        self.clear(path)?;
        fault::point("work.put.2").map_err(io)?;
        self.dir.rename(&name, &self.work, path).map_err(io)
    }

    /// Puts a symbolic link in place of whatever is there.
    pub fn put_link(&mut self, path: &str, target: &str) -> Result<()> {
        self.clear(path)?;
        let io = |e| Error::io("make the link", path, e);
        fault::point("work.put-link").map_err(io)?;
        self.work.symlink_contents(target, path).map_err(io)
    }

    /// Moves what is at `from` to `to`.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let io = |e| Error::io("move", from, e);
        if is_below(to, from) || is_below(from, to) {
            return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "one path is inside the other")));
        }
        self.clear(to)?;
        // What the step did not make itself has to stay for the journal: the new place shares its files.
        if self.covered(from) && self.gits.is_empty() {
            fault::point("work.rename").map_err(io)?;
            return self.work.rename(from, &self.work, to).map_err(io);
        }
        share_tree(&self.work, from.as_ref(), &self.work, to.as_ref(), None).map_err(io)?;
        self.clear(from)
    }

    /// Writes down what was at a path. The path counts as touched only once its original is safe.
    fn record(&mut self, what: char, path: &str) -> Result<usize> {
        let n = self.next;
        self.next += 1;
        let io = |e| Error::io("note down", path, e);
        fault::point("work.record").map_err(io)?;
        self.dir.symlink_contents(format!("{what}:{path}"), format!("r{n:08}")).map_err(io)?;
        Ok(n)
    }
}

/// The directories above a path, outermost first.
pub(super) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// Whether `path` is strictly below `above`.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

fn original(n: usize) -> String {
    format!("o{n:08}")
}

fn temporary(n: usize) -> String {
    format!("t{n:08}")
}

/// Whether anything is at a path, a dangling link included.
pub(super) fn exists(dir: &Dir, path: &str) -> Result<bool> {
    match dir.symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("look at", path, e)),
    }
}

/// Undoes all that a journal tells of. May be interrupted and run again. What the step made ends up in the journal's
/// directory, which the caller removes.
pub(super) fn undo(work: &Dir, dir: &Dir) -> io::Result<()> {
    let mut records = Vec::new();
    for entry in dir.entries()? {
        if let Some(n) = entry?.file_name().to_str().and_then(|name| name.strip_prefix('r')?.parse().ok()) {
            records.push(n);
        }
    }
    records.sort_unstable();
    for n in records.into_iter().rev() {
        let name = format!("r{n:08}");
        let text = dir.read_link_contents(&name)?;
        let text = text.to_str().ok_or_else(|| io::Error::other("a record that is not UTF-8"))?;
        let (what, path) = text.split_once(':').ok_or_else(|| io::Error::other("a record without a path"))?;
        undo_one(work, dir, n, what, path)?;
        fault::point("work.undo")?;
        dir.remove_file(&name)?;
    }
    Ok(())
}

fn undo_one(work: &Dir, dir: &Dir, n: usize, what: &str, path: &str) -> io::Result<()> {
    let original = original(n);
    let kept = dir.symlink_metadata(&original).is_ok();
    // Without its original, the path was recorded and never touched, or is back already.
    if !what.starts_with(ABSENT) && !kept {
        return Ok(());
    }
    if work.symlink_metadata(path).is_ok() {
        let left = match what.chars().next() {
            Some(GIT) => Some(OBJECTS),
            _ => None,
        };
        if let Some(left) = left {
            bring(left, work, path, dir, &original)?;
        }
        fault::point("work.undo-one")?;
        work.rename(path, dir, fresh_name(dir, n)?)?;
    }
    if kept {
        // A directory that the step left empty may be gone.
        if let Some(above) = Path::new(path).parent().filter(|above| work.symlink_metadata(above).is_err()) {
            work.create_dir_all(above)?;
        }
        fault::point("work.undo-one.2")?;
        dir.rename(&original, work, path)?;
    }
    Ok(())
}

/// A name in the journal for what the step made at record `n`; an earlier, interrupted run may have used the first.
fn fresh_name(dir: &Dir, n: usize) -> io::Result<String> {
    (0..)
        .map(|i| format!("u{n:08}.{i}"))
        .find_map(|name| match dir.symlink_metadata(&name) {
            Ok(_) => None,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Some(Ok(name)),
            Err(e) => Some(Err(e)),
        })
        .unwrap_or_else(|| Err(io::Error::other("no free name in the journal")))
}

/// Brings what was left where it is into what was kept of the rest.
fn bring(part: &str, work: &Dir, path: &str, dir: &Dir, original: &str) -> io::Result<()> {
    let (from, to) = (format!("{path}/{part}"), format!("{original}/{part}"));
    if dir.symlink_metadata(&to).is_err() && work.symlink_metadata(&from).is_ok() {
        fault::point("work.bring")?;
        work.rename(from, dir, to)?;
    }
    Ok(())
}

/// Copies a file, a link or a directory with all below it but what is called `without` directly in it.
pub(super) fn copy_tree(
    from: &Dir,
    source: &Path,
    to: &Dir,
    target: &Path,
    without: Option<&str>,
) -> io::Result<()> {
    let metadata = from.symlink_metadata(source)?;
    fault::point("work.copy-tree")?;
    if metadata.is_symlink() {
        return to.symlink_contents(from.read_link_contents(source)?, target);
    }
    if !metadata.is_dir() {
        return copy_file(from, source, to, target);
    }
    to.create_dir(target)?;
    let (from, to) = (from.open_dir(source)?, to.open_dir(target)?);
    for entry in from.entries()? {
        let name = entry?.file_name();
        if without.is_none_or(|without| name != *without) {
            copy_tree(&from, name.as_ref(), &to, name.as_ref(), None)?;
        }
    }
    to.set_permissions(".", metadata.permissions())
}

/// Like a copy, but files are the same files under two names. Nothing here ever writes into a file that exists.
/// What Git has in nested work trees is copied: it does write into files.
fn share_tree(from: &Dir, source: &Path, to: &Dir, target: &Path, without: Option<&str>) -> io::Result<()> {
    let metadata = from.symlink_metadata(source)?;
    fault::point("work.share-tree")?;
    if metadata.is_symlink() {
        return to.symlink_contents(from.read_link_contents(source)?, target);
    }
    if !metadata.is_dir() {
        return from.hard_link(source, to, target);
    }
    to.create_dir(target)?;
    let (from, to) = (from.open_dir(source)?, to.open_dir(target)?);
    for entry in from.entries()? {
        let name = entry?.file_name();
        if without.is_some_and(|without| name == *without) {
            continue;
        }
        let each = if name == *DOT_GIT { copy_tree } else { share_tree };
        each(&from, name.as_ref(), &to, name.as_ref(), None)?;
    }
    to.set_permissions(".", metadata.permissions())
}

/// Copies a file's contents and mode; never a hard link, since a program may write into the file.
fn copy_file(from: &Dir, source: &Path, to: &Dir, target: &Path) -> io::Result<()> {
    let mut read = from.open(source)?;
    let mut write = to.open_with(target, OpenOptions::new().write(true).create_new(true))?;
    io::copy(&mut read, &mut write)?;
    write.flush()?;
    write.set_permissions(read.metadata()?.permissions())
}
