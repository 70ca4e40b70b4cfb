//! Whatever is found: a pass leaves nothing for the next one to do, for every kind with a decision.

use ferry_api::names::{FINALIZER, annotation, label};
use ferry_api::promotion::PromotionPhase;
use ferry_api::stage::HealthState;
use ferry_api::warehouse::{DiscoveredArtifacts, DiscoveredCommit, GitDiscoveryResult};
use ferry_api::{Freight, ObjectMeta, Project, Promotion, Time, Warehouse};
use ferry_planner::stage::Action;
use ferry_planner::{project, promotion, warehouse};
use proptest::prelude::*;
use serde_json::json;

use crate::build::{self, direct, freight, policy, stage, through};
use crate::world::{World, health};

const PHASES: [Option<PromotionPhase>; 7] = [
    None,
    Some(PromotionPhase::Pending),
    Some(PromotionPhase::Running),
    Some(PromotionPhase::Succeeded),
    Some(PromotionPhase::Failed),
    Some(PromotionPhase::Errored),
    Some(PromotionPhase::Aborted),
];
const STATES: [HealthState; 4] =
    [HealthState::Healthy, HealthState::Progressing, HealthState::Unhealthy, HealthState::Unknown];

/// One Promotion: the piece it carries, its phase, whether a person asked for a hold.
type Drawn = (usize, usize, bool);

prop_compose! {
    fn worlds()(
        drawn in prop::collection::vec((0usize..4, 0usize..7, any::<bool>()), 0..5),
        automatic in prop::option::of(any::<bool>()),
        is_broken in prop::bool::weighted(0.1),
        is_direct in any::<bool>(),
        upstream in prop::collection::vec((any::<bool>(), any::<bool>()), 4),
        state in prop::option::of(0usize..4),
        last in prop::option::of(0usize..5),
        current in prop::option::of(0usize..6),
        control_flow in prop::bool::weighted(0.1),
        soak in any::<bool>(),
    ) -> World {
        let mut requests = if is_direct { vec![direct("wh")] } else { vec![through("wh", &["up"])] };
        if soak {
            requests[0].sources.required_soak_time = Some("1h".to_owned());
        }
        requests.push(direct("other"));
        let mut world = World::new(stage("test", requests));
        if control_flow {
            world.stage.spec.promotion_template = None;
        }
        world.freight = vec![freight("wh", 1), freight("wh", 2), freight("wh", 3), freight("other", 1)];
        for (piece, (verified, here)) in world.freight.iter_mut().zip(upstream) {
            let status = piece.status.get_or_insert_default();
            if verified { status.add_verified_stage("up", &Time(build::at(0))); }
            if here {
                status.add_current_stage("up", &Time(build::at(0)));
                status.add_current_stage("test", &Time(build::at(0)));
            }
        }
        world.config = automatic.map(policy);
        if is_broken {
            world.config = Some(build::broken_policy());
        }
        world.health = state.map(|s| health(STATES[s]));
        world.promotions = drawn.into_iter().enumerate().map(|(i, d)| drawn_promotion(&world.freight, i, d)).collect();
        remember(&mut world, last, current);
        world
    }
}

fn drawn_promotion(all: &[Freight], number: usize, (piece, phase, hold): Drawn) -> Promotion {
    let piece = &all[piece];
    let promotion = match PHASES[phase] {
        Some(phase) if phase.is_terminal() => build::ended("test", number, piece, phase),
        phase => build::promotion("test", number, piece.metadata.name.as_deref().unwrap(), phase),
    };
    let key = if number.is_multiple_of(2) {
        annotation::AUTO_PROMOTION_HOLD
    } else {
        annotation::AUTO_PROMOTION_RESUME
    };
    if hold { build::asking(promotion, key, "Warehouse/wh") } else { promotion }
}

