//! What people do while a Promotion runs or waits: they stop it, delete it, or take away what it needs.

use std::time::Duration;

use ferry_api::{Freight, Promotion, PromotionPhase, Stage};
use ferry_testkit::{PATIENCE, Silent, until, until_gone};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use serde_json::json;

use crate::objects::{stage, warehouse};
use crate::world::{World, commit};

/// A step that waits, for an Application that nobody makes.
const WAITING: &str = "
- uses: compose-output
  config: {a: b}
- uses: argocd-update
  config:
    apps: [{name: nobody}]
";

/// A Stage whose Promotions wait, and Freight for it.
pub async fn waiting_stage(world: &World) -> Freight {
    let repository = world.repository("app", &[("a", "1")]).await;
    let id = commit(&repository, "main", "Second", &[("a", "2")]).await;
    world.apply(&warehouse("app", &world.git.repository_url("app"))).await;
    world.apply(&stage("test", "{direct: true}", WAITING)).await;
    world.freight_with(&id).await
}

pub async fn at_work(world: &World, name: &str) {
    let waits = |p: &Promotion| {
        let on = p.status.as_ref().and_then(|s| s.waiting.as_ref()).map(|w| w.reason.as_str());
        p.phase() == Some(PromotionPhase::Running) && on.is_some_and(|on| !on.ends_with("is at work"))
    };
    until(&world.api::<Promotion>("demo"), name, waits).await.unwrap();
}

async fn abort(world: &World, name: &str) -> Promotion {
    let request = json!({"action": "terminate", "actor": "admin"}).to_string();
    let patch = json!({"metadata": {"annotations": {"kargo.akuity.io/abort": request}}});
    let api = world.api::<Promotion>("demo");
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    world.ended(name).await
}

/// Returns when an Event with this reason tells of a Promotion; there is one.
pub async fn told_once(world: &World, promotion: &str, reason: &str) -> Event {
    let told = |e: &Event| {
        e.reason.as_deref() == Some(reason) && e.involved_object.name.as_deref() == Some(promotion)
    };
    let api = world.api::<Event>("demo");
    let seen = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    let mut seen = seen.filter_map(|event| std::future::ready(event.ok().filter(told))).boxed();
    let event = tokio::time::timeout(PATIENCE, seen.next()).await.expect("an Event tells of it").unwrap();
    let all = api.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.iter().filter(|e| told(e)).count(), 1, "{promotion}");
    event
}

