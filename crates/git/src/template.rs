//! The files of a revision, kept once per mirror and lent to every work tree that is checked out: moving them from
//! commit to commit touches what differs, and a second name for a file costs a fraction of writing it.
//!
//! ```text
//! <mirror>/trees/<which branch and directories>/tree/   a work tree of ours, that nobody else ever gets
//! <mirror>/trees/<which branch and directories>/head    its commit, and the boot of the machine that wrote the files
//! <mirror>/trees/<which branch and directories>/spare/  work trees that nobody needs any more, without `.git`
//! <mirror>/gone/                                        what is being removed
//! ```
//! Branches are apart, since one may have nothing in common with another; what is no branch shares one place. `head` is
//! written when everything is in place; after another boot the disk may hold less than was written, and nothing is trusted.
//! A work tree that comes back is compared by the numbers of its files: what is still the lent file stays, the rest is
//! put right. That costs a look at each file, and is done while the server is asked; what changes meanwhile is put
//! right in the directories that a comparison of the commits names.
//! Lent files are never written into: Git and the work directory replace files. Should anybody have done it all the
//! same, the file is younger than `head`, and everything is made anew.

mod lending;
mod place;
mod ready;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ferry_artifact::CommitId;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tracing::Instrument as _;

use self::lending::{Before, Unlent};
pub(crate) use self::place::boot;
use self::place::{Place, Spare};
pub(crate) use self::ready::Ready;
use crate::checkout::lay_out;
use crate::lfs::Files;
use crate::mirror::Mirror;
use crate::work_tree::{Head, WorkTree, replace};
use crate::{Error, Git, partial};

/// Most branches and selections of one mirror whose files are kept; the one that moved longest ago goes.
const PLACES: usize = 8;

/// Where the files stand; `None` if that is not known.
pub(crate) type At = Option<Stand>;

/// Which commit the files are of, and how they came there.
#[derive(Debug)]
pub(crate) struct Stand {
    commit: CommitId,
    came: Option<Came>,
}

/// From which commit files came to another, since when they were complete there, and the directories with what is
/// different.
#[derive(Debug)]
struct Came {
    from: (CommitId, SystemTime),
    changed: Directories,
}

/// Directories of a work tree, as paths in it.
type Directories = HashSet<PathBuf>;

/// The files of one branch, or of one selection of directories in it.
#[derive(Clone)]
struct Template {
    tree: WorkTree,
    place: Place,
}

