//! What outlives every process: the objects, the world outside, the dice, and the record of what happened. Whatever
//! must never be is looked for at the moment of each write and each effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferry_api::names::annotation;
use ferry_api::promotion::{PromotionPhase, StepStatus};
use ferry_api::{Freight, Promotion, Stage};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::dice::Dice;

/// A record of more lines is one without an end.
const MOST_LINES: usize = 20_000;
/// How often a keeper looks without being called.
const LOOKED_AFTER_EVERY: Duration = Duration::from_secs(5);
/// By then an abort is obeyed, where nothing comes in between.
const ABORT_BOUND: Duration = Duration::from_secs(20);

/// Something that a step changed outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    pub kind: &'static str,
    pub promotion: String,
    pub alias: String,
    pub attempt: i64,
    /// What it is found by: of a push the candidate.
    pub id: String,
}

pub struct House {
    pub promotions: Mutex<BTreeMap<String, Promotion>>,
    pub stages: Mutex<BTreeMap<String, Stage>>,
    pub freight: Mutex<BTreeMap<String, Freight>>,
    pub deeds: Mutex<Vec<Deed>>,
    pub dice: Mutex<Dice>,
    /// How many more faults there are.
    pub faults: Mutex<u32>,
    /// The Promotions of which somebody asked for an end, and those that were deleted.
    pub aborted: Mutex<BTreeMap<String, Instant>>,
    pub deleted: Mutex<BTreeSet<String>>,
    pub trace: Mutex<Vec<String>>,
    pub violation: Mutex<Option<String>>,
    changed: Notify,
    moved: Notify,
    pub began: Instant,
    /// Since when nothing befalls anybody and whoever is asked answers.
    calm: Mutex<Instant>,
    ahead: Mutex<i64>,
}

impl House {
    pub fn new(seed: u64, faults: u32) -> Arc<Self> {
        Arc::new(Self {
            promotions: Mutex::default(),
            stages: Mutex::default(),
            freight: Mutex::default(),
            deeds: Mutex::default(),
            dice: Mutex::new(Dice::new(seed)),
            faults: Mutex::new(faults),
            aborted: Mutex::default(),
            deleted: Mutex::default(),
            trace: Mutex::default(),
            violation: Mutex::default(),
            changed: Notify::new(),
            moved: Notify::new(),
            began: Instant::now(),
            calm: Mutex::new(Instant::now()),
            ahead: Mutex::new(0),
        })
    }

