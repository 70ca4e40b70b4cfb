//! What helm reads: a chart, which links may make a chart of several places of the work directory.

use std::path::PathBuf;

use ferry_engine::work::{Kind, Result, WorkDir, WorkPath};

/// A folder or a file that a program reads, with all that links in it lead to.
#[derive(Clone, Debug)]
pub struct Lent {
    /// Where it is.
    pub at: PathBuf,
    /// The work directory: what links lead to is somewhere in it.
    pub root: PathBuf,
}

impl Lent {
    /// Looks for what is at a path. Links that lead out of the work directory are refused, also those of what links lead
    /// to.
    pub fn of(work: &WorkDir, path: &WorkPath) -> Result<Self> {
        let mut judged: Vec<PathBuf> = Vec::new();
        let mut open = vec![path.clone()];
        while let Some(path) = open.pop() {
            let at = work.lend(std::slice::from_ref(&path))?.remove(0);
            if judged.iter().any(|judged| at.starts_with(judged)) {
                continue;
            }
            judged.push(at);
            if work.kind(&path)? != Some(Kind::Directory) {
                continue;
            }
            for link in work.walk(&path, |_| true)?.into_iter().filter(|entry| entry.kind == Kind::Link) {
                // One that leads nowhere is for the program to tell.
                if work.kind(&link.path)?.is_some() {
                    open.push(link.path);
                }
            }
        }
        let root = work.materialize_read_only(&WorkPath::root())?;
        // Without a slash at its end.
        let root = root.components().collect();
        Ok(Self { at: judged.swap_remove(0), root })
    }

    /// What a program says, without where we are: the path is called `name`.
    pub fn told(&self, said: &str, name: &str) -> String {
        let said = said.replace(&*self.at.to_string_lossy(), name);
        said.replace(&format!("{}/", self.root.display()), "")
    }
}
