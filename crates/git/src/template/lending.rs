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

use super::Directories;

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

/// What lends the files of a directory of ours.
#[derive(Debug)]
pub(super) struct Lending<'a> {
    from: PathBuf,
    complete: SystemTime,
    /// Looks only into these of the directories that both have.
    only: Option<&'a Directories>,
    /// The first failure: nobody begins anything after it.
    failed: OnceLock<Unlent>,
}

impl<'a> Lending<'a> {
    /// Files that are younger than `complete` were written into.
    pub(super) fn new(from: PathBuf, complete: SystemTime, only: Option<&'a Directories>) -> Self {
        Self { from, complete, only, failed: OnceLock::new() }
    }

    /// Makes a directory the same as ours but for `.git`, which is nobody's business.
    pub(super) fn lend(self, to: &Path, before: Before) -> Result<(), Unlent> {
        rayon::scope(|scope| self.directory(scope, &self.from, to, before));
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn directory<'s>(&'s self, scope: &Scope<'s>, from: &Path, to: &Path, before: Before) {
        if self.failed.get().is_none()
            && let Err(unlent) = self.entries(scope, from, to, before)
        {
            let _there_was_one = self.failed.set(unlent);
        }
    }

    fn below<'s>(&'s self, scope: &Scope<'s>, from: PathBuf, to: PathBuf, before: Before) {
        let known = |only: &Directories| only.contains(from.strip_prefix(&self.from).unwrap_or(&from));
        if before == Before::Nothing || self.only.is_none_or(known) {
            scope.spawn(move |scope| self.directory(scope, &from, &to, before));
        }
    }

    fn entries<'s>(
        &'s self,
        scope: &Scope<'s>,
        from: &Path,
        to: &Path,
        before: Before,
    ) -> Result<(), Unlent> {
        let mut there = match before {
            Before::Nothing => HashMap::new(),
            Before::Lent => found(to)?,
        };
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == ".git" && from == self.from {
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::os::unix::fs::MetadataExt as _;

    use proptest::prelude::*;

    use super::*;

    type Files = BTreeMap<PathBuf, u8>;

    /// Names of a few directories that are files elsewhere.
    fn files() -> impl Strategy<Value = Files> {
        let path = proptest::collection::vec("[abc]", 1..4).prop_map(|names| names.iter().collect());
        proptest::collection::btree_map(path, 0_u8..3, 0..12).prop_map(|files: Files| {
            let below = |path: &Path| files.keys().any(|other| other != path && other.starts_with(path));
            files.iter().filter(|(path, _)| !below(path)).map(|(path, text)| (path.clone(), *text)).collect()
        })
    }

    /// Makes `before` what `after` is, as Git does it: what differs is a new file.
    fn change(root: &Path, before: &Files, after: &Files) -> Directories {
        let mut changed = Directories::new();
        let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let differ: Vec<_> = all.into_iter().filter(|path| before.get(*path) != after.get(*path)).collect();
        for path in &differ {
            changed.extend(path.ancestors().skip(1).map(Path::to_owned));
            if before.contains_key(*path) {
                std::fs::remove_file(root.join(path)).unwrap();
                for above in path.ancestors().skip(1) {
                    let _not_empty = std::fs::remove_dir(root.join(above));
                }
            }
        }
        std::fs::create_dir_all(root).unwrap();
        for path in differ {
            if let Some(text) = after.get(path) {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, [*text]).unwrap();
            }
        }
        changed
    }

    /// All there is, files by their numbers.
    fn found(root: &Path) -> BTreeMap<PathBuf, u64> {
        let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                if metadata.is_dir() {
                    open.push(entry.path());
                }
                let number = if metadata.is_dir() { 0 } else { metadata.ino() };
                found.insert(entry.path().strip_prefix(root).unwrap().to_owned(), number);
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_changed_is_all_that_needs_a_look(one in files(), two in files(), owners in files()) {
            let place = tempfile::tempdir().unwrap();
            let (ours, theirs) = (place.path().join("ours"), place.path().join("theirs"));
            let never = SystemTime::now() + std::time::Duration::from_hours(1);
            let lend = |before, only: Option<&Directories>| {
                Lending::new(ours.clone(), never, only).lend(&theirs, before).unwrap();
            };
            change(&ours, &Files::new(), &one);
            std::fs::create_dir(&theirs).unwrap();
            lend(Before::Nothing, None);
            prop_assert_eq!(found(&ours), found(&theirs));
            // Whatever its owner did is put right.
            change(&theirs, &one, &owners);
            lend(Before::Lent, None);
            prop_assert_eq!(found(&ours), found(&theirs));
            let changed = change(&ours, &one, &two);
            lend(Before::Lent, Some(&changed));
            prop_assert_eq!(found(&ours), found(&theirs));
        }
    }

    #[test]
    fn a_file_that_was_written_into_is_told() {
        let place = tempfile::tempdir().unwrap();
        let (ours, theirs) = (place.path().join("ours"), place.path().join("theirs"));
        change(&ours, &Files::new(), &Files::from([("a/b".into(), 1), ("c".into(), 2)]));
        std::fs::create_dir(&theirs).unwrap();
        let complete = std::fs::metadata(ours.join("c")).unwrap().modified().unwrap();
        let lend = |before| Lending::new(ours.clone(), complete, None).lend(&theirs, before);
        lend(Before::Nothing).unwrap();
        lend(Before::Lent).unwrap();
        let file = std::fs::File::options().write(true).open(theirs.join("a/b")).unwrap();
        file.set_modified(complete + std::time::Duration::from_secs(1)).unwrap();
        let told = lend(Before::Lent).unwrap_err();
        assert!(matches!(&told, Unlent::Tampered(path) if *path == ours.join("a/b")), "{told:?}");
    }
}
