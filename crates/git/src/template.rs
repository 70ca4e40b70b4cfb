//! The files of a revision, kept once per mirror and lent to every work tree that is checked out: moving them from
//! commit to commit touches what differs, and a second name for a file costs a fraction of writing it.
//!
//! ```text
//! <mirror>/trees/<which branch and directories>/tree/   a work tree of ours, that nobody else ever gets
//! <mirror>/trees/<which branch and directories>/head    its commit, and the boot of the machine that wrote the files
//! <mirror>/trees/<which branch and directories>/spare/  work trees that nobody needs any more
//! ```
//! Branches are apart, since one may have nothing in common with another; what is no branch shares one place. `head` is
//! written when everything is in place; after another boot the disk may hold less than was written, and nothing is trusted.
//! A work tree that comes back is compared by the numbers of its files: what is still the lent file stays, the rest is
//! put right. That costs a look at each directory.
//! Lent files are never written into: Git and the work directory replace files. Should anybody have done it all the
//! same, the file is younger than `head`, and everything is made anew.

mod lending;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_artifact::CommitId;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tracing::Instrument as _;

use self::lending::{Before, Unlent};
use crate::checkout::lay_out;
use crate::lfs::Files;
use crate::mirror::Mirror;
use crate::work_tree::{Head, SIGNING_KEY, WorkTree, replace};
use crate::{Error, Git, partial};

/// Most work trees that are kept for those who come.
const SPARES: usize = 16;

/// How the name of a work tree begins that was taken from the spare ones.
const TAKEN: &str = "taken-";

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Most branches and selections of one mirror whose files are kept; the one that moved longest ago goes.
const PLACES: usize = 8;

/// Which commit the files are of; `None` if that is not known.
pub(crate) type At = Option<CommitId>;

/// The files of one branch, or of one selection of directories in it.
#[derive(Clone)]
struct Template {
    tree: WorkTree,
    directory: PathBuf,
}