/// Puts the files of a commit, and the index of them, into a work tree that has neither. `false`: that is not
/// possible here, and nothing is there.
pub(crate) async fn lend(
    mirror: &Mirror,
    target: &WorkTree,
    commit: &CommitId,
    ready: &Ready,
) -> Result<bool, Error> {
    let template = Template::at(&mirror.shared().directory, target)?;
    let lock = lock_of(mirror, &template.place);
    for _ in 0..2 {
        let spare = ready.take(&template).await;
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
            let result = from.link_into(&to, spare, at.as_ref());
            drop(at);
            result
        });
        match lent.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped).into())) {
            Ok(()) => return Ok(true),
            Err(Unlent::Tampered(path)) => {
                tracing::warn!(path = %path.display(), "a file that belongs to the cache was changed; it is made anew");
                let mut at = lock.write().await;
                *at = None;
                template.place.forget().map_err(Error::io("remove files that were changed"))?;
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

/// The lock of these files. Makes a place for them, and room for it among those of the mirror.
fn lock_of(mirror: &Mirror, Place(directory): &Place) -> Arc<RwLock<At>> {
    let mut templates = mirror.shared().templates.lock();
    if !directory.exists() {
        make_room(&mut templates, directory.parent().unwrap_or(directory));
        // Whoever comes next counts it. Where that cannot be, files cannot be kept there either, which is told then.
        let _told_later = std::fs::create_dir_all(directory);
    }
    templates.entry(directory.clone()).or_default().clone()
}

/// Removes what moved longest ago and is not in use.
fn make_room(templates: &mut HashMap<PathBuf, Arc<RwLock<At>>>, places: &Path) {
    let age = |place: &PathBuf| {
        let moved = std::fs::metadata(place.join("head")).or_else(|_| std::fs::metadata(place));
        moved.and_then(|place| place.modified()).ok()
    };
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(places).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort_by_cached_key(age);
    for place in all.iter().take((all.len() + 1).saturating_sub(PLACES)) {
        // The lock stays: somebody may have it already, and comes to an empty place then.
        let lock = templates.entry(place.clone()).or_default().clone();
        if let Ok(mut at) = lock.try_write_owned() {
            *at = None;
            if let Err(error) = Place(place.clone()).remove() {
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
    if at.as_ref().is_some_and(|stand| stand.commit == *commit && template.place.head().exists()) {
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
        let lfs = target.runner.settings.lfs.is_some();
        let place = Place::of(mirror, branch, &target.state().sparse, lfs);
        Ok(Self { tree: target.elsewhere(place.tree()), place })
    }

    async fn move_to(
        self,
        mirror: &Mirror,
        mut at: OwnedRwLockWriteGuard<At>,
        commit: &CommitId,
    ) -> Result<OwnedRwLockReadGuard<At>, Error> {
        let known = self.place.known();
        self.place.sweep();
        let mut came = None;
        if known.as_ref() != Some(commit) {
            *at = None;
            let complete = self.place.complete();
            let changing = || format!("change the files in {}", self.tree.directory().display());
            self.place.distrust().map_err(|error| Error::io(changing())(error))?;
            partial::files(mirror, &self.tree, commit).await?;
            if let (Some(old), Ok(complete)) = (known, complete) {
                let changed = self.advance(&old, commit).await.unwrap_or(None);
                came = changed.map(|changed| Came { from: (old, complete), changed });
            }
            if came.is_none() {
                self.fill(commit).await?;
            }
            Files::of(&self.tree, mirror).bring(commit).await?;
            replace(&self.place.head(), &format!("{commit}\n{}\n", boot()))?;
        }
        *at = Some(Stand { commit: commit.clone(), came });
        Ok(at.downgrade())
    }

    /// What is different now; `None`: everything has to be made anew.
    async fn advance(&self, old: &CommitId, new: &CommitId) -> Result<Option<Directories>, Error> {
        self.tree.secure()?;
        // What was written into would be as old as the rest from here on.
        let unchanged = self.tree.command("look for changes in").args(["update-index", "--refresh"]);
        if !unchanged.run().await?.success {
            return Ok(None);
        }
        let differs = self.tree.command("compare commits of").args(["diff-tree", "-r", "-z", "--name-only"]);
        let differs = differs.args([old.as_str(), new.as_str()]).success().await?.stdout;
        let mut changed = Directories::new();
        for path in differs.split(|byte| *byte == 0).map(OsStr::from_bytes).map(Path::new) {
            // These change how other files are written, also those that are the same in both.
            if path.file_name() == Some(OsStr::new(".gitattributes")) || path == Path::new(".lfsconfig") {
                return Ok(None);
            }
            for above in path.ancestors().skip(1) {
                if !changed.insert(above.to_owned()) {
                    break;
                }
            }
        }
        let moved = self.tree.command("update the files of").args(["read-tree", "-m", "-u"]);
        if !moved.args([old.as_str(), new.as_str()]).run().await?.success {
            return Ok(None);
        }
        self.tree.set_head(new)?;
        Ok(Some(changed))
    }

    async fn fill(&self, commit: &CommitId) -> Result<(), Error> {
        let directory = self.tree.directory();
        self.place.forget().map_err(Error::io(format!("make {} anew", directory.display())))?;
        std::fs::create_dir_all(directory).map_err(Error::io(format!("make {}", directory.display())))?;
        lay_out(&self.tree, None, Some(commit))?;
        let command = self.tree.command("check out into").args(["read-tree", "--reset", "-u"]);
        command.arg(commit.as_str()).success().await.map(|_| ())
    }

    fn link_into(&self, target: &WorkTree, ready: Option<Spare>, at: Option<&Stand>) -> Result<(), Unlent> {
        let stand = at.ok_or_else(|| io::Error::other("nobody knows which files these are"))?;
        let spare = match ready.or_else(|| self.place.spare()) {
            Some(spare) => stand.given(spare, self.place.complete()?)?,
            None => None,
        };
        match spare {
            Some(spare) => spare.become_files_of(target.directory())?,
            None => self.place.lending(None)?.lend(target.directory(), Before::Nothing)?,
        }
        std::fs::copy(self.tree.git().join("index"), target.git().join("index"))?;
        Ok(())
    }
}

impl Stand {
    /// A spare work tree with the files; none if it is not there any more, or cannot be put right.
    fn given(&self, mut spare: Spare, complete: SystemTime) -> Result<Option<Spare>, Unlent> {
        let only = match (&spare.same_as, &self.came) {
            (Some((commit, since)), _) if *commit == self.commit && *since == complete => {
                return Ok(Some(spare));
            }
            (Some(before), Some(came)) if *before == came.from => Some(&came.changed),
            _ => None,
        };
        match spare.look(&self.commit, only) {
            Ok(()) => return Ok(Some(spare)),
            Err(Unlent::Io(error)) => tracing::debug!(%error, "a spare work tree is of no use"),
            Err(tampered) => {
                spare.remove();
                return Err(tampered);
            }
        }
        spare.remove();
        Ok(None)
    }
}

/// Takes back the work trees below a directory that is about to be removed.
pub(crate) fn take_back(git: &Git, directory: &Path) {
    for place in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(tree) = git.open(&place.path()) else { continue };
        let Ok(template) = Template::at(&git.mirrors().join(&tree.state().mirror), &tree) else { continue };
        if let Err(error) = template.place.keep(&place.path()) {
            tracing::debug!(%error, "a work tree is not kept");
        }
    }
}
