//! From a commit to the Applications of all three Stages.

use ferry_api::PromotionPhase;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use serde_json::json;

use crate::objects::{application, auto_promotion, rendering_steps, stage, warehouse};
use crate::world::{World, commit, is_healthy, output, promotions_to};

/// Repositories `app` and `deploy`, Stages test → uat → prod, each with an Application of its own.
pub async fn three_stages(world: &World) -> String {
    let app = world.repository("app", &[("manifests/settings.yaml", crate::objects::CONFIG_MAP)]).await;
    world.repository("deploy", &[("README.md", "branches\n")]).await;
    let (app_url, deploy_url) = (world.git.repository_url("app"), world.git.repository_url("deploy"));
    let mut sources = "{direct: true}".to_owned();
    for name in ["test", "uat", "prod"] {
        let branch = format!("stage/{name}");
        let steps = rendering_steps(&app_url, &deploy_url, &branch, &format!("demo-{name}"));
        world.apply(&stage(name, &sources, &steps)).await;
        let authorized = format!("demo:{name}");
        let place = format!("demo-{name}");
        world.apply(&application(&format!("demo-{name}"), &authorized, &deploy_url, &branch, &place)).await;
        sources = format!("{{stages: [{name}]}}");
    }
    world.apply(&warehouse("app", &app_url)).await;
    app.head("main").await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_travels_by_itself_to_uat_and_by_hand_to_prod() {
    let world = World::start().await;
    world.apply(&auto_promotion(&["test", "uat"])).await;
    let first = three_stages(&world).await;
    let freight = world.freight_with(&first).await;

    let uat = world.stage("uat", is_healthy).await;
    assert_eq!(uat.status.unwrap().freight_summary, Some(freight.name_any()));
    assert!(promotions_to(&world.client, "prod").await.is_empty(), "prod waits for a person");
    let promotion = world.promoted("prod", &freight).await;

    for name in ["test", "uat", "prod"] {
        let branch = format!("stage/{name}");
        let log = world.git.repository("deploy").unwrap().log(&branch).await.unwrap();
        let head = log.last().unwrap();
        assert_eq!(head.message, format!("{name} takes {first}"));
        let sync = json!({"status": "Synced", "revision": head.id});
        world
            .application(&format!("demo-{name}"), |app| {
                sync.as_object()
                    .unwrap()
                    .iter()
                    .all(|(field, value)| &app.data["status"]["sync"][field] == value)
            })
            .await;
        let deployed = world.api::<ConfigMap>(&format!("demo-{name}")).get("settings").await.unwrap();
        assert_eq!(deployed.data.unwrap()["stage"], name);
        world.stage(name, is_healthy).await;
    }
    let head = world.git.repository("deploy").unwrap().head("stage/prod").await.unwrap();
    assert_eq!(Some(output(&promotion, "push", "commit")), head);
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_commit_follows_and_each_stage_makes_one_promotion_for_it() {
    let world = World::start().await;
    world.apply(&auto_promotion(&["test", "uat"])).await;
    let first = three_stages(&world).await;
    let freight = world.freight_with(&first).await;
    world.stage("uat", is_healthy).await;

    let app = world.git.repository("app").unwrap();
    let text = crate::objects::CONFIG_MAP.replace("data:", "data:\n  more: \"yes\"");
    let second = commit(&app, "main", "Second", &[("manifests/settings.yaml", &text)]).await;
    world.refresh_warehouse("app").await;
    let next = world.freight_with(&second).await;
    assert_ne!(next.name_any(), freight.name_any());
    world
        .stage("uat", |stage| {
            stage.status.as_ref().is_some_and(|s| s.freight_summary == Some(next.name_any()))
                && is_healthy(stage)
        })
        .await;
    for name in ["test", "uat"] {
        let promotions = promotions_to(&world.client, name).await;
        let phases: Vec<_> = promotions.iter().map(|p| p.status.as_ref().unwrap().phase.unwrap()).collect();
        assert_eq!(phases, [PromotionPhase::Succeeded; 2], "{name}");
        let deployed = world.api::<ConfigMap>(&format!("demo-{name}")).get("settings").await.unwrap();
        assert_eq!(deployed.data.unwrap()["more"], "yes");
    }
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_59_work_directories_are_gone_after_success_and_failure() {
    let world = World::start().await;
    let first = three_stages(&world).await;
    let fails = "- uses: compose-output\n  config: {a: b}\n- uses: fail\n  config: {message: no}";
    world.apply(&stage("failing", "{direct: true}", fails)).await;
    let freight = world.freight_with(&first).await;
    world.promoted("test", &freight).await;
    let (phase, _) = world.failed("failing", &freight).await;
    assert_eq!(phase, PromotionPhase::Failed);
    let directory = world.stop().await;
    let left: Vec<_> = std::fs::read_dir(directory.path().join("data/work"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
