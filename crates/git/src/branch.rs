//! Pushing to a branch: what goes in and what comes out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ferry_artifact::{BranchName, CommitId};

use crate::mirror::Mirror;
use crate::queue::Queue;
use crate::work_tree::WorkTree;
use crate::{Error, push};

/// What a push is about to do, for whoever must know after a crash. Written down before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushIntent {
    /// The full reference: `refs/heads/main`.
    pub reference: String,
    /// What it points to now and must still point to when the push arrives; `None`: it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<CommitId>,
    /// What it shall point to. If one of them is (an ancestor of) the head later, the push has happened.
    pub candidates: Vec<CommitId>,
}

/// Writes an intent where it survives a crash. Awaited before each attempt; an error stops the push.
pub trait Recorder {
    /// Why it could not be written.
    type Error: Send;
    /// Writes it.
    fn record(&mut self, intent: &PushIntent) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// The push is through and its head differs from the work tree's: what is at these paths (the empty one is all of
    /// it), and `.git`, is about to change.
    fn advancing(&mut self, _paths: &[String]) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }
}

/// For pushes that nobody resumes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unrecorded;

impl Recorder for Unrecorded {
    type Error = Infallible;

    async fn record(&mut self, _intent: &PushIntent) -> Result<(), Infallible> {
        Ok(())
    }
}

/// How commits of others on the branch are integrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushPolicy {
    /// Own commits are replayed on top.
    #[default]
    AlwaysRebase,
    /// The branch is merged.
    AlwaysMerge,
    /// Rebase, unless that would drop a signature: then merge.
    RebaseOrMerge,
    /// Rebase, unless that would drop a signature: then fail.
    RebaseOrFail,
    /// Not at all: fail.
    None,
}

/// Whether the branch's commits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushMode {
    /// Nobody's commit is lost.
    Integrate(PushPolicy),
    /// The branch becomes what the work tree has (still only if it is what was just seen).
    Force,
}

/// A push to make.
#[derive(Clone, Debug)]
pub struct Push<'a> {
    /// Whose head commit goes out. It moves to what was pushed.
    pub work_tree: &'a WorkTree,
    /// What becomes of commits of others.
    pub mode: PushMode,
    /// How often at most, at least once.
    pub max_attempts: u32,
    /// How long at most, in all.
    pub deadline: Option<Duration>,
    /// What earlier runs of the same push recorded.
    pub previously_recorded: &'a [PushIntent],
}

impl<'a> Push<'a> {
    /// With defaults: always rebase, ten attempts.
    pub fn of(work_tree: &'a WorkTree) -> Self {
        let mode = PushMode::Integrate(PushPolicy::default());
        Self { work_tree, mode, max_attempts: 10, deadline: None, previously_recorded: &[] }
    }
}

/// What is on the branch now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The commit of this push.
    pub commit: CommitId,
    /// The branch.
    pub branch: BranchName,
    /// Nothing was sent: an earlier run had done it, or there was nothing that the branch does not have.
    pub already_there: bool,
}

/// Why a push failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError<E> {
    /// Git or the server.
    #[error(transparent)]
    Git(#[from] Error),
    /// The intent could not be recorded, so nothing was sent.
    #[error("the push could not be recorded, so nothing was sent")]
    Record(E),
}

/// A branch to push to.
#[derive(Clone, Debug)]
pub struct Branch {
    pub(crate) mirror: Mirror,
    pub(crate) name: BranchName,
    pub(crate) queue: Arc<Queue>,
}

impl Branch {
    pub(crate) fn new(mirror: Mirror, name: BranchName, queue: Arc<Queue>) -> Self {
        Self { mirror, name, queue }
    }

    /// Its name.
    pub fn name(&self) -> &BranchName {
        &self.name
    }

    /// Brings the work tree's commits to the branch. Before each attempt the recorder writes down what is about to
    /// happen; the push then swaps exactly the head that was seen. After any failure the branch is looked at before
    /// anything else is tried, so a push that arrived is never made twice. May be cancelled at any point.
    pub async fn push<R: Recorder>(
        &self,
        push: &Push<'_>,
        recorder: &mut R,
    ) -> Result<Pushed, PushError<R::Error>> {
        let Some(deadline) = push.deadline else { return push::run(self, push, recorder).await };
        let late = || Error::Timeout {
            operation: "push".into(),
            place: format!("{} to {}", self.name, self.mirror.url()),
            after: deadline,
        };
        tokio::time::timeout(deadline, push::run(self, push, recorder)).await.map_err(|_late| late())?
    }
}
