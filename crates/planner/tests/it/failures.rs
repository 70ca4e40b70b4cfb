//! Sentences of failure-modes.md that are decided at a Stage.

use ferry_api::conditions::{self, ConditionType};
use ferry_api::names::annotation;
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::{HealthState, PromotionReference};
use ferry_api::verification::VerificationPhase;
use ferry_api::{Promotion, Time};
use ferry_planner::stage::Action;
use ferry_planner::{availability, promotion};

use crate::build::{self, direct, ended, freight, policy, stage, through};
use crate::world::{World, health};

/// A Stage `test` that takes Freight straight from Warehouse `wh`, of which there are two pieces.
fn world() -> World {
    let mut world = World::new(stage("test", vec![direct("wh")]));
    world.freight = vec![freight("wh", 1), freight("wh", 2)];
    world
}

fn promotes(actions: &[Action]) -> Vec<&str> {
    let freight = actions.iter().filter_map(|action| match action {
        Action::Promote { freight } => Some(freight.as_str()),
        _ => None,
    });
    freight.collect()
}

fn ready_reason(world: &World) -> String {
    conditions::get(&world.status().conditions, ConditionType::Ready).unwrap().reason.clone()
}

#[test]
fn fm_01_after_a_failure_the_same_freight_can_be_promoted_again() {
    for phase in [PromotionPhase::Failed, PromotionPhase::Errored, PromotionPhase::Aborted] {
        let mut world = world();
        world.promotions = vec![build::promotion("test", 1, "wh-1", None)];
        world.settle();
        world.end_current(phase);
        world.settle();
        assert_eq!(ready_reason(&world), format!("LastPromotion{}", phase.as_str()));
        world.promotions.push(build::promotion("test", 2, "wh-1", None));
        world.settle();
        let current = world.status().current_promotion.as_ref().unwrap();
        assert_eq!(current.name, world.promotions[1].metadata.name.clone().unwrap());
    }
}

#[test]
fn fm_02_a_stage_without_verification_does_not_hold_its_queue() {
    let mut world = world();
    world.promotions =
        vec![build::promotion("test", 1, "wh-1", None), build::promotion("test", 2, "wh-2", None)];
    world.settle();
    world.end_current(PromotionPhase::Succeeded);
    world.pass();
    let current = world.status().current_promotion.as_ref().unwrap();
    assert_eq!(current.name, world.promotions[1].metadata.name.clone().unwrap());
}

#[test]
fn fm_04_a_promotion_deleted_while_it_runs_is_not_waited_for() {
    let mut world = world();
    world.promotions = vec![ended("test", 1, &freight("wh", 1), PromotionPhase::Succeeded)];
    world.stage.status.get_or_insert_default().current_promotion = Some(PromotionReference::default());
    world.settle();
    assert_eq!(ready_reason(&world), "Verified");
    world.promotions.push(build::promotion("test", 2, "wh-2", Some(PromotionPhase::Running)));
    world.settle();
    assert_eq!(ready_reason(&world), "ActivePromotion");
    world.promotions.pop();
    world.settle();
    assert_eq!(ready_reason(&world), "Verified");
    assert!(world.status().current_promotion.is_none());
}

#[test]
fn fm_07_freight_that_fails_is_promoted_by_itself_once() {
    let mut world = world();
    world.config = Some(policy(true));
    let done = world.settle();
    assert_eq!(promotes(&done), ["wh-2"]);
    world.end_current(PromotionPhase::Failed);
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new());
    world.freight.push(freight("wh", 3));
    assert_eq!(promotes(&world.settle()), ["wh-3"]);
}

#[test]
fn fm_08_approval_gives_exactly_one_promotion() {
    let mut world = World::new(stage("prod", vec![through("wh", &["test"])]));
    world.freight = vec![freight("wh", 1)];
    world.config = Some(policy(true));
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new());
    let now = Time(world.now);
    world.piece("wh-1").status.get_or_insert_default().add_approved_stage("prod", &now);
    assert_eq!(promotes(&world.settle()), ["wh-1"]);
    world.end_current(PromotionPhase::Succeeded);
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new());
    assert_eq!(world.promotions.len(), 1);
}