/// What the Stage remembers of earlier passes.
fn remember(world: &mut World, last: Option<usize>, current: Option<usize>) {
    let reference = |p: &Promotion| ferry_api::stage::PromotionReference {
        name: p.metadata.name.clone().unwrap(),
        status: p.status.clone(),
        ..Default::default()
    };
    let status = world.stage.status.get_or_insert_default();
    if let Some(last) = last.and_then(|i| world.promotions.get(i)).filter(|p| p.is_terminal()) {
        status.last_promotion = Some(reference(last));
        let carried = last.status.as_ref().and_then(|s| s.freight_collection.clone());
        status.freight_history = carried.into_iter().collect();
    }
    status.current_promotion = current.map(|i| {
        let mut known = world.promotions.get(i).map(&reference).unwrap_or_default();
        known.status = None;
        known
    });
}

proptest! {
    #[test]
    fn a_pass_leaves_nothing_to_do(mut world in worlds()) {
        let first = world.pass();
        let second = world.pass();
        let promoted = first.actions.iter().any(|a| matches!(a, Action::Promote { .. }));
        prop_assert!(second.actions.is_empty(), "{:?}", second.actions);
        if !promoted {
            prop_assert_eq!(&second.status, &first.status);
        }
        let third = world.pass();
        prop_assert!(third.actions.is_empty());
        prop_assert_eq!(third.status, second.status);
    }

    #[test]
    fn at_most_one_promotion_is_at_work_and_it_does_not_change(mut world in worlds()) {
        world.settle();
        let current = world.status().current_promotion.clone();
        let more = build::promotion("test", 99, "wh-1", None);
        world.promotions.push(more);
        world.settle();
        if let Some(current) = current {
            let now = world.status().current_promotion.as_ref().map(|p| p.name.clone());
            prop_assert_eq!(now, Some(current.name));
        }
    }

    #[test]
    fn the_status_fits_the_types_that_store_it(mut world in worlds()) {
        world.settle();
        let stored = serde_json::to_value(&world.stage).unwrap();
        let last = &stored["status"]["lastPromotion"]["status"];
        prop_assert!(last.get("ledger").is_none() && last.get("waiting").is_none());
        let read: ferry_api::Stage = serde_json::from_value(stored).unwrap();
        prop_assert_eq!(read, world.stage);
    }

    #[test]
    fn a_promotion_that_waits_writes_once(phase in 0usize..7, ahead in 0usize..3, current in any::<bool>()) {
        let mut world = World::new(stage("test", vec![direct("wh")]));
        let mut own = build::promotion("test", 5, "wh-1", PHASES[phase]);
        if current {
            world.stage.status.get_or_insert_default().current_promotion =
                Some(ferry_api::stage::PromotionReference { name: "other".into(), ..Default::default() });
        }
        let others: Vec<Promotion> = (0..ahead).map(|n| build::promotion("test", n, "wh-1", None)).collect();
        let others: Vec<&Promotion> = others.iter().collect();
        let decide = |own: &Promotion, minute| promotion::decide(own, Some(&world.stage), &others, None, build::at(minute));
        if let promotion::Decision::Wait(status) | promotion::Decision::Abort(status) = decide(&own, 1) {
            own.status = Some(*status.clone());
            match decide(&own, 2) {
                promotion::Decision::Wait(again) => prop_assert_eq!(again, status),
                other => prop_assert_eq!(other, promotion::Decision::Ended),
            }
        }
    }

    #[test]
    fn a_warehouse_makes_each_freight_once(ids in prop::collection::vec("[0-9a-f]{40}", 0..3), manual in any::<bool>()) {
        let mut house = Warehouse::default();
        house.metadata.name = Some("wh".into());
        house.metadata.generation = Some(2);
        let policy = if manual { "Manual" } else { "Automatic" };
        house.spec.freight_creation_policy = serde_json::from_value(json!(policy)).unwrap();
        let commits = ids.iter().map(|id| DiscoveredCommit { id: id.clone(), ..Default::default() }).collect();
        let git = GitDiscoveryResult { repo_url: "https://git.example.com/a".into(), commits, ..Default::default() };
        let found = DiscoveredArtifacts { git: vec![git], discovered_at: Some(Time(build::at(1))), ..Default::default() };
        let interval = std::time::Duration::from_mins(1);
        let decide = |house: &Warehouse| {
            warehouse::decide(house, warehouse::Found::Artifacts(found.clone()), interval, build::at(1))
        };
        let first = decide(&house);
        house.status = Some(first.status.clone());
        let second = decide(&house);
        prop_assert_eq!(second.status, first.status);
        let name = |f: Option<Box<Freight>>| f.map(|f| f.metadata.name);
        let made = name(first.freight);
        prop_assert_eq!(made.is_some(), !manual && !ids.is_empty());
        prop_assert_eq!(name(second.freight), made, "the same name: it exists already");
        let looked = warehouse::look(&house, interval, build::at(1));
        prop_assert!(matches!(looked, warehouse::Look::After(_)), "{looked:?}");
    }

    #[test]
    fn a_project_settles(
        exists in any::<bool>(), ours in any::<bool>(), going in any::<bool>(), guarded in any::<bool>(), deleted in any::<bool>(), kept in any::<bool>()
    ) {
        let metadata = |labelled: bool, finalizer: bool| ObjectMeta {
            name: Some("demo".into()),
            labels: labelled.then(|| [(label::PROJECT.to_owned(), "true".to_owned())].into()),
            finalizers: finalizer.then(|| vec![FINALIZER.to_owned()]),
            annotations: kept.then(|| [(annotation::KEEP_NAMESPACE.to_owned(), "true".to_owned())].into()),
            deletion_timestamp: deleted.then(|| Time(build::at(0))),
            ..ObjectMeta::default()
        };
        let mut project = Project { metadata: metadata(false, guarded), ..Project::default() };
        let mut space = exists.then(|| ObjectMeta { deletion_timestamp: going.then(|| Time(build::at(0))), ..metadata(ours, guarded) });
        let rest = (0..3).map(|_| project_pass(&mut project, &mut space)).last().unwrap();
        prop_assert!(rest.actions.is_empty(), "{:?}", rest.actions);
        prop_assert_eq!(rest.status, project.status.unwrap_or_default());
    }
}

