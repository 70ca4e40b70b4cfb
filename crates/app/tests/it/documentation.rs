//! The example of Kargo's documentation, word for word: who may update Application `kargo-demo-test`.

use ferry_api::{Promotion, PromotionPhase};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use crate::objects::{application, project, stage, warehouse};
use crate::world::{World, applications, freight_with};

const UPDATE: &str = "
- uses: argocd-update
  config:
    apps:
    - name: kargo-demo-test
";

/// Promotes to a Stage of a Project: how it ended, and what is said of it.
async fn promote(world: &World, project: &str, stage: &str, commit: &str) -> (PromotionPhase, String) {
    let freight = freight_with(&world.client, project, commit).await;
    let made = ferry_cli::promote::to_stage(&world.client, project, stage, &freight).await.unwrap();
    let ended: Promotion =
        ferry_cli::promote::until_done(&world.client, project, &made.name_any()).await.unwrap();
    let status = ended.status.unwrap();
    (status.phase.unwrap(), status.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_34_stage_test_of_project_kargo_demo_updates_its_application_and_no_other_does() {
    let world = World::with(|_| {}).await;
    let deploy = world.repository("deploy", &[("settings.yaml", crate::objects::CONFIG_MAP)]).await;
    let commit = deploy.head("main").await.unwrap().unwrap();
    let url = world.git.repository_url("deploy");
    for name in ["kargo-demo", "other"] {
        world.apply(&project(name)).await;
        let here = |text: String| text.replace("namespace: demo", &format!("namespace: {name}"));
        for stage_name in ["test", "uat"] {
            world.apply(&here(stage(stage_name, "{direct: true}", UPDATE))).await;
        }
        world.apply(&here(warehouse("app", &url))).await;
    }
    world.apply(&application("kargo-demo-test", "kargo-demo:test", &url, "main", "kargo-demo-test")).await;

    let (phase, message) = promote(&world, "kargo-demo", "test", &commit).await;
    assert_eq!(phase, PromotionPhase::Succeeded, "{message}");
    let updated = applications(&world.client).get("kargo-demo-test").await.unwrap();
    assert_eq!(updated.data["status"]["operationState"]["phase"], "Succeeded");
    for (project, stage) in [("kargo-demo", "uat"), ("other", "test"), ("other", "uat")] {
        let (phase, message) = promote(&world, project, stage, &commit).await;
        assert_ne!(phase, PromotionPhase::Succeeded);
        let wanted = format!("kargo.akuity.io/authorized-stage: \"kargo-demo:test,{project}:{stage}\"");
        assert!(message.contains(&wanted), "{message}");
    }
    let after = applications(&world.client).get("kargo-demo-test").await.unwrap();
    assert_eq!(after.data["status"]["history"].as_array().unwrap().len(), 1, "nobody else has synced it");
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_of_the_readme() {
    let world = World::with(|_| {}).await;
    let greeting = crate::objects::CONFIG_MAP.replace("name: settings", "name: greeting");
    world.repository("greeting", &[("manifests/greeting.yaml", &greeting)]).await;
    let text = include_str!("../../../../examples/tour.yaml");
    world.apply(&text.replace("http://127.0.0.1:7480", &world.git.url())).await;
    let stages: kube::Api<ferry_api::Stage> = world.api("tour");
    ferry_testkit::until(&stages, "test", crate::world::is_healthy).await.unwrap();
    let deployed = world.api::<ConfigMap>("tour-test").get("greeting").await.unwrap();
    assert_eq!(deployed.data.unwrap()["stage"], "test");
    let _directory = world.stop().await;
}
