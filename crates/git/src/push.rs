//! A push as who makes it sees it: a candidate is built on the branch as it was just seen, recorded, and sent by the
//! line it stands in ([`crate::queue`]); whatever came of it, the branch is looked at again before anything else.

use std::hash::{BuildHasher as _, Hasher as _};

use ferry_artifact::{BranchName, CommitId};
use ferry_failpoint::point;
use tokio::sync::{mpsc, oneshot};

use crate::branch::{Branch, Push, PushError, PushIntent, PushMode, Pushed, Recorder};
use crate::classify::{self, PushRefusal};
use crate::fetch::Want;
use crate::integrate::{Integrating, integrate};
use crate::lfs::Files;
use crate::mirror::{Mirror, View};
use crate::queue::{Built, Order, Round};
use crate::work_tree::WorkTree;
use crate::{Error, integrate, lfs, partial};

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Done,
    /// Looking again and another attempt may help.
    Again(Error),
    /// Unless it arrived all the same, that is it.
    Final(Error),
}

/// Where the objects are that are sent.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// In one work tree (and its mirror).
    Tree(&'a WorkTree),
    /// In the mirror alone.
    Mirror,
}

/// What to send.
enum Candidate {
    Send(CommitId),
    /// The branch has everything already; this is its head.
    Nothing(CommitId),
}

/// What waits for its push.
struct Pending {
    commit: CommitId,
    /// It is somebody else's commit: nothing of one's own is missing in it.
    already_there: bool,
}

/// A push on its way.
struct Pushing<'a, R> {
    branch: &'a Branch,
    push: &'a Push<'a>,
    recorder: &'a mut R,
    /// What was recorded for this branch, by earlier runs too.
    intents: Vec<PushIntent>,
    pending: Option<Pending>,
    failed: Option<Outcome>,
    attempt: u32,
}

type Told<T, E> = Result<T, PushError<E>>;

pub(crate) async fn run<R: Recorder>(
    branch: &Branch,
    push: &Push<'_>,
    recorder: &mut R,
) -> Told<Pushed, R::Error> {
    push.work_tree.secure()?;
    // What the commits point to is there before they are; rebased or merged they point to the same.
    lfs::send(&branch.mirror, push.work_tree, &push.work_tree.head_commit()?).await?;
    let mut intents: Vec<PushIntent> = push.previously_recorded.to_vec();
    intents.retain(|intent| intent.reference == branch.name.full());
    let pushing = Pushing { branch, push, recorder, intents, pending: None, failed: None, attempt: 0 };
    pushing.follow(branch.queue.join(branch, push)).await
}