/// Puts the files of a commit, and the index of them, into a work tree that has neither. `false`: that is not
/// possible here, and nothing is there.
pub(crate) async fn lend(mirror: &Mirror, target: &WorkTree, commit: &CommitId) -> Result<bool, Error> {
    let template = Template::at(&mirror.shared().directory, target)?;
    let lock = lock_of(mirror, &template);
    for _ in 0..2 {
        let at = match moved(mirror, &template, &lock, commit).await {
            Ok(at) => at,
            // It would not come another way either.
            Err(error @ Error::Lfs { .. }) => return Err(error),
            // Whatever is wrong with the cache need not be wrong with the place where the files shall go.
            Err(error) => {
                tracing::warn!(url = mirror.url(), %error, "the files of a work tree are written without the cache");
                break;
            }
        };
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

/// The lock of these files. Makes room for them among those of the mirror.
fn lock_of(mirror: &Mirror, template: &Template) -> Arc<RwLock<At>> {
    let mut templates = mirror.shared().templates.lock();
    if !templates.contains_key(&template.directory) && !template.directory.exists() {
        make_room(&mut templates, template.directory.parent().unwrap_or(&template.directory));
    }
    templates.entry(template.directory.clone()).or_default().clone()
}

/// Removes what moved longest ago and is not in use.
fn make_room(templates: &mut HashMap<PathBuf, Arc<RwLock<At>>>, places: &Path) {
    let age = |place: &PathBuf| std::fs::metadata(place.join("head")).and_then(|head| head.modified()).ok();
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(places).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort_by_cached_key(age);
    for place in all.iter().take((all.len() + 1).saturating_sub(PLACES)) {
        // The lock stays: somebody may have it already, and comes to an empty place then.
        let lock = templates.entry(place.clone()).or_default().clone();
        if let Ok(mut at) = lock.try_write_owned() {
            *at = None;
            if let Err(error) = std::fs::remove_dir_all(place) {
                tracing::debug!(place = %place.display(), %error, "files of the cache are not removed");
            }
        }
    }
}

/// The files as they are at a commit, for as long as the answer is kept.
async fn moved(
    mirror: &Mirror,
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
    let (mirror, template, commit) = (mirror.clone(), template.clone(), commit.clone());
    // A task of its own: half moved, everything would have to be made anew.
    let task = tokio::spawn(async move { template.move_to(&mirror, at, &commit).await }.in_current_span());
    let stopped = |error: tokio::task::JoinError| Error::Io {
        what: "move the files of a work tree".into(),
        detail: error.to_string(),
    };
    task.await.map_err(stopped)?
}

impl Template {
    /// Where the files of such a work tree are.
    fn at(mirror: &Path, target: &WorkTree) -> Result<Self, Error> {
        let branch = match target.head_name()? {
            Head::Branch(name) => name.full(),
            Head::Detached(_) => String::new(),
        };
        // No branch and no directory has a line end in its name.
        let mut what = [vec![branch], target.state().sparse.clone()].concat();
        if target.runner.settings.lfs.is_some() {
            // Where there was no `git-lfs`, pointers are in the places of its files.
            what.push(String::from("\n"));
        }
        let what = what.join("\n");
        let what = hex::encode(Sha256::digest(what));
        let directory = mirror.join("trees").join(what.get(..16).unwrap_or_default());
        Ok(Self { tree: target.elsewhere(directory.join("tree")), directory })
    }

    fn head(&self) -> PathBuf {
        self.directory.join("head")
    }

    async fn move_to(
        self,
        mirror: &Mirror,
        mut at: OwnedRwLockWriteGuard<At>,
        commit: &CommitId,
    ) -> Result<OwnedRwLockReadGuard<At>, Error> {
        let known = self.known();
        self.sweep();
        if known.as_ref() != Some(commit) {
            *at = None;
            let _absent = std::fs::remove_file(self.head());
            partial::files(mirror, &self.tree, commit).await?;
            let is_moved = match &known {
                Some(old) => self.advance(old, commit).await.unwrap_or(false),
                None => false,
            };
            if !is_moved {
                self.fill(commit).await?;
            }
            Files::of(&self.tree, mirror).bring(commit).await?;
            replace(&self.head(), &format!("{commit}\n{}\n", boot()))?;
        }
        *at = Some(commit.clone());
        Ok(at.downgrade())
    }

    /// The commit of what is there, if that was written since the machine was started.
    fn known(&self) -> Option<CommitId> {
        let text = std::fs::read_to_string(self.head()).ok()?;
        let (commit, written) = text.split_once('\n')?;
        let boot = boot();
        (written.trim() == boot && !boot.is_empty()).then(|| CommitId::parse(commit).ok()).flatten()
    }

    /// Removes work trees that were taken from the spare ones and went nowhere. Nobody takes one meanwhile.
    fn sweep(&self) {
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(TAKEN) {
                let _stays = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// `false`: everything has to be made anew.
    async fn advance(&self, old: &CommitId, new: &CommitId) -> Result<bool, Error> {
        self.tree.secure()?;
        // What was written into would be as old as the rest from here on.
        let unchanged = self.tree.command("look for changes in").args(["update-index", "--refresh"]);
        if !unchanged.run().await?.success {
            return Ok(false);
        }
        // These change how other files are written, also those that are the same in both.
        let attributes = self.tree.command("compare commits of").args(["diff-tree", "-r", "--name-only"]);
        let attributes =
            attributes.args([old.as_str(), new.as_str(), "--", ":(glob)**/.gitattributes", ".lfsconfig"]);
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
        if let Some(spare) = self.spare() {
            // Whoever had it may have put anything there.
            std::fs::remove_dir_all(spare.join(".git"))?;
            lending::lend(self.tree.directory(), &spare, Before::Lent, complete)?;
            for entry in std::fs::read_dir(&spare)? {
                let entry = entry?;
                std::fs::rename(entry.path(), target.directory().join(entry.file_name()))?;
            }
            std::fs::remove_dir(&spare)?;
        } else {
            lending::lend(self.tree.directory(), target.directory(), Before::Nothing, complete)?;
        }
        std::fs::copy(self.tree.git().join("index"), target.git().join("index"))?;
        Ok(())
    }
}

impl Template {
    fn spares(&self) -> PathBuf {
        self.directory.join("spare")
    }

    /// A work tree that came back, for the caller alone.
    fn spare(&self) -> Option<PathBuf> {
        std::fs::read_dir(self.spares()).ok()?.flatten().find_map(|entry| {
            let own = self.directory.join(format!("{TAKEN}{}", entry.file_name().display()));
            std::fs::rename(entry.path(), &own).ok().map(|()| own)
        })
    }

    /// Keeps a work tree that nobody needs any more, if there is room. Whoever owned it has lost it then.
    fn keep(&self, directory: &Path, name: &str) -> io::Result<()> {
        if !self.head().exists() {
            return Ok(());
        }
        std::fs::create_dir_all(self.spares())?;
        if std::fs::read_dir(self.spares())?.count() >= SPARES {
            return Ok(());
        }
        // The key is its owner's; without that, what is kept is nobody's.
        match std::fs::remove_file(directory.join(".git").join(SIGNING_KEY)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        std::fs::rename(directory, self.spares().join(name))
    }
}

/// Takes back the work trees below a directory that is about to be removed.
pub(crate) fn take_back(git: &Git, directory: &Path) {
    for place in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(tree) = git.open(&place.path()) else { continue };
        let Ok(template) = Template::at(&git.mirrors().join(&tree.state().mirror), &tree) else { continue };
        let name = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{name}", std::process::id());
        if let Err(error) = template.keep(&place.path(), &name) {
            tracing::debug!(%error, "a work tree is not kept");
        }
    }
}

/// Which boot of the machine this is; empty where the system does not tell.
pub(crate) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