/// One pass at a Project, applied as its controller does.
fn project_pass(project: &mut Project, space: &mut Option<ObjectMeta>) -> project::Decision {
    let snapshot = project::Snapshot {
        project,
        namespace: space.as_ref(),
        warehouses: &[],
        stages: &[],
        now: build::at(1),
    };
    let decision = project::decide(&snapshot);
    let guard = |metadata: &mut ObjectMeta| metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    for action in &decision.actions {
        match (action, &mut *space) {
            (project::Action::CreateNamespace, space) => {
                let labels = [(label::PROJECT.to_owned(), "true".to_owned())];
                let mut made = ObjectMeta { labels: Some(labels.into()), ..ObjectMeta::default() };
                guard(&mut made);
                *space = Some(made);
            }
            (project::Action::ProtectNamespace, Some(space)) => guard(space),
            (project::Action::ProtectProject, _) => guard(&mut project.metadata),
            (project::Action::DeleteProject, _) => {
                project.metadata.deletion_timestamp = Some(Time(build::at(1)));
            }
            (project::Action::ReleaseProject, _) => project.metadata.finalizers = None,
            (project::Action::DeleteNamespace, Some(space)) => {
                space.deletion_timestamp = Some(Time(build::at(1)));
            }
            (project::Action::ReleaseNamespace, Some(space)) => space.finalizers = None,
            (_, None) => panic!("{action:?} without a namespace"),
        }
    }
    project.status = Some(decision.status.clone());
    decision
}

#[test]
fn a_source_that_does_not_exist_is_named() {
    let mut stage = ferry_api::Stage::default();
    stage.metadata.name = Some("test".into());
    stage.spec.promotion_template = Some(ferry_api::stage::PromotionTemplate::default());
    if let Some(template) = stage.spec.promotion_template.as_mut() {
        template
            .spec
            .steps
            .push(ferry_api::PromotionStep { uses: Some("fail".into()), ..Default::default() });
    }
    let decision = ferry_planner::stage::decide(&ferry_planner::stage::Snapshot {
        stage: &stage,
        promotions: &[],
        freight: &[],
        config: None,
        missing: &["Warehouse \"nowh\" does not exist".to_owned()],
        health: None,
        uuid: "u",
        now: jiff::Timestamp::from_second(1_900_000_000).unwrap(),
    });
    let ready = decision.status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_eq!(ready.reason, "NoFreight");
    assert!(ready.message.contains("Warehouse \"nowh\" does not exist"), "{}", ready.message);
}
