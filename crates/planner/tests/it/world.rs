//! A Stage and what is around it: passes are decided and their actions applied as the controllers do it.

use ferry_api::names::annotation;
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{Health, HealthState, StageStatus};
use ferry_api::{Freight, ProjectConfig, Promotion, Stage, Time};
use ferry_planner::decision::Requeue;
use ferry_planner::stage::{Action, Checked, Decision, Snapshot, decide};
use jiff::Timestamp;

use crate::build;

#[derive(Clone, Debug)]
pub struct World {
    pub stage: Stage,
    pub promotions: Vec<Promotion>,
    pub freight: Vec<Freight>,
    pub config: Option<ProjectConfig>,
    pub health: Option<Health>,
    pub now: Timestamp,
    pub passes: usize,
}

pub fn health(state: HealthState) -> Health {
    let issues = if state == HealthState::Healthy { vec![] } else { vec!["an Application is unwell".into()] };
    Health { status: Some(state), issues, ..Health::default() }
}

impl World {
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            promotions: vec![],
            freight: vec![],
            config: None,
            health: Some(health(HealthState::Healthy)),
            now: build::at(10),
            passes: 0,
        }
    }

    pub fn status(&self) -> &StageStatus {
        self.stage.status.as_ref().unwrap()
    }

    pub fn piece(&mut self, name: &str) -> &mut Freight {
        self.freight.iter_mut().find(|f| f.metadata.name.as_deref() == Some(name)).unwrap()
    }

    /// Ends the Promotion at work as `end` says of it.
    pub fn end_current(&mut self, phase: PromotionPhase) {
        let name = self.status().current_promotion.as_ref().unwrap().name.clone();
        let found = self.promotions.iter_mut().find(|p| p.metadata.name.as_deref() == Some(name.as_str()));
        let promotion = found.unwrap();
        let piece = promotion.spec.freight.clone().unwrap();
        let status = promotion.status.get_or_insert_default();
        status.phase = Some(phase);
        status.finished_at = Some(Time(self.now));
        status.started_at = Some(Time(self.now));
        let carried = self.freight.iter().find(|f| f.metadata.name.as_deref() == Some(piece.as_str()));
        let reference = carried.unwrap().reference();
        status.freight_collection = Some(ferry_api::FreightCollection::of([reference.clone()]));
        status.freight = Some(reference);
    }

    /// What a pass decides now, with nothing applied.
    pub fn decision(&self) -> Decision {
        let promotions: Vec<&Promotion> = self.promotions.iter().collect();
        let freight: Vec<&Freight> = self.freight.iter().collect();
        decide(&Snapshot {
            stage: &self.stage,
            promotions: &promotions,
            freight: &freight,
            config: self.config.as_ref(),
            missing: &[],
            health: self.health.clone().map(|health| Checked { health, recheck: Requeue::OnChange }),
            uuid: &format!("uuid-{}", self.passes),
            now: self.now,
        })
    }

    /// One pass.
    pub fn pass(&mut self) -> Decision {
        let decision = self.decision();
        self.passes += 1;
        for action in &decision.actions {
            self.apply(action);
        }
        self.stage.status = Some(decision.status.clone());
        decision
    }

    /// Passes until nothing is to do; answers what was done.
    pub fn settle(&mut self) -> Vec<Action> {
        let mut done = Vec::new();
        for _ in 0..10 {
            let before = self.stage.status.clone();
            let decision = self.pass();
            if decision.actions.is_empty() && before.as_ref() == Some(&decision.status) {
                return done;
            }
            done.extend(decision.actions);
        }
        panic!("no end after ten passes: {done:?}");
    }

    fn apply(&mut self, action: &Action) {
        let stage = self.stage.metadata.name.clone().unwrap();
        let now = Time(self.now);
        match action {
            Action::MarkCurrent { freight } => {
                self.piece(freight).status.get_or_insert_default().add_current_stage(&stage, &now);
            }
            Action::UnmarkCurrent { freight } => {
                self.piece(freight).status.get_or_insert_default().remove_current_stage(&stage, &now);
            }
            Action::MarkVerified { freight, at } => {
                self.piece(freight).status.get_or_insert_default().add_verified_stage(&stage, at);
            }
            Action::Promote { freight } => {
                let number = self.promotions.len() + 1;
                self.promotions.push(build::promotion(&stage, number, freight, None));
            }
            Action::AnnotateApplications(list) => {
                let annotations = self.stage.metadata.annotations.get_or_insert_default();
                match list {
                    Some(list) => annotations.insert(annotation::ARGOCD_CONTEXT.to_owned(), list.clone()),
                    None => annotations.remove(annotation::ARGOCD_CONTEXT),
                };
            }
        }
    }
}
