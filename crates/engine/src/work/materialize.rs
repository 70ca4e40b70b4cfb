//! Real paths for real programs: what they will change is made safe first, and read again afterwards.

use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::journal::{DOT_GIT, Keep};
use super::path::WorkPath;
use super::view::{Kind, WorkDir};

/// Parts of the work directory as a program may find and change them. Its changes count as the step's own; links
/// that it makes are judged when they are used, as all are.
#[derive(Clone, Debug)]
pub struct Materialized {
    paths: Vec<PathBuf>,
}

impl Materialized {
    /// The absolute paths, in the order asked for.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

impl WorkDir {
    /// Real paths of files and directories that a program may read and change in any way. Links in them that lead out
    /// of the work directory are refused. A copy of each is kept until the step's end, so this costs what they hold.
    pub fn materialize(&self, paths: &[WorkPath]) -> Result<Materialized> {
        let paths = paths.iter().map(|path| {
            self.change(path, |journal| {
                let real = self.followed(journal, path)?;
                self.judge_links(&real)?;
                journal.keep(&real, Keep::Copy)?;
                Ok(self.absolute(&real))
            })
        });
        Ok(Materialized { paths: paths.collect::<Result<_>>()? })
    }

    /// The real path of something that a program is going to make; whatever is there goes away first. The directory
    /// above it is there.
    pub fn materialize_new(&self, path: &WorkPath) -> Result<PathBuf> {
        self.change(path, |journal| {
            let real = self.real(journal, path, true)?;
            journal.clear(&real)?;
            Ok(self.absolute(&real))
        })
    }

    /// The real path of a directory of Git (`.git`, or a bare repository) that a program may change. A copy is kept of
    /// all but its objects, which only ever get more.
    pub fn materialize_git_dir(&self, path: &WorkPath) -> Result<PathBuf> {
        self.change(path, |journal| {
            let real = self.followed(journal, path)?;
            journal.keep(&real, Keep::GitDirectory)?;
            Ok(self.absolute(&real))
        })
    }

    /// The real path of a work tree of Git whose `.git`, and the files at these paths in it, Git may change. It
    /// replaces files and never writes into them, so keeping them costs a second name each.
    pub fn materialize_work_tree(&self, path: &WorkPath, files: &[String]) -> Result<PathBuf> {
        self.change(path, |journal| {
            let real = self.followed(journal, path)?;
            journal.keep(&format!("{real}/{DOT_GIT}"), Keep::GitDirectory)?;
            for file in files {
                journal.keep_file(&real, file)?;
            }
            Ok(self.absolute(&real))
        })
    }

    /// The real path of something that a program only reads.
    pub fn materialize_read_only(&self, path: &WorkPath) -> Result<PathBuf> {
        self.change(path, |journal| Ok(self.absolute(&self.real_directory(journal, path, None)?)))
    }

    /// Real paths of files and directories that a program only reads. Links in them that lead out of the work directory
    /// are refused.
    pub fn lend(&self, paths: &[WorkPath]) -> Result<Vec<PathBuf>> {
        let lend = |path: &WorkPath| {
            if self.kind(path)?.is_none() {
                return Err(Error::Missing(path.as_written().to_owned()));
            }
            self.change(path, |journal| {
                let real = self.followed(journal, path)?;
                self.judge_links(&real)?;
                Ok(self.absolute(&real))
            })
        };
        paths.iter().map(lend).collect()
    }

    /// Refuses links at or below a path that lead out. Dangling ones lead nowhere.
    fn judge_links(&self, real: &str) -> Result<()> {
        let top = WorkPath::of_clean(real.to_owned());
        let mut links = Vec::new();
        match self.kind_of_link(&top)? {
            Some(Kind::Directory) => links.extend(self.walk(&top, |_| true)?),
            Some(_) | None => return Ok(()),
        }
        for link in links.iter().filter(|entry| entry.kind == Kind::Link) {
            self.kind(&link.path)?;
        }
        Ok(())
    }

    fn absolute(&self, real: &str) -> PathBuf {
        self.at().join(Path::new(real))
    }
}