impl<R: Recorder> Pushing<'_, R> {
    /// Does as the line says, until it is through.
    async fn follow(mut self, mut orders: mpsc::UnboundedReceiver<Order>) -> Told<Pushed, R::Error> {
        while let Some(order) = orders.recv().await {
            match order {
                // Too late: the others have gone on.
                Order::Build { answer, .. } if answer.is_closed() => {}
                Order::Build { round, answer } => {
                    if let Some((commit, already_there)) = self.build(round, answer).await? {
                        return self.finish(commit, already_there).await;
                    }
                }
                Order::Sent(Outcome::Done) => {
                    if let Some(Pending { commit, already_there }) = self.pending.take() {
                        return self.finish(commit, already_there).await;
                    }
                }
                Order::Sent(outcome) => {
                    self.attempt += 1;
                    self.failed = Some(outcome);
                }
                Order::Lost(error) => return Err(error.into()),
            }
        }
        let detail = "whoever led the pushes to this branch has ended".to_owned();
        Err(Error::Io { what: format!("push to {}", self.branch.name), detail }.into())
    }

    /// Builds a candidate and records it; or says with which commit nothing is left to do.
    async fn build(
        &mut self,
        round: Round,
        answer: oneshot::Sender<Built>,
    ) -> Told<Option<(CommitId, bool)>, R::Error> {
        let (branch, push) = (self.branch, self.push);
        if let Some(commit) = landed(&round.view, round.head.as_ref(), &self.intents).await? {
            return Ok(Some((commit, true)));
        }
        match self.failed.take() {
            Some(Outcome::Final(error)) => return Err(error.into()),
            Some(Outcome::Again(error)) if self.attempt >= push.max_attempts.max(1) => {
                return Err(counted(error, self.attempt).into());
            }
            _ => {}
        }
        point!("push.build");
        let built = match candidate(branch, push, round.tip.as_ref()).await {
            Ok(Candidate::Nothing(commit)) if round.tip == round.head => return Ok(Some((commit, true))),
            // Those before have all of it; whether it gets there is known once they are through.
            Ok(Candidate::Nothing(commit)) => Pending { commit, already_there: true },
            Ok(Candidate::Send(commit)) => Pending { commit, already_there: false },
            Err(error) if round.tip != round.head && depends_on_branch(&error) => {
                let _gone = answer.send(Built::Later);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if round.shared && !built.already_there {
            match branch.mirror.take(push.work_tree, &built.commit, round.tip.as_ref()).await {
                Ok(()) => {}
                Err(Error::TooMuchOutput { .. }) => {
                    let _gone = answer.send(Built::Alone);
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (written, recorded) = oneshot::channel();
        // The next one builds on it while it is being written down.
        let _gone = answer.send(Built::Candidate { commit: built.commit.clone(), recorded });
        let candidates = vec![built.commit.clone()];
        let intent = PushIntent { reference: branch.name.full(), expected_head: round.head, candidates };
        point!("push.record");
        self.recorder.record(&intent).await.map_err(PushError::Record)?;
        point!("push.recorded");
        let _gone = written.send(());
        self.intents.push(intent);
        self.pending = Some(built);
        Ok(None)
    }

    /// The work tree moves along.
    async fn finish(self, commit: CommitId, already_there: bool) -> Told<Pushed, R::Error> {
        let tree = self.push.work_tree;
        let head = tree.head_commit()?;
        let mut paths = Vec::new();
        if head != commit {
            partial::own_files(&self.branch.mirror, tree, &commit).await?;
            paths = tree.differing(&head, &commit).await?;
            self.recorder.advancing(&paths).await.map_err(PushError::Record)?;
        }
        point!("push.advance");
        tree.advance(&commit).await?;
        // Ours is there, whatever becomes of the large files of others.
        if let Err(error) = Files::of(tree, &self.branch.mirror).bring_within(&paths, &commit).await {
            tracing::warn!(url = self.branch.mirror.url(), %error, "large files of others stay pointers");
        }
        point!("push.advanced");
        Ok(Pushed { commit, branch: self.branch.name.clone(), already_there })
    }
}

/// Whether an error is about what the branch has.
fn depends_on_branch(error: &Error) -> bool {
    matches!(
        error,
        Error::Conflict { .. }
            | Error::Diverged { .. }
            | Error::Unrelated { .. }
            | Error::RebaseUnsafe { .. }
    )
}

/// The same error with the number of attempts of this push alone.
fn counted(error: Error, attempt: u32) -> Error {
    match error {
        Error::Contended { url, reference, .. } => Error::Contended { url, reference, attempts: attempt },
        other => other,
    }
}

/// The branch's head on the remote, with its history in the mirror.
pub(crate) async fn look(mirror: &Mirror, branch: &BranchName) -> Result<(View, Option<CommitId>), Error> {
    let want = Want::Branch(branch.clone());
    let view = mirror.fetch([want.clone()]).await?;
    let head = view.find(&want).await?;
    Ok((view, head))
}

/// The latest recorded candidate that the branch contains.
async fn landed(
    view: &View,
    head: Option<&CommitId>,
    intents: &[PushIntent],
) -> Result<Option<CommitId>, Error> {
    let Some(head) = head else { return Ok(None) };
    for candidate in intents.iter().rev().flat_map(|intent| intent.candidates.iter().rev()) {
        if candidate == head || view.is_ancestor(candidate, head).await? {
            return Ok(Some(candidate.clone()));
        }
    }
    Ok(None)
}

async fn candidate(branch: &Branch, push: &Push<'_>, head: Option<&CommitId>) -> Result<Candidate, Error> {
    let tree = push.work_tree;
    let own = tree.head_commit()?;
    let Some(head) = head else { return Ok(Candidate::Send(own)) };
    if *head == own {
        return Ok(Candidate::Nothing(own));
    }
    let policy = match push.mode {
        PushMode::Force => return Ok(Candidate::Send(own)),
        PushMode::Integrate(policy) => policy,
    };
    let (theirs, ours) = integrate::apart(tree, head, &own).await?;
    if ours == 0 {
        return Ok(Candidate::Nothing(head.clone()));
    }
    if theirs == 0 {
        return Ok(Candidate::Send(own));
    }
    partial::sides(&branch.mirror, tree, head, &own).await?;
    let integrating = Integrating { tree, branch: &branch.name, url: branch.mirror.url(), head, own: &own };
    let commit = integrate(&integrating, policy).await?;
    Ok(if commit == *head { Candidate::Nothing(commit) } else { Candidate::Send(commit) })
}

/// Waits before another attempt, if one may help.
pub(crate) async fn pause(mirror: &Mirror, outcome: &Outcome, attempt: u32) {
    if matches!(outcome, Outcome::Again(_)) {
        let backoff = mirror.runner().settings.backoff;
        tokio::time::sleep(backoff.after(attempt, chance())).await;
    }
}

/// Swaps exactly the head that is expected (`None`: there must be none) for an object.
pub(crate) async fn send(
    mirror: &Mirror,
    source: Source<'_>,
    reference: &str,
    expected: Option<&CommitId>,
    object: &CommitId,
) -> Outcome {
    let remote = &mirror.shared().remote;
    let expected = expected.map_or("", CommitId::as_str);
    let command = match source {
        Source::Tree(tree) => tree.command("push to"),
        Source::Mirror => mirror.command("push to"),
    };
    let command = command.remote(remote).deadline(mirror.runner().settings.push_deadline);
    let command = command.args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"]);
    let command = command.arg(format!("--force-with-lease={reference}:{expected}"));
    let command = command.args(["--end-of-options", &remote.address]).arg(format!("{object}:{reference}"));
    point!("push.send");
    let output = match command.passing("push.in-flight").run().await {
        Ok(output) if output.success => {
            point!("push.sent");
            return Outcome::Done;
        }
        Ok(output) => output,
        Err(error) => return Outcome::Again(error),
    };
    let (url, reference) = (remote.shown.clone(), reference.to_owned());
    match classify::push(&String::from_utf8_lossy(&output.stdout), &output.stderr) {
        PushRefusal::Moved => Outcome::Again(Error::Contended { url, reference, attempts: 1 }),
        PushRefusal::Refused(detail) => Outcome::Final(Error::Refused { url, reference, detail }),
        PushRefusal::Other => match classify::remote("push to", &url, &output.stderr) {
            error @ (Error::Unauthorized { .. } | Error::NotFound { .. }) => Outcome::Final(error),
            error => Outcome::Again(error),
        },
    }
}

/// A number between 0 and 1, different each time.
fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
