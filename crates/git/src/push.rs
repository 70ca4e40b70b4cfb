//! The push itself: look, build a candidate, record, swap; and after whatever came of it, look again.

use std::hash::{BuildHasher as _, Hasher as _};

use ferry_artifact::CommitId;

use crate::branch::{Branch, Push, PushError, PushIntent, PushMode, Pushed, Recorder};
use crate::classify::{self, PushRefusal};
use crate::fetch::Want;
use crate::integrate::{Integrating, integrate};
use crate::mirror::{Mirror, View};
use crate::work_tree::WorkTree;
use crate::{Error, integrate};

/// What came of an attempt.
pub(crate) enum Outcome {
    Done,
    /// Looking again and another attempt may help.
    Again(Error),
    /// Unless it arrived all the same, that is it.
    Final(Error),
}

/// One attempt.
pub(crate) struct Sending<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) tree: &'a WorkTree,
    pub(crate) intent: &'a PushIntent,
    pub(crate) object: &'a CommitId,
}

/// What to send.
enum Candidate {
    Send(CommitId),
    /// The branch has everything already; this is its head.
    Nothing(CommitId),
}

pub(crate) async fn run<R: Recorder>(
    branch: &Branch,
    push: &Push<'_>,
    recorder: &mut R,
) -> Result<Pushed, PushError<R::Error>> {
    let _turn = branch.queue.turn.lock().await;
    let reference = branch.name.full();
    push.work_tree.secure()?;
    let mut intents: Vec<PushIntent> = push.previously_recorded.to_vec();
    intents.retain(|intent| intent.reference == reference);
    let mut failed: Option<Outcome> = None;
    let mut attempt = 0;
    loop {
        let (view, head) = look(branch).await?;
        if let Some(commit) = landed(&view, head.as_ref(), &intents).await? {
            return finish(branch, push, recorder, commit, true).await;
        }
        match failed {
            Some(Outcome::Final(error)) => return Err(error.into()),
            Some(Outcome::Again(error)) if attempt >= push.max_attempts.max(1) => return Err(error.into()),
            _ => {}
        }
        let commit = match candidate(branch, push, head.as_ref()).await? {
            Candidate::Nothing(commit) => return finish(branch, push, recorder, commit, true).await,
            Candidate::Send(commit) => commit,
        };
        let candidates = vec![commit.clone()];
        let intent = PushIntent { reference: reference.clone(), expected_head: head, candidates };
        recorder.record(&intent).await.map_err(PushError::Record)?;
        attempt += 1;
        let sending =
            Sending { mirror: &branch.mirror, tree: push.work_tree, intent: &intent, object: &commit };
        let outcome = send(&sending, attempt).await;
        if matches!(outcome, Outcome::Done) {
            return finish(branch, push, recorder, commit, false).await;
        }
        intents.push(intent);
        pause(&branch.mirror, &outcome, attempt, push.max_attempts).await;
        failed = Some(outcome);
    }
}

/// The branch's head on the remote, with its history in the mirror.
async fn look(branch: &Branch) -> Result<(View, Option<CommitId>), Error> {
    let want = Want::Branch(branch.name.clone());
    let view = branch.mirror.fetch([want.clone()]).await?;
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
    let integrating = Integrating { tree, branch: &branch.name, url: branch.mirror.url(), head, own: &own };
    let commit = integrate(&integrating, policy).await?;
    Ok(if commit == *head { Candidate::Nothing(commit) } else { Candidate::Send(commit) })
}

/// Waits before another attempt, if there will be one.
pub(crate) async fn pause(mirror: &Mirror, outcome: &Outcome, attempt: u32, max_attempts: u32) {
    if matches!(outcome, Outcome::Again(_)) && attempt < max_attempts {
        let backoff = mirror.runner().settings.backoff;
        tokio::time::sleep(backoff.after(attempt, chance())).await;
    }
}

pub(crate) async fn send(sending: &Sending<'_>, attempt: u32) -> Outcome {
    let Sending { mirror, tree, intent, object } = sending;
    let remote = &mirror.shared().remote;
    let reference = &intent.reference;
    let expected = intent.expected_head.as_ref().map_or("", CommitId::as_str);
    let command = tree.command("push to").remote(remote).deadline(mirror.runner().settings.push_deadline);
    let command = command.args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"]);
    let command = command.arg(format!("--force-with-lease={reference}:{expected}"));
    let command = command.args(["--end-of-options", &remote.address]).arg(format!("{object}:{reference}"));
    let output = match command.run().await {
        Ok(output) if output.success => return Outcome::Done,
        Ok(output) => output,
        Err(error) => return Outcome::Again(error),
    };
    let (url, reference) = (remote.shown.clone(), reference.clone());
    match classify::push(&String::from_utf8_lossy(&output.stdout), &output.stderr) {
        PushRefusal::Moved => Outcome::Again(Error::Contended { url, reference, attempts: attempt }),
        PushRefusal::Refused(detail) => Outcome::Final(Error::Refused { url, reference, detail }),
        PushRefusal::Other => match classify::remote("push to", &url, &output.stderr) {
            error @ (Error::Unauthorized { .. } | Error::NotFound { .. }) => Outcome::Final(error),
            error => Outcome::Again(error),
        },
    }
}

async fn finish<R: Recorder>(
    branch: &Branch,
    push: &Push<'_>,
    recorder: &mut R,
    commit: CommitId,
    already_there: bool,
) -> Result<Pushed, PushError<R::Error>> {
    if push.work_tree.head_commit()? != commit {
        recorder.advancing().await.map_err(PushError::Record)?;
    }
    push.work_tree.advance(&commit).await?;
    Ok(Pushed { commit, branch: branch.name.clone(), already_there })
}

/// A number between 0 and 1, different each time.
fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
