//! Everything that the controllers know, fed by watches.

use std::sync::Arc;

use ferry_api::names::annotation;
use ferry_api::promotion::PromotionStep;
use ferry_api::{Freight, Project, ProjectConfig, Promotion, Stage, Warehouse};
use k8s_openapi::api::core::v1::Namespace;

use crate::applications::Application;
use crate::runtime::Index;

/// What is asked of a Promotion beside its spec. Where none of it stands, nobody asks for annotations.
const ASKED: [&str; 4] = [
    annotation::ABORT,
    annotation::REFRESH,
    annotation::AUTO_PROMOTION_HOLD,
    annotation::AUTO_PROMOTION_RESUME,
];

/// What their steps are told and come to is the larger part of Promotions, of which there are many; next come the maps
/// of their labels and annotations. Who takes note of an end asks for the whole ([`crate::stage`]).
fn slim(promotion: &mut Promotion) {
    let metadata = &mut promotion.metadata;
    (metadata.owner_references, metadata.generate_name, metadata.labels) = (None, None, None);
    metadata.annotations.take_if(|all| !ASKED.iter().any(|key| all.contains_key(*key)));
    if promotion.is_terminal() {
        (promotion.spec.vars, promotion.spec.steps) = (Vec::new(), Vec::new());
        if let Some(status) = &mut promotion.status {
            (status.state, status.ledger, status.freight_collection) = (None, None, None);
            (status.step_execution_metadata, status.health_checks) = (Vec::new(), Vec::new());
        }
        return;
    }
    // The run reads the whole object itself. Here a step is its name, by which its record is found.
    promotion.spec.vars = Vec::new();
    // Nor has a step a record before the first has begun.
    if promotion.status.as_ref().is_none_or(|s| s.started_at.is_none()) {
        promotion.spec.steps = Vec::new();
        return;
    }
    for step in &mut promotion.spec.steps {
        let (uses, alias) = (step.uses.take(), step.alias.take());
        *step = PromotionStep { uses, alias, ..PromotionStep::default() };
    }
}

/// The indexes, one a kind.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub namespaces: Arc<Index<Namespace>>,
    pub projects: Arc<Index<Project>>,
    pub configs: Arc<Index<ProjectConfig>>,
    pub warehouses: Arc<Index<Warehouse>>,
    /// Grouped by origin.
    pub freight: Arc<Index<Freight>>,
    pub stages: Arc<Index<Stage>>,
    /// Grouped by Stage.
    pub promotions: Arc<Index<Promotion>>,
    pub applications: Arc<Index<Application>>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            namespaces: Arc::new(Index::new(|_| String::new())),
            projects: Arc::new(Index::new(|_| String::new())),
            configs: Arc::new(Index::new(|_| String::new())),
            warehouses: Arc::new(Index::new(|_| String::new())),
            freight: Arc::new(Index::new(|f| f.origin.to_string())),
            stages: Arc::new(Index::new(|_| String::new())),
            promotions: Arc::new(Index::new(|p: &Promotion| p.spec.stage.clone()).slimmed(slim)),
            applications: Arc::new(Index::new(|_| String::new())),
        }
    }

    /// Whether all of ours is known, so that decisions rest on what there is. Argo CD may be missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.namespaces.is_complete()
            && self.projects.is_complete()
            && self.configs.is_complete()
            && self.warehouses.is_complete()
            && self.freight.is_complete()
            && self.stages.is_complete()
            && self.promotions.is_complete()
    }

    /// Returns when all of ours is known.
    pub(crate) async fn completed(&self) {
        self.namespaces.completed().await;
        self.projects.completed().await;
        self.configs.completed().await;
        self.warehouses.completed().await;
        self.freight.completed().await;
        self.stages.completed().await;
        self.promotions.completed().await;
    }
}

#[cfg(test)]
mod tests {
    use ferry_planner::auto_promotion::{Holds, record_hold};
    use ferry_planner::promotion as rules;
    use serde_json::json;

    use super::*;

    fn promotion(annotations: &[(&str, &str)]) -> Promotion {
        let annotations: std::collections::BTreeMap<_, _> = annotations.iter().copied().collect();
        serde_json::from_value(json!({
            "apiVersion": ferry_api::API_VERSION, "kind": "Promotion",
            "metadata": {"name": "p", "namespace": "demo", "labels": {"a": "b"}, "annotations": annotations},
            "spec": {"stage": "test", "freight": "f", "steps": [{"uses": "fail"}]},
        }))
        .unwrap()
    }

    fn slimmed(promotion: &Promotion) -> Promotion {
        let mut slimmed = promotion.clone();
        slim(&mut slimmed);
        slimmed
    }

    #[test]
    fn what_is_asked_of_a_promotion_is_kept() {
        let stage: Stage = serde_json::from_value(json!({
            "apiVersion": ferry_api::API_VERSION, "kind": "Stage", "metadata": {"name": "test"},
            "spec": {"requestedFreight": [
                {"origin": {"kind": "Warehouse", "name": "w"}, "sources": {"direct": true}},
            ]},
        }))
        .unwrap();
        let by = (annotation::CREATE_ACTOR, "admin");
        let held = |promotion: &Promotion, mut holds: Holds| {
            record_hold(&mut holds, &stage, promotion);
            holds
        };
        for asked in [
            (annotation::ABORT, r#"{"action":"terminate","actor":"me"}"#),
            (annotation::REFRESH, "token"),
            (annotation::AUTO_PROMOTION_HOLD, "Warehouse/w"),
            (annotation::AUTO_PROMOTION_RESUME, "Warehouse/w"),
        ] {
            let whole = promotion(&[by, asked]);
            let slim = slimmed(&whole);
            assert!(slim.metadata.annotations.is_some(), "{asked:?}");
            assert_eq!(rules::abort_request(&slim), rules::abort_request(&whole));
            assert_eq!(rules::refresh_token(&slim), rules::refresh_token(&whole));
            let before =
                held(&promotion(&[by, (annotation::AUTO_PROMOTION_HOLD, "Warehouse/w")]), Holds::new());
            for before in [Holds::new(), before] {
                assert_eq!(held(&slim, before.clone()), held(&whole, before));
            }
        }
    }

    #[test]
    fn what_nobody_asks_for_is_not() {
        let slim = slimmed(&promotion(&[(annotation::CREATE_ACTOR, "admin"), ("team", "a")]));
        assert_eq!((slim.metadata.labels, slim.metadata.annotations), (None, None));
    }
}
