//! The controllers of a process: as often as something changed, what the planner decides of Stages and Promotions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferry_api::promotion::PromotionStatus;
use ferry_api::stage::Health;
use ferry_api::{Freight, Promotion, Stage, Time};
use ferry_engine::Engine;
use ferry_engine::world::{PromotionKey, World};
use ferry_failpoint::broken;
use ferry_planner::decision::Requeue;
use ferry_planner::promotion::{self as rules, Decision};
use ferry_planner::stage::{self, Action, Checked, Snapshot};

use super::process::Process;

pub struct Keeper {
    pub process: Arc<Process>,
    pub engine: Engine,
    pub uid_of: BTreeMap<String, String>,
}

impl Keeper {
    /// Keeps house until the process ends.
    pub async fn keep(mut self) {
        let house = self.process.house.clone();
        loop {
            self.process.lives().await;
            self.pass().await;
            house.looked_after();
            house.calls().await;
        }
    }

    async fn pass(&mut self) {
        let house = self.process.house.clone();
        if !self.process.may_write_for(Duration::ZERO) {
            return;
        }
        let stages: Vec<Stage> = house.stages.lock().values().cloned().collect();
        for stage in stages {
            self.stage(&stage);
        }
        let promotions: Vec<Promotion> = house.promotions.lock().values().cloned().collect();
        for (name, uid) in std::mem::take(&mut self.uid_of) {
            if !promotions.iter().any(|p| p.metadata.name.as_ref() == Some(&name)) {
                let key = PromotionKey { project: "demo".into(), name };
                if !self.engine.gone(&key, &uid) {
                    let _left = self.engine.forget(&uid);
                }
            }
        }
        for promotion in promotions {
            let name = promotion.metadata.name.clone().unwrap();
            self.uid_of.insert(name, promotion.metadata.uid.clone().unwrap());
            self.promotion(&promotion).await;
        }
    }

    fn stage(&self, stage: &Stage) {
        let house = &self.process.house;
        let name = stage.metadata.name.clone().unwrap();
        let promotions = house.promotions.lock().clone();
        let of_stage: Vec<&Promotion> = promotions.values().filter(|p| p.spec.stage == name).collect();
        let freight = house.freight.lock().clone();
        let pieces: Vec<&Freight> = freight.values().collect();
        let health = Health { status: Some(ferry_api::stage::HealthState::Healthy), ..Health::default() };
        let decision = stage::decide(&Snapshot {
            stage,
            promotions: &of_stage,
            freight: &pieces,
            config: None,
            missing: &[],
            health: Some(Checked { health, recheck: Requeue::OnChange }),
            uuid: "00000000-0000-0000-0000-000000000000",
            now: house.now(),
        });
        let now = Time(house.now());
        for action in &decision.actions {
            let mut all = house.freight.lock();
            let mut mark = |freight: &str| all.get_mut(freight).map(|f| f.status.take().unwrap_or_default());
            let (piece, status) = match action {
                Action::MarkCurrent { freight } => {
                    let Some(mut status) = mark(freight) else { continue };
                    status.add_current_stage(&name, &now);
                    (freight, status)
                }
                Action::UnmarkCurrent { freight } => {
                    let Some(mut status) = mark(freight) else { continue };
                    status.remove_current_stage(&name, &now);
                    (freight, status)
                }
                Action::MarkVerified { freight, at } => {
                    let Some(mut status) = mark(freight) else { continue };
                    status.add_verified_stage(&name, at);
                    (freight, status)
                }
                Action::Promote { .. } | Action::AnnotateApplications(_) => continue,
            };
            all.get_mut(piece).unwrap().status = Some(status);
        }
        if stage.status.as_ref() != Some(&decision.status) {
            house.note(format_args!(
                "stage {name} lets {:?} run",
                decision.status.current_promotion.as_ref().map(|p| &p.name)
            ));
            house.stages.lock().get_mut(&name).unwrap().status = Some(decision.status);
            house.has_changed();
        }
    }

    async fn promotion(&self, promotion: &Promotion) {
        let house = &self.process.house;
        let key = PromotionKey { project: "demo".into(), name: promotion.metadata.name.clone().unwrap() };
        if self.engine.is_live(&key) {
            if let Some(actor) = rules::abort_request(promotion).filter(|_| !broken!("abort")) {
                self.engine.abort(&key, &actor);
            }
            return;
        }
        let uid = promotion.metadata.uid.clone().unwrap();
        if promotion.is_terminal() {
            let _left = self.engine.forget(&uid);
            return;
        }
        let stage = house.stages.lock().get(&promotion.spec.stage).cloned();
        let all = house.promotions.lock().clone();
        let queue: Vec<&Promotion> = all.values().filter(|p| p.spec.stage == promotion.spec.stage).collect();
        let ahead = stage::ahead(stage.as_ref(), promotion, &queue);
        let origin = |name: &str| house.freight.lock().get(name).map(|f| f.origin.clone());
        let discarded = stage.as_ref().map(|s| stage::superseded(s, &queue, &origin)).unwrap_or_default();
        let newer = discarded.get(key.name.as_str()).copied();
        if broken!("queue") && rules::abort_request(promotion).is_none() {
            self.engine.start(key);
            return;
        }
        match rules::decide(promotion, stage.as_ref(), &ahead, newer, house.now()) {
            Decision::Ended => {}
            Decision::Run => drop(self.engine.start(key)),
            Decision::Wait(status) | Decision::Abort(status) | Decision::Discard(status) => {
                self.store(promotion, *status).await;
            }
        }
    }

    async fn store(&self, promotion: &Promotion, status: PromotionStatus) {
        if promotion.status.as_ref() != Some(&status) {
            let changed = Promotion { status: Some(status), ..promotion.clone() };
            // What fails is decided anew at the next pass.
            let _again = self.process.write_status(&changed).await;
        }
    }
}