    pub fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_900_000_000 + *self.ahead.lock()).unwrap();
        start.checked_add(self.began.elapsed()).unwrap()
    }

    /// Until then something is amiss.
    pub fn disturbed(&self, until: Instant) {
        let mut calm = self.calm.lock();
        *calm = until.max(*calm);
    }

    /// Wakes whoever keeps house, and whoever waits for something of it.
    pub fn has_changed(&self) {
        self.changed.notify_one();
        self.moved.notify_waiters();
    }

    /// Returns when there is something to look after, or it is time to look anyway.
    pub async fn calls(&self) {
        tokio::select! {
            biased;
            () = self.changed.notified() => {}
            () = self.passes(LOOKED_AFTER_EVERY) => {}
        }
    }

    /// Somebody looked after everything.
    pub fn looked_after(&self) {
        self.moved.notify_waiters();
    }

    /// Returns when this holds.
    pub async fn until(&self, holds: impl Fn() -> bool) {
        loop {
            let moved = self.moved.notified();
            if holds() {
                return;
            }
            moved.await;
        }
    }

    /// Simulated time passes: it is part of the schedule, nobody waits for anything.
    pub async fn passes(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Sets the clock ahead.
    pub fn jump(&self, by: Duration) {
        *self.ahead.lock() += i64::try_from(by.as_secs()).unwrap();
    }

    pub fn note(&self, what: impl std::fmt::Display) {
        assert!(self.trace.lock().len() < MOST_LINES, "no end: {what}");
        self.trace.lock().push(format!("{:>10.3} {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Something that must never be. The first one counts.
    pub fn wrong(&self, what: String) {
        self.note(format_args!("WRONG: {what}"));
        self.violation.lock().get_or_insert(what);
    }

    /// A step changes something outside.
    pub fn effect(&self, deed: Deed) {
        self.note(format_args!("effect {deed:?}"));
        let mut deeds = self.deeds.lock();
        let same = |d: &&Deed| (d.kind, &d.promotion, &d.alias) == (deed.kind, &deed.promotion, &deed.alias);
        // A post is one an attempt; a push and an operation are looked up, and so one a step.
        let twice = deeds.iter().filter(same).any(|d| deed.kind != "post" || d.attempt == deed.attempt);
        if twice {
            self.wrong(format!("an effect twice: {deed:?}"));
        }
        let phase = self.promotions.lock().get(&deed.promotion).and_then(Promotion::phase);
        if phase.is_some_and(PromotionPhase::is_terminal) {
            self.wrong(format!("an effect after the end: {deed:?}"));
        }
        deeds.push(deed);
    }

    /// Stores a status. Whoever wrote it must have had the object as it is.
    pub fn write(&self, name: &str, changed: &Promotion) -> Option<Result<Promotion, ()>> {
        let mut all = self.promotions.lock();
        let stored = all.get_mut(name)?;
        if stored.metadata.resource_version != changed.metadata.resource_version {
            return Some(Err(()));
        }
        let before = stored.phase();
        let status = serde_json::to_value(&changed.status).unwrap();
        stored.status = serde_json::from_value(status).unwrap();
        bump(stored);
        let stored = stored.clone();
        self.note(told(name, &stored));
        if before.is_some_and(PromotionPhase::is_terminal) {
            self.wrong(format!("{name}: written after its end"));
        }
        self.judge(name, &stored, &all);
        drop(all);
        self.has_changed();
        Some(Ok(stored))
    }

    fn judge(&self, name: &str, stored: &Promotion, all: &BTreeMap<String, Promotion>) {
        let status = stored.status.clone().unwrap_or_default();
        let is_running = |p: &&Promotion| p.phase() == Some(PromotionPhase::Running);
        if all.values().filter(is_running).filter(|p| p.spec.stage == stored.spec.stage).count() > 1 {
            self.wrong(format!("two Promotions of Stage {} run", stored.spec.stage));
        }
        let asked = self.aborted.lock().get(name).map(|asked| asked.max(&self.calm.lock()).elapsed());
        if asked.is_some_and(|since| since > ABORT_BOUND) && status.phase != Some(PromotionPhase::Aborted) {
            self.wrong(format!("{name}: goes on long after its end was asked for"));
        }
        // Between the last step and the end nothing is waited for.
        let next = ferry_planner::progress::next(&stored.spec, &mut status.clone());
        let through = next == ferry_planner::progress::Next::Conclude;
        let explained = status.waiting.as_ref().is_some_and(|w| !w.reason.is_empty() && w.since.is_some());
        if !stored.is_terminal() && !explained && !through {
            self.wrong(format!("{name}: waits and does not say on what"));
        }
    }

    /// What somebody does to the object's metadata.
    pub fn annotate(&self, name: &str, key: &str, value: &str) {
        if let Some(promotion) = self.promotions.lock().get_mut(name) {
            promotion.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
            bump(promotion);
        }
        self.has_changed();
    }

    pub fn ask_for_the_end(&self, name: &str) {
        self.note(format_args!("abort {name}"));
        self.aborted.lock().entry(name.to_owned()).or_insert_with(Instant::now);
        self.annotate(name, annotation::ABORT, r#"{"action":"terminate","actor":"admin"}"#);
    }

    pub fn delete(&self, name: &str) {
        self.note(format_args!("delete {name}"));
        self.deleted.lock().insert(name.to_owned());
        self.promotions.lock().remove(name);
        self.has_changed();
    }

    /// One of these, if there is one.
    pub fn any<T>(&self, all: &Mutex<BTreeMap<String, T>>) -> Option<String> {
        let names: Vec<String> = all.lock().keys().cloned().collect();
        (!names.is_empty()).then(|| self.dice.lock().pick(&names).clone())
    }

    /// A piece of Freight vanishes; who carries it goes on or ends, and says why.
    pub fn lose_freight(&self, name: &str) {
        self.note(format_args!("Freight {name} vanishes"));
        self.freight.lock().remove(name);
        self.has_changed();
    }

    /// A Stage vanishes; what it owns is collected a while later.
    pub fn lose_stage(self: &Arc<Self>, name: &str, after: Duration) {
        self.note(format_args!("Stage {name} vanishes"));
        self.stages.lock().remove(name);
        self.has_changed();
        let (house, stage) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            house.passes(after).await;
            let of_stage = |(_, promotion): &(&String, &Promotion)| promotion.spec.stage == stage;
            let owned: Vec<String> =
                house.promotions.lock().iter().filter(of_stage).map(|(name, _)| name.clone()).collect();
            for name in owned {
                house.delete(&name);
            }
        });
    }

    /// The namespace goes with all that is in it, in no order.
    pub fn lose_project(self: &Arc<Self>, within: Duration) {
        let freight: Vec<String> = self.freight.lock().keys().cloned().collect();
        for name in freight {
            self.lose_freight(&name);
        }
        let stages: Vec<String> = self.stages.lock().keys().cloned().collect();
        for stage in stages {
            let after = Duration::from_secs(self.dice.lock().below(within.as_secs() + 1));
            self.lose_stage(&stage, after);
        }
    }

    /// Somebody edits the status by hand: nobody should, and nothing may be done twice for it.
    pub fn edit(&self, name: &str, how: u64) {
        if let Some(promotion) = self.promotions.lock().get_mut(name).filter(|p| !p.is_terminal()) {
            self.note(format_args!("edit {how} of {name}"));
            let status = promotion.status.get_or_insert_default();
            match how {
                0 => status.current_step = 99,
                1 => status.step_execution_metadata.clear(),
                2 => status.waiting = None,
                3 => status.ledger.iter_mut().flat_map(|l| &mut l.entries).for_each(|e| e.attempt = i64::MAX),
                _ => status.message = "somebody was here".into(),
            }
            bump(promotion);
        }
        self.has_changed();
    }

    /// Whether a Promotion with this uid has yet to end.
    pub fn is_open(&self, uid: &str) -> bool {
        self.promotions.lock().values().any(|p| !p.is_terminal() && p.metadata.uid.as_deref() == Some(uid))
    }

    /// The uid of each Promotion, by its name.
    pub fn uids(&self) -> BTreeMap<String, String> {
        let all = self.promotions.lock();
        all.iter().map(|(name, p)| (name.clone(), p.metadata.uid.clone().unwrap())).collect()
    }

    pub fn is_quiet(&self) -> bool {
        self.promotions.lock().values().all(Promotion::is_terminal)
    }

    /// What must hold when all have ended: no effect is lost, and every status tells the truth.
    pub fn reckon(&self) {
        let deeds = self.deeds.lock().clone();
        for (name, promotion) in self.promotions.lock().iter() {
            let status = promotion.status.clone().unwrap_or_default();
            let was_asked = self.aborted.lock().contains_key(name);
            if status.phase == Some(PromotionPhase::Aborted) && !was_asked && status.superseded_by.is_none() {
                self.wrong(format!("{name}: aborted, and nobody asked for it"));
            }
            if status.waiting.is_some() || status.finished_at.is_none() {
                self.wrong(format!("{name}: ended, and still waits or does not say when"));
            }
            for (index, step) in promotion.spec.steps.iter().enumerate() {
                let alias = ferry_planner::progress::alias(step, index);
                let record = ferry_planner::progress::record(&status, &promotion.spec.steps, index);
                let succeeded = record.is_some_and(|r| r.status == Some(StepStatus::Succeeded));
                let kind = step.uses.as_deref().unwrap_or_default();
                let of_step: Vec<&Deed> =
                    deeds.iter().filter(|d| d.promotion == *name && d.alias == alias).collect();
                if succeeded && ["push", "operate", "post"].contains(&kind) && of_step.is_empty() {
                    self.wrong(format!("{name}: step {alias} succeeded without its effect"));
                }
                let said = status.state.as_ref().and_then(|s| s.get(&alias)?.get("id")?.as_str());
                if succeeded && kind == "push" && said != of_step.first().map(|d| d.id.as_str()) {
                    self.wrong(format!("{name}: step {alias} says {said:?}, not what was pushed"));
                }
                if succeeded && kind == "log" {
                    self.reckon_log(name, &alias, promotion);
                }
            }
        }
    }

    /// A log has one line for each step that wrote to it, in their order.
    fn reckon_log(&self, name: &str, alias: &str, promotion: &Promotion) {
        let status = promotion.status.clone().unwrap_or_default();
        let mut lines = String::new();
        for (index, step) in promotion.spec.steps.iter().enumerate() {
            let own = ferry_planner::progress::alias(step, index);
            let record = ferry_planner::progress::record(&status, &promotion.spec.steps, index);
            if step.uses.as_deref() == Some("log")
                && record.is_some_and(|r| r.status == Some(StepStatus::Succeeded))
            {
                lines.push_str(&own);
                lines.push(' ');
            }
            if own == alias {
                break;
            }
        }
        let said = status.state.as_ref().and_then(|s| s.get(alias)?.get("log")?.as_str()).unwrap_or_default();
        if said != lines {
            self.wrong(format!("{name}: the log of {alias} is {said:?}, not {lines:?}"));
        }
    }
}

fn bump(promotion: &mut Promotion) {
    let version: u64 = promotion.metadata.resource_version.as_deref().unwrap_or("0").parse().unwrap();
    promotion.metadata.resource_version = Some((version + 1).to_string());
}

fn told(name: &str, promotion: &Promotion) -> String {
    let status = promotion.status.clone().unwrap_or_default();
    let steps: Vec<String> = status
        .step_execution_metadata
        .iter()
        .map(|m| format!("{}={}", m.alias, m.status.map(|s| format!("{s:?}")).unwrap_or_default()))
        .collect();
    let on = status.waiting.map(|w| w.reason).unwrap_or_default();
    let phase = status.phase.map(PromotionPhase::as_str).unwrap_or_default();
    format!("write {name} {phase} [{}] waits for {on:?} {}", steps.join(" "), status.message)
}
