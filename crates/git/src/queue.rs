//! Where pushes to one branch of one repository stand in line. Those that wait at the same time and speak with the
//! same credential go out together: one look at the branch, each commit built on the one before it, one push.
//!
//! Who pushes stays in charge of its own work tree and its own record. The line only says when to build
//! ([`Order::Build`]) and what came of it ([`Order::Sent`]); who goes away is left out, even of a push under way, and
//! nothing of anybody is sent unless it was recorded before. Each commit is built, and signed, in the work tree that it
//! is from, so that who signs needs no place in what keeps pushes apart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ferry_artifact::{BranchName, CommitId};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::Error;
use crate::branch::{Branch, Push, PushMode};
use crate::mirror::{Mirror, View};
use crate::push::{Outcome, Source, look, pause, send};
use crate::work_tree::WorkTree;

/// Most pushes that go out together.
const TOGETHER: usize = 64;

/// How often patience with the same member is doubled at the most.
const DOUBLINGS: u32 = 10;

/// The line of one branch.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Member>,
    /// Somebody leads those who wait.
    led: bool,
}

/// A push in line.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) mirror: Mirror,
    pub(crate) tree: WorkTree,
    /// Nothing may go out together with it.
    pub(crate) alone: bool,
    pub(crate) max_attempts: u32,
    /// How often it was sent so far.
    tries: u32,
    /// How often it did not answer in time so far.
    slow: u32,
    orders: mpsc::UnboundedSender<Order>,
}

/// What a member is told.
pub(crate) enum Order {
    /// To build a candidate. Dropping `answer` leaves the line.
    Build { round: Round, answer: oneshot::Sender<Built> },
    /// What came of the push with its candidate.
    Sent(Outcome),
    /// There is no way to go on.
    Lost(Error),
}

/// What a candidate is built on.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) view: View,
    /// The branch on the remote.
    pub(crate) head: Option<CommitId>,
    /// The branch with the candidates of those before.
    pub(crate) tip: Option<CommitId>,
    /// Others build on it, and need its objects.
    pub(crate) shared: bool,
}

/// What a member answers.
pub(crate) enum Built {
    /// Its commit; `recorded` comes once it may be sent, and is dropped if it may not.
    Candidate { commit: CommitId, recorded: oneshot::Receiver<()> },
    /// It does not go together with those before it: on the branch as they leave it, it may or may not.
    Later,
    /// It is too large to be handed over.
    Alone,
}

/// One that has built.
struct Ready {
    member: Member,
    commit: CommitId,
    recorded: oneshot::Receiver<()>,
}

impl Queue {
    /// Stands in line, and gives what comes down it.
    pub(crate) fn join(self: &Arc<Self>, branch: &Branch, push: &Push<'_>) -> mpsc::UnboundedReceiver<Order> {
        let (orders, received) = mpsc::unbounded_channel();
        let member = Member {
            mirror: branch.mirror.clone(),
            tree: push.work_tree.clone(),
            // What replaces the branch goes out by itself.
            alone: push.mode == PushMode::Force,
            max_attempts: push.max_attempts,
            tries: 0,
            slow: 0,
            orders,
        };
        let mut line = self.line.lock();
        line.waiting.push_back(member);
        if !line.led {
            line.led = true;
            let (leader, name) = (Leader { queue: self.clone(), ended: false }, branch.name.clone());
            tokio::spawn(async move { leader.lead(&name).await }.in_current_span());
        }
        received
    }

    /// The next ones that go together, in the order they came; `None`, and nobody leads, when nobody waits.
    fn next(&self) -> Option<Vec<Member>> {
        let mut line = self.line.lock();
        line.waiting.retain(|member| !member.orders.is_closed());
        let Some(first) = line.waiting.pop_front() else {
            line.led = false;
            return None;
        };
        let mut together = vec![first.clone()];
        let mut rest = VecDeque::new();
        for member in std::mem::take(&mut line.waiting) {
            let fits = !first.alone && !member.alone && member.mirror.is_same(&first.mirror);
            if fits && together.len() < TOGETHER {
                together.push(member);
            } else {
                rest.push_back(member);
            }
        }
        line.waiting = rest;
        Some(together)
    }
}

