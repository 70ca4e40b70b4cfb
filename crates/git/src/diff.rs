//! What a commit of the work tree would change, for people to look at.

use crate::Error;
use crate::work_tree::WorkTree;

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Added and removed lines; `None` for files that are not text.
    pub lines: Option<(u64, u64)>,
}

impl WorkTree {
    /// The files that a commit would change, with counts of lines.
    pub async fn changes(&self) -> Result<Vec<FileChange>, Error> {
        let said = self.compare(&["--numstat", "-z"]).await?;
        let change = |entry: &str| {
            let mut fields = entry.splitn(3, '\t');
            let (added, removed, path) = (fields.next()?, fields.next()?, fields.next()?);
            let lines = added.parse().ok().zip(removed.parse().ok());
            Some(FileChange { path: path.to_owned(), lines })
        };
        Ok(said.split_terminator('\0').filter_map(change).collect())
    }

    /// The same as a unified diff.
    pub async fn diff(&self) -> Result<String, Error> {
        self.compare(&["--patch"]).await
    }

    async fn compare(&self, format: &[&str]) -> Result<String, Error> {
        self.secure()?;
        let tree = self.write_tree().await?;
        let head = self.head_commit()?;
        let command = self.command("compare the files of").args(["diff-tree", "-r", "--no-renames"]);
        let command = command.args(["--no-ext-diff", "--no-textconv", "--no-color"]).args(format);
        let output = command.args([head.as_str(), &tree]).success().await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
