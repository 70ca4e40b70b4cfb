//! Where the files of one branch are kept, and the work trees that came back to it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ferry_artifact::CommitId;
use sha2::{Digest as _, Sha256};

use super::Directories;
use super::lending::{Before, Lending, Unlent};
use crate::aside::{self, SELF, name};

/// Most work trees that are kept for those who come.
const SPARES: usize = 16;

/// How the name of a work tree begins that was taken from the spare ones.
const TAKEN: &str = "taken-";

/// The place of the files of one branch, or of one selection of directories in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    /// `branch` is empty for what is none. Where there was no `git-lfs`, pointers are in the places of its files.
    pub(super) fn of(mirror: &Path, branch: String, sparse: &[String], lfs: bool) -> Self {
        // No branch and no directory has a line end in its name.
        let mut what = vec![branch];
        what.extend_from_slice(sparse);
        what.extend(lfs.then(|| String::from("\n")));
        let what = hex::encode(Sha256::digest(what.join("\n")));
        Self(mirror.join("trees").join(what.get(..16).unwrap_or_default()))
    }

    /// The work tree of ours.
    pub(super) fn tree(&self) -> PathBuf {
        self.0.join("tree")
    }

    pub(super) fn head(&self) -> PathBuf {
        self.0.join("head")
    }

    fn spares(&self) -> PathBuf {
        self.0.join("spare")
    }

    /// The commit of what is there, if that was written since the machine was started.
    pub(super) fn known(&self) -> Option<CommitId> {
        let text = std::fs::read_to_string(self.head()).ok()?;
        let (commit, written) = text.split_once('\n')?;
        let boot = boot();
        (written.trim() == boot && !boot.is_empty()).then(|| CommitId::parse(commit).ok()).flatten()
    }

    /// When the files were complete: when `head` was written.
    pub(super) fn complete(&self) -> io::Result<SystemTime> {
        std::fs::metadata(self.head())?.modified()
    }

    /// What lends its files.
    pub(super) fn lending<'a>(&self, only: Option<&'a Directories>) -> io::Result<Lending<'a>> {
        Ok(Lending::new(self.tree(), self.complete()?, only))
    }

    /// Makes sure that nobody trusts what is there: it is about to change.
    pub(super) fn distrust(&self) -> io::Result<()> {
        match std::fs::remove_file(self.head()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the files. Spare work trees stay: theirs are others than those that will be here.
    pub(super) fn forget(&self) -> io::Result<()> {
        self.distrust()?;
        aside::put(self.mirror(), &self.tree())
    }

    /// Removes all of it.
    pub(super) fn remove(&self) -> io::Result<()> {
        aside::put(self.mirror(), &self.0)
    }

    fn mirror(&self) -> &Path {
        self.0.parent().and_then(Path::parent).unwrap_or(&self.0)
    }

    /// Removes what an earlier process took from the spare work trees and brought nowhere, or had put aside.
    pub(super) fn sweep(&self) {
        aside::remove_later(self.mirror());
        let mine = format!("{TAKEN}{}", *SELF);
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TAKEN) && !name.starts_with(&mine) {
                let _stays = aside::put(self.mirror(), &entry.path());
            }
        }
    }

    /// A work tree that came back, for the caller alone.
    pub(super) fn spare(&self) -> Option<Spare> {
        let own = self.0.join(format!("{TAKEN}{}", name()));
        let mut all = std::fs::read_dir(self.spares()).ok()?.flatten();
        all.any(|entry| std::fs::rename(entry.path(), &own).is_ok()).then(|| Spare {
            directory: Some(own),
            place: self.clone(),
            same_as: None,
        })
    }

    /// Keeps a work tree that nobody needs any more, if there is room. Whoever owned it has lost it then.
    pub(super) fn keep(&self, directory: &Path) -> io::Result<()> {
        if !self.head().exists() {
            return Ok(());
        }
        std::fs::create_dir_all(self.spares())?;
        if std::fs::read_dir(self.spares())?.count() >= SPARES {
            return Ok(());
        }
        // It has the key of its owner and what that one committed; without it, what is kept is nobody's.
        std::fs::remove_dir_all(directory.join(".git"))?;
        std::fs::rename(directory, self.spares().join(name()))
    }
}

/// A work tree that came back. Dropped it is a spare one again.
#[derive(Debug)]
pub(super) struct Spare {
    /// None once it is not there any more.
    directory: Option<PathBuf>,
    place: Place,
    /// The commit whose files it has been given, and since when these were complete.
    pub(super) same_as: Option<(CommitId, SystemTime)>,
}

impl Spare {
    /// Gives it the files that are kept here now, which are of a commit. Whoever had it may have put anything there.
    /// Where it had them of the commit before, only some directories need a look.
    pub(super) fn look(&mut self, commit: &CommitId, only: Option<&Directories>) -> Result<(), Unlent> {
        let Some(directory) = &self.directory else { return Ok(()) };
        self.same_as = None;
        let complete = self.place.complete()?;
        self.place.lending(only)?.lend(directory, Before::Lent)?;
        self.same_as = Some((commit.clone(), complete));
        Ok(())
    }

    /// Moves its files into a work tree that has none.
    pub(super) fn become_files_of(self, target: &Path) -> io::Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            std::fs::rename(entry.path(), target.join(entry.file_name()))?;
        }
        self.remove();
        Ok(())
    }

    /// Removes it: nothing is in it any more, or something is wrong with it.
    pub(super) fn remove(mut self) {
        if let Some(directory) = self.directory.take() {
            let _swept_later = aside::put(self.place.mirror(), &directory);
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            let _swept_later = std::fs::rename(directory, self.place.spares().join(name()));
        }
    }
}

/// Which boot of the machine this is; empty where the system does not tell.
pub(crate) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
