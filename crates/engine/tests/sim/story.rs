//! A Promotion and the processes that carry it, one after the other, as they are killed.

use std::sync::Arc;
use std::time::Duration;

use ferry_api::promotion::{PromotionSpec, PromotionStep, StepRetry};
use ferry_api::stage::{FreightRequest, FreightSources};
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};
use ferry_engine::context::Settings;
use ferry_engine::engine::Limits;
use ferry_engine::work::WorkRoot;
use ferry_engine::world::PromotionKey;
use ferry_engine::{Engine, Services};
use serde_json::{Value, json};

use crate::outside::{Line, Outside, registry};
use crate::world::{Death, SimWorld, Stored};

pub const NAME: &str = "test.01abc.f1";
pub const UID: &str = "0b8c";

pub struct Story {
    pub stored: Arc<Stored>,
    pub outside: Arc<Outside>,
    pub directory: tempfile::TempDir,
}

pub fn step(uses: &str, config: Value) -> PromotionStep {
    let retry = StepRetry { error_threshold: Some(5), timeout: None };
    PromotionStep {
        uses: Some(uses.into()),
        config: Some(config),
        retry: Some(retry),
        ..PromotionStep::default()
    }
}

/// Edits files, adds to one, pushes, starts an operation and waits for it.
pub fn usual_steps() -> Vec<PromotionStep> {
    vec![
        step("edit", json!({"files": ["a", "b", "c"]})),
        step("append", json!({"file": "a"})),
        step("push", json!({"what": "${{ outputs['step-2'].text }}"})),
        step("append", json!({"file": "b"})),
        step("sync", json!({})),
    ]
}

impl Story {
    pub fn new(steps: Vec<PromotionStep>) -> Self {
        let stored = Arc::new(Stored::default());
        let origin = FreightOrigin::warehouse("w");
        let mut freight = Freight { origin: origin.clone(), ..Freight::default() };
        freight.metadata.name = Some("f1".into());
        freight.metadata.namespace = Some("demo".into());
        let mut stage = Stage::default();
        stage.metadata.name = Some("test".into());
        stage.metadata.namespace = Some("demo".into());
        let sources = FreightSources { direct: true, ..FreightSources::default() };
        stage.spec.requested_freight = vec![FreightRequest { origin, sources }];
        let mut promotion = Promotion::default();
        promotion.metadata.name = Some(NAME.into());
        promotion.metadata.namespace = Some("demo".into());
        promotion.metadata.uid = Some(UID.into());
        promotion.metadata.resource_version = Some("1".into());
        promotion.spec = PromotionSpec {
            stage: "test".into(),
            freight: Some("f1".into()),
            steps,
            ..PromotionSpec::default()
        };
        stored.promotions.lock().insert(NAME.into(), promotion);
        stored.stages.lock().insert("test".into(), stage);
        stored.freight.lock().insert("f1".into(), freight);
        Self { stored, outside: Arc::default(), directory: tempfile::tempdir().unwrap() }
    }

    pub fn key() -> PromotionKey {
        PromotionKey { project: "demo".into(), name: NAME.into() }
    }

    pub fn process(&self, death: &Arc<Death>) -> (Engine, Arc<SimWorld>) {
        self.process_on(self.directory.path(), death)
    }

    /// A process with these work directories: on another machine, perhaps.
    pub fn process_on(&self, directory: &std::path::Path, death: &Arc<Death>) -> (Engine, Arc<SimWorld>) {
        let world = SimWorld::new(self.stored.clone(), death.clone());
        let line = Arc::new(Line { outside: self.outside.clone(), death: death.clone() });
        let services = Services::new().with(line);
        let work = WorkRoot::new(directory).unwrap();
        let engine =
            Engine::new(world.clone(), registry(), services, Settings::default(), work, Limits::default());
        (engine, world)
    }

    /// One process, until its run is over or it dies. Answers how many points it passed, and whether it died.
    pub async fn live(&self, dies_at: Option<usize>) -> (usize, bool) {
        let death = Death::at(dies_at);
        let (engine, world) = self.process(&death);
        let key = Self::key();
        assert!(engine.start(key.clone()));
        let ends = async {
            tokio::select! {
                () = engine.wait(&key) => false,
                () = death.died() => true,
            }
        };
        let died = tokio::time::timeout(Duration::from_hours(10), ends).await;
        let died = died.unwrap_or_else(|_| unreachable!("stuck: {:#?}", self.promotion().status));
        world.kill();
        tokio::task::yield_now().await;
        (death.points(), died)
    }

    pub fn promotion(&self) -> Promotion {
        self.stored.promotion(NAME)
    }

    pub fn output(&self, alias: &str) -> Value {
        let status = self.promotion().status.unwrap();
        status.state.unwrap().get(alias).cloned().unwrap_or_default()
    }

    /// What is left of the work directory.
    pub fn leftovers(&self) -> Vec<String> {
        WorkRoot::new(self.directory.path()).unwrap().list().unwrap()
    }
}
