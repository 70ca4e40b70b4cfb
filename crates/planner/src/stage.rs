//! What happens at a Stage. One snapshot goes in; the new status, the actions and the next look come out.
//!
//! The order is the product's: the queue of Promotions, what the Stage has, its health, verification, who promotes
//! by itself, and last the roll-up that people see.

mod control_flow;
mod freight;
mod health;
mod policy;
mod queue;
mod roll_up;
mod verification;

use ferry_api::conditions::{self, ConditionStatus, ConditionType};
use ferry_api::stage::{Health, StageStatus};
use ferry_api::{Freight, ProjectConfig, Promotion, Stage, Time};
use jiff::Timestamp;

use crate::auto_promotion::{self, Situation};
use crate::availability;
use crate::decision::Requeue;

pub use policy::superseded;
pub use queue::{ahead, turns, waits_for_verification};
pub use roll_up::refused;

/// All that the decision depends on.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// The Stage.
    pub stage: &'a Stage,
    /// Its Promotions.
    pub promotions: &'a [&'a Promotion],
    /// The Project's Freight.
    pub freight: &'a [&'a Freight],
    /// The Project's policies.
    pub config: Option<&'a ProjectConfig>,
    /// Warehouses and Stages that it asks for Freight and that do not exist, in words.
    pub missing: &'a [String],
    /// What the health checks of the last Promotion say; none where they were not asked.
    pub health: Option<Checked>,
    /// A fresh UUID, should a verification need one.
    pub uuid: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// The health that the checks found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The health.
    pub health: Health,
    /// When to check again although nothing changed: what was found may be stale until then.
    pub recheck: Requeue,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Note that the Stage has this Freight since now.
    MarkCurrent {
        /// The Freight's name.
        freight: String,
    },
    /// Note that the Stage has this Freight no more.
    UnmarkCurrent {
        /// The Freight's name.
        freight: String,
    },
    /// Note that the Stage verified this Freight.
    MarkVerified {
        /// The Freight's name.
        freight: String,
        /// When.
        at: ferry_api::Time,
    },
    /// Promote this Freight to the Stage.
    Promote {
        /// The Freight's name.
        freight: String,
    },
    /// Set the annotation that lists the Applications the Stage touched; none removes it.
    AnnotateApplications(Option<String>),
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status from now on.
    pub status: StageStatus,
    /// What to do, in this order, before the status is written.
    pub actions: Vec<Action>,
    /// When to look again.
    pub requeue: Requeue,
    /// Why, in words.
    pub why: Vec<String>,
}

impl Decision {
    /// Sets a condition, as of the Stage's generation and the snapshot's time.
    fn say(
        &mut self,
        snapshot: &Snapshot<'_>,
        kind: ConditionType,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) {
        let generation = snapshot.stage.metadata.generation;
        conditions::set(
            &mut self.status.conditions,
            kind,
            status,
            reason,
            message,
            generation,
            &Time(snapshot.now),
        );
    }
}

/// Decides.
pub fn decide(snapshot: &Snapshot<'_>) -> Decision {
    let mut decision = Decision {
        status: snapshot.stage.status.clone().unwrap_or_default(),
        actions: Vec::new(),
        requeue: Requeue::OnChange,
        why: Vec::new(),
    };
    decision.status.last_handled_refresh =
        refresh_token(snapshot.stage).or(decision.status.last_handled_refresh);
    if snapshot.stage.is_control_flow() {
        control_flow::decide(snapshot, &mut decision);
        return decision;
    }
    let enabled = auto_promotion::is_enabled(snapshot.stage, snapshot.config);
    queue::sync(snapshot, *enabled.as_ref().unwrap_or(&false), &mut decision);
    freight::sync(snapshot, &mut decision);
    health::assess(snapshot, &mut decision);
    verification::verify(snapshot, &mut decision);
    verification::mark(snapshot, &mut decision);
    if decision.status.current_promotion.is_none() && queue::admit_next(snapshot, &mut decision) {
        health::assess(snapshot, &mut decision);
    }
    match enabled {
        Ok(enabled) => auto_promote(snapshot, enabled, &mut decision),
        Err(error) => {
            decision.why.push(error.to_string());
            roll_up::fail(snapshot, &mut decision, &error.to_string());
            return decision;
        }
    }
    roll_up::conclude(snapshot, &mut decision);
    decision
}

fn refresh_token(stage: &Stage) -> Option<String> {
    stage.metadata.annotations.as_ref()?.get(ferry_api::names::annotation::REFRESH).cloned()
}

fn auto_promote(snapshot: &Snapshot<'_>, enabled: bool, decision: &mut Decision) {
    decision.status.auto_promotion_enabled = Some(enabled);
    auto_promotion::prune_holds(&mut decision.status.auto_promotion_holds, snapshot.stage, enabled);
    if !enabled || snapshot.stage.metadata.deletion_timestamp.is_some() {
        decision.status.effective_auto_promotion_holds.clear();
        return;
    }
    decision.status.effective_auto_promotion_holds =
        auto_promotion::effective_holds(snapshot.stage, &decision.status, snapshot.promotions);
    let situation = Situation {
        stage: snapshot.stage,
        status: &decision.status,
        freight: snapshot.freight,
        promotions: snapshot.promotions,
        now: snapshot.now,
    };
    for piece in auto_promotion::choose(&situation) {
        let name = piece.metadata.name.clone().unwrap_or_default();
        decision.why.push(format!("Freight {name} is available and newer than what the Stage has"));
        decision.actions.push(Action::Promote { freight: name });
    }
    let wakes =
        snapshot.freight.iter().filter_map(|f| availability::soaked_at(snapshot.stage, f, snapshot.now));
    if let Some(moment) = wakes.min() {
        decision.requeue = decision.requeue.sooner(Requeue::at(moment, snapshot.now));
    }
}
