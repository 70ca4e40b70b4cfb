//! The files of a revision, kept once per mirror and lent to every work tree that is checked out: moving them from
//! commit to commit touches what differs, and a second name for a file costs a fraction of writing it.
//!
//! ```text
//! <mirror>/trees/<which directories>/tree/   a work tree of ours, that nobody else ever gets
//! <mirror>/trees/<which directories>/head    its commit; written when everything is in place
//! ```
//! Lent files are never written into: Git and the work directory replace files. Should anybody have done it all the
//! same, the file is younger than `head`, and everything is made anew.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ferry_artifact::CommitId;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tracing::Instrument as _;

use crate::Error;
use crate::checkout::lay_out;
use crate::mirror::Mirror;
use crate::work_tree::{WorkTree, replace};

/// Which commit the files are of; `None` if that is not known.
pub(crate) type At = Option<CommitId>;

/// The files of one selection of directories.
#[derive(Clone)]
struct Template {
    tree: WorkTree,
    directory: PathBuf,
}

/// Why files could not be lent.
enum Unlent {
    /// Somebody wrote into one.
    Tampered(PathBuf),
    Io(io::Error),
}

impl From<io::Error> for Unlent {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Puts the files of a commit, and the index of them, into a work tree that has neither. `false`: that is not
/// possible here, and nothing is there.
pub(crate) async fn lend(mirror: &Mirror, target: &WorkTree, commit: &CommitId) -> Result<bool, Error> {
    let template = Template::of(mirror, target);
    let lock = mirror.shared().templates.lock().entry(template.directory.clone()).or_default().clone();
    for _ in 0..2 {
        let at = moved(&template, &lock, commit).await?;
        let (from, to) = (template.clone(), target.clone());
        // The files stay as they are until the last one is lent, also where nobody waits for it any more.
        let lent = tokio::task::spawn_blocking(move || {
            let result = from.link_into(&to);
            drop(at);
            result
        });
        match lent.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped).into())) {
            Ok(()) => return Ok(true),
            Err(Unlent::Tampered(path)) => {
                tracing::warn!(path = %path.display(), "a file that belongs to the cache was changed; it is made anew");
                *lock.write().await = None;
                template.forget()?;
            }
            Err(Unlent::Io(error)) => {
                tracing::debug!(%error, "files cannot be lent to a work tree");
                break;
            }
        }
        target.clear()?;
    }
    target.clear()?;
    Ok(false)
}

/// The files as they are at a commit, for as long as the answer is kept.
async fn moved(
    template: &Template,
    lock: &Arc<RwLock<At>>,
    commit: &CommitId,
) -> Result<OwnedRwLockReadGuard<At>, Error> {
    let at = lock.clone().read_owned().await;
    if at.as_ref() == Some(commit) {
        return Ok(at);
    }
    drop(at);
    let at = lock.clone().write_owned().await;
    let (template, commit) = (template.clone(), commit.clone());
    // A task of its own: half moved, everything would have to be made anew.
    let task = tokio::spawn(async move { template.move_to(at, &commit).await }.in_current_span());
    let stopped = |error: tokio::task::JoinError| Error::Io {
        what: "move the files of a work tree".into(),
        detail: error.to_string(),
    };
    task.await.map_err(stopped)?
}

impl Template {
    fn of(mirror: &Mirror, target: &WorkTree) -> Self {
        let state = target.state();
        let selection = hex::encode(Sha256::digest(state.sparse.join("\n")));
        let directory = mirror.shared().directory.join("trees").join(selection.get(..16).unwrap_or_default());
        Self { tree: target.elsewhere(directory.join("tree")), directory }
    }

    fn head(&self) -> PathBuf {
        self.directory.join("head")
    }

    async fn move_to(
        self,
        mut at: OwnedRwLockWriteGuard<At>,
        commit: &CommitId,
    ) -> Result<OwnedRwLockReadGuard<At>, Error> {
        let known =
            std::fs::read_to_string(self.head()).ok().and_then(|text| CommitId::parse(text.trim()).ok());
        if known.as_ref() != Some(commit) {
            *at = None;
            let _absent = std::fs::remove_file(self.head());
            let is_moved = match &known {
                Some(old) => self.advance(old, commit).await.unwrap_or(false),
                None => false,
            };
            if !is_moved {
                self.fill(commit).await?;
            }
            replace(&self.head(), &format!("{commit}\n"))?;
        }
        *at = Some(commit.clone());
        Ok(at.downgrade())
    }

    /// `false`: everything has to be made anew.
    async fn advance(&self, old: &CommitId, new: &CommitId) -> Result<bool, Error> {
        self.tree.secure()?;
        // Attributes change how other files are written, also those that are the same in both.
        let attributes = self.tree.command("compare commits of").args(["diff-tree", "-r", "--name-only"]);
        let attributes = attributes.args([old.as_str(), new.as_str(), "--", ":(glob)**/.gitattributes"]);
        if !attributes.success().await?.stdout.is_empty() {
            return Ok(false);
        }
        let moved = self.tree.command("update the files of").args(["read-tree", "-m", "-u"]);
        if !moved.args([old.as_str(), new.as_str()]).run().await?.success {
            return Ok(false);
        }
        self.tree.set_head(new)?;
        Ok(true)
    }

    async fn fill(&self, commit: &CommitId) -> Result<(), Error> {
        self.forget()?;
        let directory = self.tree.directory();
        std::fs::create_dir_all(directory).map_err(Error::io(format!("make {}", directory.display())))?;
        lay_out(&self.tree, None, Some(commit))?;
        let command = self.tree.command("check out into").args(["read-tree", "--reset", "-u"]);
        command.arg(commit.as_str()).success().await.map(|_| ())
    }

    fn forget(&self) -> Result<(), Error> {
        match std::fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("remove {}", self.directory.display()))(error))
            }
            _ => Ok(()),
        }
    }

    fn link_into(&self, target: &WorkTree) -> Result<(), Unlent> {
        let complete = std::fs::metadata(self.head())?.modified()?;
        for entry in std::fs::read_dir(self.tree.directory())? {
            let entry = entry?;
            if entry.file_name() != ".git" {
                link(&entry, &target.directory().join(entry.file_name()), complete)?;
            }
        }
        std::fs::copy(self.tree.git().join("index"), target.git().join("index"))?;
        Ok(())
    }
}

/// A second name for a file, or for everything in a directory.
fn link(entry: &std::fs::DirEntry, target: &Path, complete: SystemTime) -> Result<(), Unlent> {
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
