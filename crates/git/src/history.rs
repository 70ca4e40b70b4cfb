//! Reading history: commits along the first parent, and what a commit changed.

use std::collections::BTreeMap;

use ferry_artifact::CommitId;
use jiff::Timestamp;

use crate::Error;
use crate::mirror::View;

/// A commit as discovery shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The full id.
    pub id: CommitId,
    /// Its parents; more than one for a merge.
    pub parents: Vec<CommitId>,
    /// `name <email>`
    pub author: String,
    /// `name <email>`
    pub committer: String,
    /// When it was written.
    pub author_date: Timestamp,
    /// When it was committed.
    pub commit_date: Timestamp,
    /// The first paragraph, on one line, untruncated.
    pub subject: String,
    /// The whole message.
    pub message: String,
}

/// Which part of a history to read.
#[derive(Clone, Debug)]
pub struct Log {
    /// Where to begin.
    pub from: CommitId,
    /// How many of the newest to leave out.
    pub skip: usize,
    /// How many at most.
    pub limit: usize,
    /// None committed before this.
    pub since: Option<Timestamp>,
}

impl Log {
    /// The newest `limit` commits from a commit on.
    pub fn newest(from: CommitId, limit: usize) -> Self {
        Self { from, skip: 0, limit, since: None }
    }
}

const FIELDS: usize = 9;

impl View {
    /// Commits newest first, following first parents only.
    pub async fn log(&self, log: &Log) -> Result<Vec<CommitInfo>, Error> {
        let format = "--format=tformat:%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%at%x00%ct%x00%s%x00%B%x00";
        let command =
            self.mirror.command("read the history of").args(["log", "-z", "--first-parent", format]);
        let command = command.arg(format!("--max-count={}", log.limit)).arg(format!("--skip={}", log.skip));
        let command = match log.since {
            Some(since) => command.arg(format!("--since={since}")),
            None => command,
        };
        let output = command.args(["--end-of-options", log.from.as_str(), "--"]).success().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let fields: Vec<_> = text.split_terminator('\0').collect();
        // The format's last zero and the one of `-z` enclose an empty ninth field.
        Ok(fields.chunks(FIELDS).filter_map(commit_info).collect())
    }

    /// One commit.
    pub async fn commit(&self, id: &CommitId) -> Result<CommitInfo, Error> {
        let found = self.log(&Log::newest(id.clone(), 1)).await?;
        let url = self.mirror.url().to_owned();
        found.into_iter().next().ok_or_else(|| Error::RefNotFound { url, what: format!("commit {id}") })
    }

    /// The paths a commit changed in respect of its first parent, without detection of renames (a move is its old
    /// and its new path); all paths for a first commit.
    pub async fn changed_paths(&self, id: &CommitId) -> Result<Vec<String>, Error> {
        let mut paths = self.changed_paths_of(std::slice::from_ref(id)).await?;
        Ok(paths.remove(id).unwrap_or_default())
    }

    /// The same for many commits at once. `ids` newest first, as `log` gives them.
    pub async fn changed_paths_of(&self, ids: &[CommitId]) -> Result<BTreeMap<CommitId, Vec<String>>, Error> {
        let flags =
            ["-r", "-z", "--root", "--name-only", "--no-renames", "--always", "--diff-merges=first-parent"];
        // Oldest first: no path can pretend to be the id of a commit that was made later.
        let input: String = ids.iter().rev().flat_map(|id| [id.as_str(), "\n"]).collect();
        let command = self.mirror.command("read changes of").args(["diff-tree", "--stdin"]).args(flags);
        let output = command.input(input.into_bytes()).success().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut expected = ids.iter().rev().peekable();
        let mut changed: BTreeMap<CommitId, Vec<String>> = BTreeMap::new();
        let mut current: Option<&mut Vec<String>> = None;
        for field in text.split_terminator('\0') {
            let field = if current.is_none() { field.trim_start_matches('\n') } else { field };
            match expected.next_if(|id| id.as_str() == field) {
                Some(id) => current = Some(changed.entry(id.clone()).or_default()),
                None => current.iter_mut().for_each(|paths| paths.push(field.to_owned())),
            }
        }
        Ok(changed)
    }
}

fn commit_info(fields: &[&str]) -> Option<CommitInfo> {
    let [id, parents, author, committer, author_date, commit_date, subject, message, _end] = fields else {
        return None;
    };
    let time = |text: &str| text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Some(CommitInfo {
        id: CommitId::parse(id).ok()?,
        parents: parents.split(' ').filter_map(|id| CommitId::parse(id).ok()).collect(),
        author: (*author).to_owned(),
        committer: (*committer).to_owned(),
        // Dates nobody can have meant count as the beginning.
        author_date: time(author_date).unwrap_or(Timestamp::UNIX_EPOCH),
        commit_date: time(commit_date).unwrap_or(Timestamp::UNIX_EPOCH),
        subject: (*subject).to_owned(),
        message: message.trim_end_matches('\n').to_owned(),
    })
}
