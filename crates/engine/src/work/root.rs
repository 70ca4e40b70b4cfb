//! The directory that holds all work directories.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, Permissions, PermissionsExt};

use super::directory::{FRESH, WORK, WorkDirectory};
use super::error::{Error, Result};
use super::{fault, journal};

/// Prefix of a directory that is being removed.
const GONE: &str = ".gone.";

/// All work directories of a process.
#[derive(Clone)]
pub struct WorkRoot {
    path: PathBuf,
    salvage: Option<Salvage>,
}

/// Somebody who may move away what is in a work directory before that is removed.
type Salvage = Arc<dyn Fn(&Path) + Send + Sync>;

impl std::fmt::Debug for WorkRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkRoot").field("path", &self.path).finish_non_exhaustive()
    }
}

impl WorkRoot {
    /// Opens or makes the directory, for its owner's eyes only, and removes what a killed process left half removed.
    pub fn new(path: &Path) -> Result<Self> {
        let at = path.display().to_string();
        let io = |e| Error::io("open", &at, e);
        Dir::create_ambient_dir_all(path, ambient_authority()).map_err(io)?;
        let path = std::path::absolute(path).and_then(|p| p.canonicalize()).map_err(io)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(io)?;
        dir.set_permissions(".", Permissions::from_mode(0o700)).map_err(io)?;
        for name in names(&dir).map_err(io)? {
            if name.starts_with(GONE) || name.starts_with(FRESH) {
                remove_tree(&dir, &name).map_err(io)?;
            }
        }
        Ok(Self { path, salvage: None })
    }

    /// Shows what steps saw of a work directory to somebody before it is removed: what they move away stays.
    #[must_use]
    pub fn salvaging(self, salvage: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        Self { salvage: Some(Arc::new(salvage)), ..self }
    }

    /// The work directory of a Promotion. Touches nothing yet: [`WorkDirectory::recover`] does.
    pub fn directory(&self, uid: &str) -> Result<WorkDirectory> {
        name(uid)?;
        Ok(WorkDirectory::new(self.path.clone(), uid))
    }

    /// Removes the work directory of a Promotion, if there is one.
    pub fn remove(&self, uid: &str) -> Result<()> {
        name(uid)?;
        if let Some(salvage) = &self.salvage {
            salvage(&self.path.join(uid).join(WORK));
        }
        remove(&self.path, uid)
    }

    /// The Promotions that have a work directory, by uid, sorted.
    pub fn list(&self) -> Result<Vec<String>> {
        let io = |e| Error::io("list", ".", e);
        let dir = Dir::open_ambient_dir(&self.path, ambient_authority()).map_err(io)?;
        let mut names = names(&dir).map_err(io)?;
        names.retain(|name| !name.starts_with('.'));
        Ok(names)
    }

    /// Removes the work directories of all Promotions but the living ones; answers with the removed.
    pub fn remove_others(&self, living: &HashSet<String>) -> Result<Vec<String>> {
        let mut others = self.list()?;
        others.retain(|uid| !living.contains(uid));
        for uid in &others {
            remove(&self.path, uid)?;
        }
        Ok(others)
    }
}

/// A uid that can be the name of a directory.
fn name(uid: &str) -> Result<()> {
    let fits = uid.len() <= 200
        && uid.starts_with(|c: char| c.is_ascii_alphanumeric())
        && uid.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits { Ok(()) } else { Err(Error::Escapes(uid.to_owned())) }
}

fn names(dir: &Dir) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in dir.entries()? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a work directory: its name at once, then what it holds.
pub(super) fn remove(root: &Path, uid: &str) -> Result<()> {
    let io = |e| Error::io("remove", uid, e);
    let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(io)?;
    let gone = format!("{GONE}{uid}");
    if journal::exists(&root, &gone)? {
        remove_tree(&root, &gone).map_err(io)?;
    }
    if !journal::exists(&root, uid)? {
        return Ok(());
    }
    fault::point("work.remove").map_err(io)?;
    root.rename(uid, &root, &gone).map_err(io)?;
    fault::point("work.remove.2").map_err(io)?;
    remove_tree(&root, &gone).map_err(io)
}

/// Removes a directory with all below it, also where directories in it refuse that at first.
pub(super) fn remove_tree(dir: &Dir, name: &str) -> io::Result<()> {
    match dir.remove_dir_all(name) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            permit(dir, name.as_ref())?;
            dir.remove_dir_all(name)
        }
        result => result,
    }
}

fn permit(dir: &Dir, path: &Path) -> io::Result<()> {
    if dir.symlink_metadata(path)?.is_dir() {
        dir.set_permissions(path, Permissions::from_mode(0o700))?;
        for entry in dir.read_dir(path)? {
            permit(dir, &path.join(entry?.file_name()))?;
        }
    }
    Ok(())
}

/// The builder of directories that only their owner sees.
pub(super) fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}
