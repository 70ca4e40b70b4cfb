//! The places for steps at work, and who gets the next one: the Projects take turns, so that a thousand Promotions of
//! one hold up no Promotion of another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::engine::Limits;

/// The places.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Inner>);

struct Inner {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    projects: BTreeMap<String, Tenant>,
    /// The Projects of which somebody waits, in the order of their turns.
    turns: VecDeque<String>,
}

/// What one Project has and wants.
#[derive(Default)]
struct Tenant {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A place. Dropped, it is free again.
pub(crate) struct Slot {
    slots: Slots,
    project: String,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.give_back(&self.project);
    }
}

impl Slots {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits {
            steps_at_work: limits.steps_at_work.max(1),
            steps_at_work_per_project: limits.steps_at_work_per_project.max(1),
        };
        Self(Arc::new(Inner { limits, state: Mutex::default() }))
    }

    /// What is free at once, or a place in the line of the Project.
    pub(crate) fn ask(&self, project: &str) -> Asked {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.0.state.lock();
            let tenant = state.projects.entry(project.to_owned()).or_default();
            tenant.waiting.push_back(sender);
            if tenant.waiting.len() == 1 {
                state.turns.push_back(project.to_owned());
            }
        }
        self.hand_out();
        Asked(receiver)
    }

    /// On what somebody waits who has no place, in words.
    pub(crate) fn why(&self, project: &str) -> String {
        let state = self.0.state.lock();
        let own = state.projects.get(project).map_or(0, |tenant| tenant.taken);
        let Limits { steps_at_work: all, steps_at_work_per_project: each } = self.0.limits;
        if own >= each {
            format!("a place among the {each} steps that may be at work for Project {project:?}")
        } else {
            format!("a place among the {all} steps that may be at work")
        }
    }

    fn give_back(&self, project: &str) {
        {
            let mut state = self.0.state.lock();
            state.taken = state.taken.saturating_sub(1);
            if let Some(tenant) = state.projects.get_mut(project) {
                tenant.taken = tenant.taken.saturating_sub(1);
                if tenant.taken == 0 && tenant.waiting.is_empty() {
                    state.projects.remove(project);
                }
            }
        }
        self.hand_out();
    }

    /// Gives away what is free. Who no longer waits gives it back as the sending fails.
    fn hand_out(&self) {
        loop {
            let next = self.0.state.lock().next(self.0.limits);
            let Some((project, sender)) = next else { return };
            let unwanted = sender.send(Slot { slots: self.clone(), project });
            drop(unwanted);
        }
    }
}

impl State {
    /// Whose turn it is, if there is a place for them: it is taken.
    fn next(&mut self, limits: Limits) -> Option<(String, oneshot::Sender<Slot>)> {
        if self.taken >= limits.steps_at_work {
            return None;
        }
        for _ in 0..self.turns.len() {
            let project = self.turns.pop_front()?;
            let Some(tenant) = self.projects.get_mut(&project) else { continue };
            if tenant.taken >= limits.steps_at_work_per_project {
                self.turns.push_back(project);
                continue;
            }
            // Who went away is passed over here: to be refused by each of a thousand would take as many calls.
            while tenant.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                tenant.waiting.pop_front();
            }
            let sender = tenant.waiting.pop_front();
            if !tenant.waiting.is_empty() {
                self.turns.push_back(project.clone());
            }
            let Some(sender) = sender else {
                if tenant.taken == 0 {
                    self.projects.remove(&project);
                }
                continue;
            };
            tenant.taken += 1;
            self.taken += 1;
            return Some((project, sender));
        }
        None
    }
}

/// A place that was asked for.
pub(crate) struct Asked(oneshot::Receiver<Slot>);

impl Asked {
    /// The place, if it was free at once.
    pub(crate) fn at_once(&mut self) -> Option<Slot> {
        self.0.try_recv().ok()
    }

    /// Returns when there is a place; never where nobody hands out any more.
    pub(crate) async fn in_turn(&mut self) -> Option<Slot> {
        (&mut self.0).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(all: usize, each: usize) -> Slots {
        Slots::new(Limits { steps_at_work: all, steps_at_work_per_project: each })
    }

    #[test]
    fn fm_64_projects_take_turns_however_many_wait_in_one() {
        let slots = slots(1, 1);
        let first = slots.ask("big").at_once().unwrap();
        let mut crowd: Vec<Asked> = (0..100).map(|_| slots.ask("big")).collect();
        let mut small = slots.ask("small");
        assert!(small.at_once().is_none());
        drop(first);
        // The crowd stood in line before: one of it goes first, then the other Project.
        let second = crowd[0].at_once().unwrap();
        drop(second);
        let third = small.at_once();
        assert!(third.is_some(), "ninety-nine of one Project stood before it");
        drop(third);
        assert!(crowd[1].at_once().is_some());
    }

    #[test]
    fn a_project_has_no_more_than_its_share() {
        let slots = slots(3, 2);
        let held: Vec<Slot> = (0..2).filter_map(|_| slots.ask("a").at_once()).collect();
        assert_eq!(held.len(), 2);
        let mut third = slots.ask("a");
        assert!(third.at_once().is_none());
        assert!(slots.why("a").contains("2 steps") && slots.why("a").contains("\"a\""), "{}", slots.why("a"));
        let other = slots.ask("b").at_once().unwrap();
        assert!(slots.ask("b").at_once().is_none(), "no place is left at all");
        assert!(slots.why("b").contains("3 steps"), "{}", slots.why("b"));
        drop(other);
        assert!(third.at_once().is_none(), "the share is used up still");
        drop(held);
        assert!(third.at_once().is_some());
    }

    #[test]
    fn who_goes_away_leaves_the_place_to_the_next() {
        let slots = slots(1, 1);
        let held = slots.ask("a").at_once().unwrap();
        let gone = slots.ask("a");
        let mut next = slots.ask("a");
        drop(gone);
        drop(held);
        let got = next.at_once().unwrap();
        drop(got);
        // A place that was sent and not taken is free, too.
        drop(slots.ask("a"));
        assert!(slots.ask("b").at_once().is_some());
        assert!(slots.0.state.lock().projects.is_empty() && slots.0.state.lock().turns.is_empty());
    }
}