/// The task that leads a line. If it ends early, those who wait learn it and the next to come leads.
struct Leader {
    queue: Arc<Queue>,
    /// Nobody waited any more; another may lead by now.
    ended: bool,
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.ended {
            *self.queue.line.lock() = Line::default();
        }
    }
}

impl Leader {
    async fn lead(mut self, branch: &BranchName) {
        while let Some(members) = self.queue.next() {
            together(branch, members).await;
        }
        self.ended = true;
    }
}

/// Until each of them is through or has gone.
async fn together(branch: &BranchName, mut members: Vec<Member>) {
    let mut one_by_one = false;
    loop {
        members.retain(|member| !member.orders.is_closed());
        let Some(first) = members.first() else { return };
        let mirror = first.mirror.clone();
        let looked = tokio::select! {
            looked = look(&mirror, branch) => looked,
            () = all_gone(&members) => return,
        };
        let (view, head) = match looked {
            Ok(found) => found,
            Err(error) => {
                for member in &members {
                    let _gone = member.orders.send(Order::Lost(error.clone()));
                }
                return;
            }
        };
        let chosen: Vec<Member> = if one_by_one || first.alone {
            vec![first.clone()]
        } else {
            members.iter().take_while(|member| !member.alone).cloned().collect()
        };
        let ready = build(&mut members, chosen, &view, head.as_ref()).await;
        let Some(last) = ready.last() else { continue };
        let source = match ready.as_slice() {
            [only] => Source::Tree(&only.member.tree),
            _ => Source::Mirror,
        };
        let reference = branch.full();
        let push = send(&mirror, source, &reference, head.as_ref(), &last.commit);
        let outcome = tokio::select! {
            // Nothing of who has gone is sent for the sake of the others: they look again and build without it. What
            // had reached the remote by then, it is too late for; each finds its own there.
            biased;
            () = any_gone(ready.iter().map(|ready| &ready.member)) => continue,
            outcome = push => outcome,
        };
        if matches!(outcome, Outcome::Final(Error::Refused { .. })) && ready.len() > 1 {
            // One of them is not wanted, and nobody says which.
            one_by_one = true;
            continue;
        }
        let is_through = matches!(outcome, Outcome::Done);
        for Ready { member, .. } in &ready {
            let _gone = member.orders.send(Order::Sent(outcome.clone()));
            members.retain(|other| !other.is(member));
            if !is_through {
                // Behind the others: whoever is refused again and again keeps nobody from their turn.
                members.push(Member { tries: member.tries + 1, ..member.clone() });
            }
        }
        // Nobody pauses for another one's failures, nor before hearing that there is no further attempt.
        if let Some(next) = members.first().filter(|next| (1..next.max_attempts).contains(&next.tries)) {
            pause(&mirror, &outcome, next.tries).await;
        }
    }
}

/// The candidates of those who can be sent now, each on top of the one before, all recorded. Who does not answer in
/// time goes on alone, behind the others, again and again.
async fn build(
    members: &mut Vec<Member>,
    mut chosen: Vec<Member>,
    view: &View,
    head: Option<&CommitId>,
) -> Vec<Ready> {
    loop {
        let shared = chosen.len() > 1;
        // While others wait nobody may take for ever; who was slow gets longer the next time, or it never came through.
        // With nobody behind it ends at the deadline of its own.
        let has_company = members.len() > 1;
        let base = view.mirror().runner().settings.patience;
        let patience = |member: &Member| {
            let longer = base.saturating_mul(1 << member.slow.min(DOUBLINGS));
            if has_company { longer } else { Duration::MAX }
        };
        let mut tip = head.cloned();
        let mut chain = Vec::new();
        for member in &chosen {
            let round = Round { view: view.clone(), head: head.cloned(), tip: tip.clone(), shared };
            let order = |answer| Order::Build { round, answer };
            match asked(&member.orders, order, patience(member)).await {
                Asked::Answered(Built::Candidate { commit, recorded }) => {
                    tip = Some(commit.clone());
                    chain.push(Ready { member: member.clone(), commit, recorded });
                }
                Asked::Answered(Built::Later) => {}
                Asked::Answered(Built::Alone) | Asked::Late => set_aside(members, member),
                // It has left the line; it says why to whom it concerns.
                Asked::Gone => members.retain(|other| !other.is(member)),
            }
        }
        let mut missing = Vec::new();
        for ready in &mut chain {
            match tokio::time::timeout(patience(&ready.member), &mut ready.recorded).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    members.retain(|other| !other.is(&ready.member));
                    missing.push(ready.member.clone());
                }
                Err(_) => {
                    set_aside(members, &ready.member);
                    missing.push(ready.member.clone());
                }
            }
        }
        if missing.is_empty() {
            return chain;
        }
        // What stands on an unrecorded commit is built again without it.
        chosen = chain.into_iter().map(|ready| ready.member).collect();
        chosen.retain(|member| !missing.iter().any(|other| other.is(member)));
        if chosen.is_empty() {
            return Vec::new();
        }
    }
}