#[test]
fn fm_09_of_two_promotions_in_a_row_the_first_is_verified_or_said_to_be_skipped() {
    let downstream = stage("prod", vec![through("wh", &["test"])]);
    for (state, verified) in [(HealthState::Healthy, true), (HealthState::Progressing, false)] {
        let mut world = world();
        world.promotions =
            vec![build::promotion("test", 1, "wh-1", None), build::promotion("test", 2, "wh-2", None)];
        world.settle();
        world.end_current(PromotionPhase::Succeeded);
        world.health = Some(health(state));
        world.settle();
        let first = world.status().freight_history[0].clone();
        let phase = first.verification_history[0].phase.unwrap();
        assert_eq!(phase == VerificationPhase::Successful, verified, "{state:?}");
        assert!(verified || first.verification_history[0].message.contains("skipped"));
        let now = world.now;
        assert_eq!(availability::is_available(&downstream, world.piece("wh-1"), now), verified);
        assert!(world.status().current_promotion.is_some());
    }
}

#[test]
fn fm_10_older_freight_promoted_by_hand_stays_until_it_is_released() {
    let mut world = world();
    world.config = Some(policy(true));
    world.settle();
    world.end_current(PromotionPhase::Succeeded);
    world.settle();
    let hold = build::promotion("test", 3, "wh-1", None);
    world.promotions.push(build::asking(hold, annotation::AUTO_PROMOTION_HOLD, "Warehouse/wh"));
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new(), "while it is on its way");
    world.end_current(PromotionPhase::Succeeded);
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new(), "when it is there");
    assert_eq!(world.status().auto_promotion_holds["Warehouse/wh"].freight_name, "wh-1");
    // A restart: all that is left is what was stored.
    let stored = serde_json::to_value(&world.stage).unwrap();
    world.stage = serde_json::from_value(stored).unwrap();
    world.freight.push(freight("wh", 3));
    assert_eq!(promotes(&world.settle()), Vec::<&str>::new(), "after a restart");
    let resume = build::promotion("test", 4, "wh-3", None);
    world.promotions.push(build::asking(resume, annotation::AUTO_PROMOTION_RESUME, "Warehouse/wh"));
    world.settle();
    world.end_current(PromotionPhase::Succeeded);
    world.settle();
    assert!(world.status().auto_promotion_holds.is_empty());
    world.freight.push(freight("wh", 4));
    assert_eq!(promotes(&world.settle()), ["wh-4"], "when it was released");
}

#[test]
fn fm_16_an_aborted_promotion_of_the_queue_keeps_the_other_origins() {
    let mut world = World::new(stage("test", vec![direct("wh"), direct("other")]));
    world.freight = vec![freight("wh", 1), freight("wh", 2), freight("other", 1)];
    let now = world.now;
    let mut number = 0;
    let mut promote = |world: &mut World, name: &str, phase: PromotionPhase| {
        number += 1;
        let mut new = build::promotion("test", number, name, None);
        if phase == PromotionPhase::Aborted {
            promotion::decide(&new, None, &[], None, now);
            let status = new.status.get_or_insert_default();
            ferry_planner::progress::abort(&new.spec, status, "kim", now);
        } else {
            let piece = world.piece(name).clone();
            let mut status = promotion::begin(&new, &world.stage, Some(&piece), now).unwrap();
            ferry_planner::progress::end(&mut status, phase, "", now);
            new.status = Some(status);
        }
        world.promotions.push(new);
        world.stage.status.get_or_insert_default().current_promotion = Some(PromotionReference::default());
        world.settle();
    };
    promote(&mut world, "wh-1", PromotionPhase::Succeeded);
    promote(&mut world, "other-1", PromotionPhase::Succeeded);
    promote(&mut world, "wh-2", PromotionPhase::Aborted);
    promote(&mut world, "wh-2", PromotionPhase::Succeeded);
    let items = &world.status().freight_history[0].items;
    let names: Vec<&str> = items.values().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["other-1", "wh-2"]);
}

#[test]
fn fm_17_promoting_what_is_there_verifies_it_anew() {
    let mut world = world();
    for number in [1, 2] {
        world.promotions.push(build::promotion("test", number, "wh-1", None));
        world.settle();
        let name = world.promotions[number - 1].metadata.name.clone();
        assert_eq!(world.status().current_promotion.as_ref().map(|p| p.name.clone()), name, "it runs");
        world.end_current(PromotionPhase::Succeeded);
        world.settle();
    }
    let history = &world.status().freight_history;
    assert_eq!((history.len(), &history[0].items), (2, &history[1].items));
    assert_ne!(history[0].verification_history[0].id, history[1].verification_history[0].id);
}

