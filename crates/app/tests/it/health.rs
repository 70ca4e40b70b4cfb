//! Applications that change while nobody promotes, and those that are not there yet.

use std::time::{Duration, Instant};

use ferry_api::Stage;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::objects::{CONFIG_MAP, application, stage, warehouse};
use crate::world::{World, is_healthy};

const UPDATE: &str = "
- uses: argocd-update
  config:
    apps:
    - name: demo-test
";

/// Stage `test`, whose only step updates Application `demo-test`.
async fn one_stage(world: &World) -> String {
    let app = world.repository("app", &[("settings.yaml", CONFIG_MAP)]).await;
    world.apply(&stage("test", "{direct: true}", UPDATE)).await;
    world.apply(&warehouse("app", &world.git.repository_url("app"))).await;
    app.head("main").await.unwrap().unwrap()
}

fn demo_test(world: &World) -> String {
    application("demo-test", "demo:test", &world.git.repository_url("app"), "main", "demo-test")
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_27_application_not_there_yet() {
    let world = World::start().await;
    let commit = one_stage(&world).await;
    let freight = world.freight_with(&commit).await;
    let name = world.promote("test", &freight).await;
    let waits = |promotion: &ferry_api::Promotion| {
        serde_json::to_string(&promotion.status)
            .is_ok_and(|status| status.contains("demo-test") && status.contains("Running"))
    };
    let waiting = ferry_testkit::until(&world.api("demo"), &name, waits).await.unwrap();
    assert!(!waiting.status.unwrap().phase.unwrap().is_terminal());
    world.apply(&demo_test(&world)).await;
    let status = world.ended(&name).await.status.unwrap();
    assert_eq!(status.phase, Some(ferry_api::PromotionPhase::Succeeded), "{}", status.message);
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_24_and_fm_35_the_stage_follows_its_application_and_writes_nothing_where_nothing_changed() {
    let world = World::start().await;
    let commit = one_stage(&world).await;
    world.apply(&demo_test(&world)).await;
    let freight = world.freight_with(&commit).await;
    world.promoted("test", &freight).await;
    let healthy = world.stage("test", is_healthy).await;

    let patch = |status: &str| json!({"status": {"health": {"status": status}}});
    let set = async |status: &str| {
        let params = PatchParams::default();
        world.applications().patch("demo-test", &params, &Patch::Merge(patch(status))).await.unwrap();
    };
    set("Degraded").await;
    let ill = world.stage("test", |stage| !is_healthy(stage)).await;
    assert_ne!(ill.resource_version(), healthy.resource_version());
    let began = Instant::now();
    set("Healthy").await;
    let well = world.stage("test", is_healthy).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    // A change that says nothing new of its health: a note on the Application, then one that the Stage does show.
    let note = json!({"metadata": {"annotations": {"note": "nothing"}}, "status": {"reconciledAt": "2031-01-01T00:00:00Z"}});
    let api = world.applications();
    api.patch("demo-test", &PatchParams::default(), &Patch::Merge(note)).await.unwrap();
    set("Degraded").await;
    let next = world.stage("test", |stage| !is_healthy(stage)).await;
    let stages = world.api::<Stage>("demo");
    assert_eq!(next.metadata.generation, well.metadata.generation);
    assert_eq!(stages.get("test").await.unwrap().resource_version(), next.resource_version(), "settled");
    let _directory = world.stop().await;
}