/// What came of asking a member.
#[derive(Debug, PartialEq, Eq)]
enum Asked<T> {
    Answered(T),
    Late,
    Gone,
}

/// Gives an order and waits for its answer. One that has gone is never waited for: a channel that nobody reads gives
/// the order back, and whoever kept it would keep the answer's sender alive with it.
async fn asked<O, T>(
    orders: &mpsc::UnboundedSender<O>,
    order: impl FnOnce(oneshot::Sender<T>) -> O,
    patience: Duration,
) -> Asked<T> {
    let (answer, answered) = oneshot::channel();
    if orders.send(order(answer)).is_err() {
        return Asked::Gone;
    }
    tokio::select! {
        // An answer counts, even of one that has gone since.
        biased;
        answered = tokio::time::timeout(patience, answered) => match answered {
            Ok(Ok(answer)) => Asked::Answered(answer),
            Ok(Err(_)) => Asked::Gone,
            Err(_) => Asked::Late,
        },
        () = orders.closed() => Asked::Gone,
    }
}

fn set_aside(members: &mut Vec<Member>, slow: &Member) {
    members.retain(|other| !other.is(slow));
    members.push(Member { alone: true, slow: slow.slow + 1, ..slow.clone() });
}

async fn all_gone<'a>(members: impl IntoIterator<Item = &'a Member>) {
    join_all(members.into_iter().map(|member| member.orders.closed())).await;
}

async fn any_gone<'a>(members: impl IntoIterator<Item = &'a Member>) {
    let mut gone: FuturesUnordered<_> = members.into_iter().map(|member| member.orders.closed()).collect();
    let _first = gone.next().await;
}

impl Member {
    fn is(&self, other: &Self) -> bool {
        self.orders.same_channel(&other.orders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::MAX;

    #[tokio::test]
    async fn who_left_before_being_asked_is_not_waited_for() {
        let (orders, received) = mpsc::unbounded_channel();
        drop(received);
        let asked = asked(&orders, |answer: oneshot::Sender<()>| answer, LONG);
        assert_eq!(asked.await, Asked::Gone);
    }

    #[tokio::test]
    async fn who_leaves_while_being_asked_is_not_waited_for() {
        let (orders, mut received) = mpsc::unbounded_channel();
        let leaving = async {
            // The answer's sender stays with the order, unanswered.
            let order = received.recv().await;
            drop(received);
            order
        };
        let (asked, _order) =
            tokio::join!(asked(&orders, |answer: oneshot::Sender<()>| answer, LONG), leaving);
        assert_eq!(asked, Asked::Gone);
    }

    #[tokio::test]
    async fn an_answer_counts_and_patience_ends() {
        let (orders, mut received) = mpsc::unbounded_channel();
        let answering = async {
            let answer: oneshot::Sender<u8> = received.recv().await.unwrap();
            answer.send(7).unwrap();
            received.recv().await
        };
        let asking = async {
            let first = asked(&orders, |answer| answer, LONG).await;
            (first, asked(&orders, |answer| answer, Duration::from_millis(1)).await)
        };
        let (asked, _order) = tokio::join!(asking, answering);
        assert_eq!(asked, (Asked::Answered(7), Asked::Late));
    }
}