#[test]
fn fm_20_messages_fit_the_limit_of_the_api() {
    let long = "ż".repeat(conditions::MESSAGE_LIMIT_BYTES);
    let mut world = world();
    world.promotions = vec![build::promotion("test", 1, "wh-1", None)];
    world.settle();
    world.end_current(PromotionPhase::Failed);
    world.promotions[0].status.as_mut().unwrap().message.clone_from(&long);
    world.settle();
    let fits = |text: &str| text.len() <= conditions::MESSAGE_LIMIT_BYTES;
    assert!(world.status().conditions.iter().all(|c| fits(&c.message)));
    assert!(fits(&world.status().waiting.as_ref().unwrap().reason));

    let mut status = ferry_api::promotion::PromotionStatus::default();
    ferry_planner::progress::end(&mut status, PromotionPhase::Errored, &long, world.now);
    assert!(fits(&status.message));
}

#[test]
fn fm_22_each_part_of_a_pass_sees_what_the_one_before_it_wrote() {
    let mut world = world();
    world.promotions = vec![build::promotion("test", 1, "wh-1", None)];
    world.settle();
    world.end_current(PromotionPhase::Succeeded);
    let decision = world.pass();
    let at = Time(world.now);
    let freight = "wh-1".to_owned();
    assert!(decision.actions.contains(&Action::MarkCurrent { freight: freight.clone() }));
    assert!(decision.actions.contains(&Action::MarkVerified { freight, at }));
    assert_eq!(ready_reason(&world), "Verified");
}

#[test]
fn fm_35_unchanged_health_writes_nothing() {
    for state in
        [HealthState::Healthy, HealthState::Progressing, HealthState::Unhealthy, HealthState::Unknown]
    {
        let mut world = world();
        world.promotions = vec![build::promotion("test", 1, "wh-1", None)];
        world.settle();
        world.end_current(PromotionPhase::Succeeded);
        world.health = Some(health(state));
        world.settle();
        let before = world.stage.status.clone();
        for minutes in [11, 60, 100_000] {
            world.now = build::at(minutes);
            let decision = world.decision();
            assert!(decision.actions.is_empty(), "{state:?}: {:?}", decision.actions);
            assert_eq!(Some(decision.status), before, "{state:?}");
        }
    }
}

#[test]
fn fm_50_the_stage_wakes_when_the_soak_is_over() {
    let mut request = through("wh", &["test", "uat"]);
    request.sources.required_soak_time = Some("1h".to_owned());
    request.sources.availability_strategy = Some(ferry_api::stage::AvailabilityStrategy::All);
    let stage = stage("prod", vec![request]);
    let mut piece = freight("wh", 1);
    let status = piece.status.get_or_insert_default();
    status.add_verified_stage("test", &Time(build::at(0)));
    status.verified_in.get_mut("test").unwrap().longest_soak = Some("2h".to_owned());
    status.add_verified_stage("uat", &Time(build::at(5)));
    status.add_current_stage("uat", &Time(build::at(5)));
    assert_eq!(availability::soaked_at(&stage, &piece, build::at(10)), Some(build::at(65)));
    assert!(!availability::is_available(&stage, &piece, build::at(64)));
    assert!(availability::is_available(&stage, &piece, build::at(65)));
    assert_eq!(availability::soaked_at(&stage, &piece, build::at(65)), None);
}

#[test]
fn a_phase_of_another_version_is_left_alone() {
    let mut odd: Promotion = build::promotion("test", 1, "wh-1", Some(PromotionPhase::Unknown));
    let stage = stage("test", vec![direct("wh")]);
    assert_eq!(promotion::decide(&odd, Some(&stage), &[], None, build::at(0)), promotion::Decision::Ended);
    let abort = (annotation::ABORT.to_owned(), "terminate".to_owned());
    odd.metadata.annotations = Some([abort].into());
    let decision = promotion::decide(&odd, Some(&stage), &[], None, build::at(0));
    assert!(matches!(decision, promotion::Decision::Abort(_)));
}

#[test]
fn fm_21_a_refused_auto_promotion_is_said_once_and_harms_nothing_else() {
    let mut world = world();
    world.settle();
    let at = |second: i64| jiff::Timestamp::from_second(1_900_000_000 + second).unwrap();
    let mut said = world.status().clone();
    ferry_planner::stage::refused(&world.stage, &mut said, "denied by a policy", at(0));
    world.stage.status = Some(said.clone());
    assert_eq!(ready_reason(&world), "ReconcileError");
    assert!(said.waiting.as_ref().unwrap().reason.contains("denied by a policy"));
    // The next pass comes to what it came to before, and is refused again.
    let mut again = said.clone();
    conditions::remove(&mut again.conditions, ConditionType::Ready);
    again.waiting = None;
    ferry_planner::stage::refused(&world.stage, &mut again, "denied by a policy", at(60));
    assert_eq!(again, said, "nothing to write");
}
