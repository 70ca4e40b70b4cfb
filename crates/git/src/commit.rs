//! Committing: everything in the work tree becomes a tree, and the tree a commit, without any porcelain that could
//! run hooks, sign or ask.

use ferry_artifact::CommitId;
use jiff::Timestamp;

use crate::settings::Identity;
use crate::sign::{SigningKey, signed};
use crate::work_tree::WorkTree;
use crate::{Error, message, nested};

/// A commit to make.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The message; white space is put in order as `git commit -m` does.
    pub message: String,
    /// Author and committer; default: the work tree's identity, and its key to sign with.
    pub author: Option<Author>,
    /// When.
    pub time: Timestamp,
}

/// Who makes one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name and the e-mail address.
    pub identity: Identity,
    /// What it is signed with; nothing where there is none.
    pub signing_key: Option<SigningKey>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new commit, or the head if nothing had changed.
    pub id: CommitId,
    /// Whether there is a new commit.
    pub changed: bool,
}

/// Who and when.
pub(crate) struct Header<'a> {
    pub(crate) author: &'a Identity,
    pub(crate) committer: &'a Identity,
    pub(crate) time: Timestamp,
    pub(crate) signing_key: Option<&'a SigningKey>,
}

impl WorkTree {
    /// Commits all changes: new, changed and removed files (ignored ones and nested work trees stay out).
    pub async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        self.secure()?;
        let (identity, signing_key) = match &commit.author {
            Some(author) => (&author.identity, author.signing_key.clone()),
            None => (self.identity(), self.signing_key()?),
        };
        let head = self.head_commit()?;
        let tree = self.write_tree().await?;
        let command = self.command("read the head of").args(["rev-parse", "--verify", "--end-of-options"]);
        let before = command.arg(format!("{head}^{{tree}}")).success().await?.text();
        if tree == before {
            return Ok(Committed { id: head, changed: false });
        }
        let message = message::clean(&commit.message)?;
        let identity = &identity.checked()?;
        let signing_key = signing_key.as_ref();
        let header = Header { author: identity, committer: identity, time: commit.time, signing_key };
        ferry_failpoint::point!("commit.write");
        let id = header.write(self, &tree, Some(&head), &message).await?;
        ferry_failpoint::point!("commit.written");
        self.set_head(&id)?;
        ferry_failpoint::point!("commit.head-set");
        Ok(Committed { id, changed: true })
    }

    pub(crate) async fn write_tree(&self) -> Result<String, Error> {
        let command = self.command("add the changes of").args(["add", "--all", "--sparse", "--"]);
        command.args(nested::pathspecs(self.directory()).await?).success().await?;
        let command = self.command("write the tree of").arg("write-tree");
        // What was never needed here is on the server.
        let command = if self.blobless() { command.arg("--missing-ok") } else { command };
        Ok(command.success().await?.text())
    }
}

impl Header<'_> {
    /// Writes a commit object; nothing points to it yet.
    pub(crate) async fn write(
        &self,
        tree: &WorkTree,
        content: &str,
        parent: Option<&CommitId>,
        message: &str,
    ) -> Result<CommitId, Error> {
        let seconds = self.time.as_second();
        let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
        let (author, committer) = (self.author, self.committer);
        let object = format!(
            "tree {content}\n{parent}author {author} {seconds} +0000\ncommitter {committer} {seconds} +0000\n\n{message}"
        );
        write_object(tree, signed(object.into_bytes(), self.signing_key, self.time)?).await
    }
}

/// Stores a commit object as it is.
pub(crate) async fn write_object(tree: &WorkTree, object: Vec<u8>) -> Result<CommitId, Error> {
    let command = tree.command("write a commit in").args(["hash-object", "-t", "commit", "-w", "--stdin"]);
    let id = command.input(object).success().await?.text();
    Ok(CommitId::parse(&id)?)
}
