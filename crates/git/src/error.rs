//! What can go wrong, in classes a caller can act on. Every message says what, where and what to do; secrets are
//! taken out of what Git said before it gets here.

use std::path::PathBuf;
use std::time::Duration;

use ferry_artifact::{git_name, repo_url};

/// Which kind of integration met a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integration {
    /// Own commits were replayed on the branch's new head.
    Rebase,
    /// The branch's new head was merged.
    Merge,
}

/// Why a Git operation failed. Repository URLs are shown without password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL is of no form that may be given to Git.
    #[error("{0}")]
    HostileUrl(String),
    /// A branch, tag or commit name that Git could misread.
    #[error("{0}")]
    InvalidName(String),
    /// A credential that cannot be handed to Git safely.
    #[error("the credential for {url} is unusable: {problem}")]
    InvalidCredential {
        /// The repository.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no such repository, or the credential may not know of it.
    #[error("repository {url} was not found: check the URL, and that the credential may read it ({detail})")]
    NotFound {
        /// The repository.
        url: String,
        /// What the server said.
        detail: String,
    },
    /// The server wants a credential, or refuses the one it got.
    #[error("repository {url} refused access: check the credential ({detail})")]
    Unauthorized {
        /// The repository.
        url: String,
        /// What the server said.
        detail: String,
    },
    /// The branch, tag or commit is not there.
    #[error("{what} does not exist in repository {url}")]
    RefNotFound {
        /// The repository.
        url: String,
        /// `branch "x"`, `tag "x"` or `commit x`.
        what: String,
    },
    /// The repository has no commit yet.
    #[error("repository {url} is empty: push a first commit to it")]
    Empty {
        /// The repository.
        url: String,
    },
    /// It took longer than allowed; its processes were killed.
    #[error("{operation} of {place} did not end within {} s and was stopped: check that the server answers, or allow more time", after.as_secs_f64())]
    Timeout {
        /// `fetch`, `push`, …
        operation: String,
        /// The repository or directory.
        place: String,
        /// The time allowed.
        after: Duration,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("repository {url} cannot be reached: {detail}")]
    Unreachable {
        /// The repository.
        url: String,
        /// What Git said.
        detail: String,
    },
    /// The server refused the push itself (a hook, a protected branch, a name in the way).
    #[error("repository {url} refused the push to {reference}: {detail}")]
    Refused {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
        /// What the server said.
        detail: String,
    },
    /// The branch has commits that are not in the work tree, and the policy is not to integrate them.
    #[error(
        "{reference} of {url} has commits that are not integrated (non-fast-forward): integrate or force"
    )]
    Diverged {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
    },
    /// Others pushed to the branch again and again, so that no attempt came through.
    #[error("{reference} of {url} moved during each of {attempts} attempts to push: try again")]
    Contended {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
        /// How many attempts there were.
        attempts: u32,
    },
    /// Somebody else changed the same lines.
    #[error("{} with {reference} of {url} met conflicts in {}: somebody else changed the same lines, nothing was pushed", match during { Integration::Rebase => "rebasing", Integration::Merge => "merging" }, files.join(", "))]
    Conflict {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
        /// How it was tried.
        during: Integration,
        /// Paths of the files in conflict.
        files: Vec<String>,
    },
    /// Rebasing would drop signatures and the policy forbids that.
    #[error(
        "rebasing commit {commit} on {reference} of {url} would drop its signature, or sign what was not, which the policy forbids"
    )]
    RebaseUnsafe {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
        /// The signed commit.
        commit: String,
    },
    /// The branch and the work tree have no common ancestor, so they cannot be merged.
    #[error("the work tree and {reference} of {url} have unrelated histories and cannot be merged")]
    Unrelated {
        /// The repository.
        url: String,
        /// The full reference.
        reference: String,
    },
    /// Large files could not be brought or sent.
    #[error("Git LFS of repository {url}: {detail}")]
    Lfs {
        /// The repository.
        url: String,
        /// What is wrong, with which file or server.
        detail: String,
    },
    /// Another process uses the cache directory.
    #[error("{place} is used by another process: give each process a directory of its own")]
    Busy {
        /// The directory.
        place: String,
    },
    /// The target of a checkout is there already.
    #[error("{} already exists and is not empty: choose another path", directory.display())]
    Exists {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory holds no work tree of ours.
    #[error("{} is no Git work tree: clone into it first", directory.display())]
    NotAWorkTree {
        /// The directory.
        directory: PathBuf,
    },
    /// The mirror that a work tree borrows objects from is gone.
    #[error("the history of {} is no longer in the cache: clone again", directory.display())]
    Lost {
        /// The work tree.
        directory: PathBuf,
    },
    /// Something else than this crate changed the `.git` of a work tree.
    #[error("the Git metadata of {} was changed by something else ({what}) and is not used: clone again", directory.display())]
    Tampered {
        /// The work tree.
        directory: PathBuf,
        /// What was found.
        what: String,
    },
    /// There is such a tag already.
    #[error("tag {tag:?} exists already in {place}: choose another name, or replace it by force")]
    TagExists {
        /// The tag.
        tag: String,
        /// The work tree or repository.
        place: String,
    },
    /// The program is missing or too old.
    #[error("{program} cannot be used ({detail}): install Git 2.39 or later")]
    Program {
        /// What was started.
        program: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A commit message without any text.
    #[error("the commit message is empty: give one")]
    EmptyMessage,
    /// A name or e-mail address that cannot stand in a commit.
    #[error(
        "the identity {0:?} is unusable: a name and an e-mail address without <, > and line ends are needed"
    )]
    InvalidIdentity(String),
    /// A server that may not be reached.
    #[error("repository {url} cannot be reached: {why}")]
    Closed {
        /// The repository.
        url: String,
        /// Why.
        why: String,
    },
    /// A key that commits cannot be signed with. The text does not show it.
    #[error("the signing key is unusable: {0}")]
    InvalidSigningKey(&'static str),
    /// A directory of a sparse checkout that is no plain relative directory.
    #[error("sparse path {path:?} is refused: {problem}; use directory paths like src/app")]
    InvalidSparse {
        /// What was given.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Git printed more than expected.
    #[error("{operation} of {place} printed more than {limit} bytes and was stopped")]
    TooMuchOutput {
        /// The operation.
        operation: String,
        /// The repository or directory.
        place: String,
        /// How much is allowed.
        limit: usize,
    },
    /// Git failed in a way of no other class.
    #[error("git failed to {operation} {place}: {detail}")]
    Git {
        /// The operation.
        operation: String,
        /// The repository or directory.
        place: String,
        /// What Git said.
        detail: String,
    },
    /// A file or directory could not be used.
    #[error("cannot {what}: {detail}")]
    Io {
        /// What was attempted.
        what: String,
        /// What the operating system said.
        detail: String,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything but the peer or the network.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Unreachable { .. }
                | Self::Contended { .. }
                | Self::Busy { .. }
                | Self::Io { .. }
        )
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, detail: error.to_string() }
    }
}

impl From<repo_url::Error> for Error {
    fn from(error: repo_url::Error) -> Self {
        Self::HostileUrl(error.to_string())
    }
}

impl From<git_name::Error> for Error {
    fn from(error: git_name::Error) -> Self {
        Self::InvalidName(error.to_string())
    }
}
