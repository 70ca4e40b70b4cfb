//! What a seed begins with: Stages, Freight, Promotions and their steps.

use std::sync::Arc;

use ferry_api::promotion::{PromotionSpec, PromotionStep, StepRetry};
use ferry_api::queue::QueuePolicy;
use ferry_api::stage::{FreightRequest, FreightSources, PromotionTemplate, PromotionTemplateSpec};
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};
use serde_json::json;

use super::dice::Dice;
use super::house::House;

const KINDS: &[&str] = &["log", "log", "look", "push", "push", "operate", "post", "hang"];
const MOST_FAULTS: u64 = 9;

/// The house of a seed.
pub fn house(seed: u64) -> Arc<House> {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let faults = u32::try_from(dice.below(MOST_FAULTS)).unwrap();
    let house = House::new(seed, faults);
    let origins = [FreightOrigin::warehouse("a"), FreightOrigin::warehouse("b")];
    for (name, origin) in [("f0", 0), ("f1", 0), ("f2", 1)] {
        let mut freight = Freight { origin: origins[origin].clone(), ..Freight::default() };
        freight.metadata.name = Some(name.into());
        freight.metadata.namespace = Some("demo".into());
        house.freight.lock().insert(name.into(), freight);
    }
    for number in 0..=dice.below(2) {
        let stage = stage(number, &origins, &mut dice);
        let name = stage.metadata.name.clone().unwrap();
        house.stages.lock().insert(name.clone(), stage);
        for turn in 0..=dice.below(3) {
            let promotion = promotion(&name, turn, &mut dice);
            house.promotions.lock().insert(promotion.metadata.name.clone().unwrap(), promotion);
        }
    }
    house
}

fn stage(number: u64, origins: &[FreightOrigin], dice: &mut Dice) -> Stage {
    let mut stage = Stage::default();
    stage.metadata.name = Some(format!("s{number}"));
    stage.metadata.namespace = Some("demo".into());
    let sources = FreightSources { direct: true, ..FreightSources::default() };
    stage.spec.requested_freight = origins
        .iter()
        .map(|origin| FreightRequest { origin: origin.clone(), sources: sources.clone() })
        .collect();
    stage.spec.queue_policy = dice.percent(20).then_some(QueuePolicy::LatestOnly);
    let steps = vec![PromotionStep { uses: Some("log".into()), ..PromotionStep::default() }];
    let spec = PromotionTemplateSpec { steps, ..PromotionTemplateSpec::default() };
    stage.spec.promotion_template = Some(PromotionTemplate { spec });
    stage
}

fn promotion(stage: &str, turn: u64, dice: &mut Dice) -> Promotion {
    let mut promotion = Promotion::default();
    promotion.metadata.name = Some(format!("{stage}.{turn:03}"));
    promotion.metadata.namespace = Some("demo".into());
    promotion.metadata.uid = Some(format!("uid-{stage}-{turn}"));
    promotion.metadata.resource_version = Some("1".into());
    let steps = (0..=dice.below(5)).map(|_| step(dice)).collect();
    let freight = (*dice.pick(&["f0", "f1", "f2"])).to_owned();
    promotion.spec =
        PromotionSpec { stage: stage.into(), freight: Some(freight), steps, ..PromotionSpec::default() };
    promotion
}

fn step(dice: &mut Dice) -> PromotionStep {
    let threshold = i64::try_from(1 + dice.below(4)).unwrap();
    let timeout = dice.percent(20).then(|| "2m".to_owned());
    let condition =
        dice.percent(15).then(|| (*dice.pick(&["${{ always() }}", "${{ failure() }}"])).to_owned());
    PromotionStep {
        uses: Some((*dice.pick(KINDS)).to_owned()),
        config: Some(json!({})),
        condition,
        continue_on_error: dice.percent(15).then_some(true),
        retry: Some(StepRetry { error_threshold: Some(threshold), timeout }),
        ..PromotionStep::default()
    }
}
