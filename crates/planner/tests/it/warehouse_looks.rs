//! When a Warehouse looks: by its interval, and sooner where the last look was cut short or failed.

use std::time::Duration;

use ferry_api::warehouse::DiscoveredArtifacts;
use ferry_api::{Time, Warehouse};
use ferry_planner::warehouse::{Found, Look, created, decide, look, looking};
use jiff::Timestamp;

const SHORTEST: Duration = Duration::from_secs(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

/// One that looked at second 0 and found nothing wrong.
fn looked() -> Warehouse {
    let mut warehouse = Warehouse::default();
    warehouse.spec.interval = Some("5m".into());
    let found = DiscoveredArtifacts { discovered_at: Some(Time(at(0))), ..DiscoveredArtifacts::default() };
    warehouse.status = Some(looking(&warehouse, at(0)));
    warehouse.status = Some(decide(&warehouse, Found::Artifacts(found), SHORTEST, at(0)).status);
    warehouse
}

#[test]
fn it_looks_again_when_the_interval_is_over() {
    assert_eq!(look(&looked(), SHORTEST, at(60)), Look::After(Duration::from_mins(4)));
    assert!(matches!(look(&looked(), SHORTEST, at(300)), Look::Now(_)));
}

#[test]
fn a_look_that_was_cut_short_is_made_up_for() {
    let mut warehouse = looked();
    warehouse.status = Some(looking(&warehouse, at(300)));
    assert!(matches!(look(&warehouse, SHORTEST, at(10)), Look::Now(_)), "it would stay Reconciling");
}

#[test]
fn fm_36_what_failed_is_tried_again_before_the_interval_is_over() {
    let mut warehouse = looked();
    let failed = Found::Failed("subscription 0: no answer".into());
    warehouse.status = Some(decide(&warehouse, failed, SHORTEST, at(10)).status);
    assert!(matches!(look(&warehouse, SHORTEST, at(11)), Look::Now(_)));
    let found = DiscoveredArtifacts { discovered_at: Some(Time(at(12))), ..DiscoveredArtifacts::default() };
    warehouse.status = Some(decide(&warehouse, Found::Artifacts(found), SHORTEST, at(12)).status);
    assert!(matches!(look(&warehouse, SHORTEST, at(13)), Look::After(_)), "it healed");
    let denied = Err("denied".to_owned());
    let status = warehouse.status.clone().unwrap();
    warehouse.status = Some(created(&warehouse, status, "f", &denied, at(12)));
    assert!(matches!(look(&warehouse, SHORTEST, at(13)), Look::Now(_)), "Freight that could not be made");
}

#[test]
fn a_clock_that_was_set_back_delays_no_look_beyond_the_interval() {
    assert_eq!(look(&looked(), SHORTEST, at(-100_000)), Look::After(Duration::from_mins(5)));
}
