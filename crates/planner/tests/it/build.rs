//! Readable builders of Stages, Freight and Promotions.

use ferry_api::names::annotation;
use ferry_api::project_config::{ProjectConfigSpec, PromotionPolicy};
use ferry_api::promotion::{PromotionPhase, PromotionSpec, PromotionStatus, PromotionStep};
use ferry_api::stage::{FreightRequest, FreightSources, PromotionTemplate, PromotionTemplateSpec, StageSpec};
use ferry_api::{
    Freight, FreightCollection, FreightOrigin, ObjectMeta, ProjectConfig, Promotion, Stage, Time,
};
use jiff::{SignedDuration, Timestamp};

pub const PROJECT: &str = "demo";

/// Some moment, and `minutes` after it.
pub fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap() + SignedDuration::from_mins(minutes)
}

fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(PROJECT.to_owned()),
        creation_timestamp: Some(Time(at(0))),
        generation: Some(1),
        ..ObjectMeta::default()
    }
}

/// Freight straight from a Warehouse.
pub fn direct(warehouse: &str) -> FreightRequest {
    FreightRequest {
        origin: FreightOrigin::warehouse(warehouse),
        sources: FreightSources { direct: true, ..FreightSources::default() },
    }
}

/// Freight that one of some Stages has verified.
pub fn through(warehouse: &str, stages: &[&str]) -> FreightRequest {
    FreightRequest {
        origin: FreightOrigin::warehouse(warehouse),
        sources: FreightSources {
            stages: stages.iter().map(|s| (*s).to_owned()).collect(),
            ..FreightSources::default()
        },
    }
}

/// A Stage with one step.
pub fn stage(name: &str, requests: Vec<FreightRequest>) -> Stage {
    let step = PromotionStep { uses: Some("x".into()), ..PromotionStep::default() };
    let template = PromotionTemplate { spec: PromotionTemplateSpec { steps: vec![step], vars: vec![] } };
    Stage {
        metadata: metadata(name),
        spec: StageSpec {
            requested_freight: requests,
            promotion_template: Some(template),
            ..StageSpec::default()
        },
        ..Stage::default()
    }
}

/// Freight of a Warehouse; later numbers were found later.
pub fn freight(warehouse: &str, number: usize) -> Freight {
    let found = at(0) + SignedDuration::from_secs(i64::try_from(number).unwrap());
    Freight {
        metadata: metadata(&format!("{warehouse}-{number}")),
        origin: FreightOrigin::warehouse(warehouse),
        discovered_at: Some(Time(found)),
        ..Freight::default()
    }
}

/// The Promotion that comes as the `number`-th.
pub fn promotion(stage: &str, number: usize, freight: &str, phase: Option<PromotionPhase>) -> Promotion {
    Promotion {
        metadata: metadata(&format!("{stage}.{number:026}.{freight}")),
        spec: PromotionSpec {
            stage: stage.to_owned(),
            freight: Some(freight.to_owned()),
            ..PromotionSpec::default()
        },
        status: phase.map(|phase| PromotionStatus { phase: Some(phase), ..PromotionStatus::default() }),
        ..Promotion::default()
    }
}

/// The same, ended, with the Freight that it carried.
pub fn ended(stage: &str, number: usize, freight: &Freight, phase: PromotionPhase) -> Promotion {
    let mut promotion = promotion(stage, number, freight.metadata.name.as_deref().unwrap(), Some(phase));
    let status = promotion.status.as_mut().unwrap();
    status.started_at = Some(Time(at(0)));
    status.finished_at = Some(Time(at(1)));
    status.freight = Some(freight.reference());
    status.freight_collection = Some(FreightCollection::of([freight.reference()]));
    promotion
}

/// A policy that lets each Stage promote by itself, or not.
pub fn policy(automatic: bool) -> ProjectConfig {
    let policy = PromotionPolicy { auto_promotion_enabled: Some(automatic), ..PromotionPolicy::default() };
    ProjectConfig {
        metadata: metadata(PROJECT),
        spec: Some(ProjectConfigSpec { promotion_policies: vec![policy], ..ProjectConfigSpec::default() }),
        ..ProjectConfig::default()
    }
}

/// A policy whose pattern cannot be read.
pub fn broken_policy() -> ProjectConfig {
    let mut config = policy(true);
    let selector = serde_json::json!({"name": "regex:["});
    let policies = &mut config.spec.as_mut().unwrap().promotion_policies;
    policies[0].stage_selector = Some(serde_json::from_value(selector).unwrap());
    config
}

/// A Promotion by which a person asks that auto-promotion of an origin be held, or go on.
pub fn asking(mut promotion: Promotion, key: &str, origin: &str) -> Promotion {
    let annotations = [(key.to_owned(), origin.to_owned()), (annotation::CREATE_ACTOR.into(), "kim".into())];
    promotion.metadata.annotations.get_or_insert_default().extend(annotations);
    promotion
}