fn left(directory: &tempfile::TempDir) -> Vec<std::ffi::OsString> {
    let work = std::fs::read_dir(directory.path().join("data/work")).unwrap();
    work.map(|entry| entry.unwrap().file_name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_15_promotions_that_run_or_wait_are_stopped_with_an_event() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let first = world.promote("test", &freight).await;
    at_work(&world, &first).await;
    let second = world.promote("test", &freight).await;
    let third = world.promote("test", &freight).await;
    for name in [&second, &first] {
        let status = abort(&world, name).await.status.unwrap();
        assert_eq!(status.phase, Some(PromotionPhase::Aborted));
        assert_eq!(status.message, "Promotion terminated by kubernetes:admin");
    }
    at_work(&world, &third).await;
    for name in [&first, &second] {
        told_once(&world, name, "PromotionAborted").await;
    }
    abort(&world, &third).await;
    assert!(left(&world.stop().await).is_empty());
}

/// Processes of this machine whose command line has these words.
fn processes_with(words: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
    all.map(line).filter(|line| String::from_utf8_lossy(line).contains(words)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_15_fm_59_an_abort_ends_a_clone_from_a_server_that_never_answers_and_its_process() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let mut silent = Silent::start().await.unwrap();
    let url = format!("{}/never.git", silent.url());
    let steps =
        format!("- uses: git-clone\n  config: {{repoURL: {url}, checkout: [{{branch: main, path: a}}]}}\n");
    world.apply(&stage("clones", "{direct: true}", &steps)).await;
    let name = world.promote("clones", &freight).await;
    silent.until_called().await.unwrap();
    let waits = |p: &Promotion| {
        let waiting = p.status.as_ref().and_then(|s| s.waiting.clone());
        waiting.is_some_and(|w| w.reason.contains("(git-clone) is at work"))
    };
    until(&world.api::<Promotion>("demo"), &name, waits).await.unwrap();
    assert!(processes_with(&url) > 0, "git is at work");
    let asked = std::time::Instant::now();
    let status = abort(&world, &name).await.status.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(status.phase, Some(PromotionPhase::Aborted));
    let step = &status.step_execution_metadata[0];
    assert_eq!(step.status, Some(ferry_api::promotion::StepStatus::Aborted));
    // No event tells of the end of somebody else's process.
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while processes_with(&url) > 0 {
        assert!(asked.elapsed() < Duration::from_secs(5), "git goes on after the end");
        looks.tick().await;
    }
    let version = |p: &Promotion| p.metadata.resource_version.clone();
    let promotions = world.api::<Promotion>("demo");
    let ended = version(&promotions.get(&name).await.unwrap());
    // Meanwhile another one runs, to where it waits.
    let other = world.promote("test", &freight).await;
    at_work(&world, &other).await;
    assert_eq!(version(&promotions.get(&name).await.unwrap()), ended, "nothing is written after the end");
    abort(&world, &other).await;
    assert!(left(&world.stop().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_04_a_promotion_that_is_deleted_while_it_runs_makes_room_and_leaves_nothing() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let first = world.promote("test", &freight).await;
    at_work(&world, &first).await;
    let second = world.promote("test", &freight).await;
    let promotions = world.api::<Promotion>("demo");
    promotions.delete(&first, &DeleteParams::default()).await.unwrap();
    at_work(&world, &second).await;
    promotions.delete(&second, &DeleteParams::default()).await.unwrap();
    let idle = |s: &Stage| s.status.as_ref().is_some_and(|s| s.current_promotion.is_none());
    world.stage("test", idle).await;
    assert!(left(&world.stop().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_deleted_takes_its_running_promotion_with_it() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let name = world.promote("test", &freight).await;
    at_work(&world, &name).await;
    world.api::<Stage>("demo").delete("test", &DeleteParams::default()).await.unwrap();
    until_gone(&world.api::<Stage>("demo"), "test").await.unwrap();
    until_gone(&world.api::<Promotion>("demo"), &name).await.unwrap();
    // A Stage of that name may come again.
    world.apply(&stage("test", "{direct: true}", WAITING)).await;
    let again = world.promote("test", &freight).await;
    at_work(&world, &again).await;
    abort(&world, &again).await;
    assert!(left(&world.stop().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn freight_that_is_deleted_before_its_turn_ends_the_promotion_with_words() {
    let world = World::start().await;
    let freight = waiting_stage(&world).await;
    let first = world.promote("test", &freight).await;
    at_work(&world, &first).await;
    let second = world.promote("test", &freight).await;
    let name = freight.name_any();
    world.api::<Freight>("demo").delete(&name, &DeleteParams::default()).await.unwrap();
    abort(&world, &first).await;
    let status = world.ended(&second).await.status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Errored));
    assert!(
        status.message.contains(&name) && status.message.contains("does not exist"),
        "{}",
        status.message
    );
    assert!(left(&world.stop().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_64_many_warehouses_of_a_dead_server_hold_up_no_other() {
    let world = World::start().await;
    let mut silent = Silent::start().await.unwrap();
    for n in 0..20 {
        world.apply(&warehouse(&format!("stuck-{n}"), &format!("{}/{n}.git", silent.url()))).await;
    }
    silent.until_called().await.unwrap();
    waiting_stage(&world).await;
    // Not stopped in order: the silent server would take its whole grace.
}
