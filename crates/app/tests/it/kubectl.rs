//! The real `kubectl` on a Ferry alone.

use ferry_api::PromotionPhase;
use ferry_testkit::kubectl;

use crate::journey::three_stages;
use crate::objects::{auto_promotion, project};
use crate::world::{World, is_healthy};

/// As a user of Kargo writes it.
const PROMOTION: &str = "
apiVersion: kargo.akuity.io/v1alpha1
kind: Promotion
metadata:
  generateName: by-hand-
  namespace: demo
spec:
  stage: prod
  freight: FREIGHT
";

/// An account of the Project that may promote, and what it does by `kubectl` with a token of its own.
#[tokio::test(flavor = "multi_thread")]
async fn fm_18_an_account_promotes_as_an_administrator_does_and_is_recorded() {
    let world = World::start().await;
    let Some(kubectl) = kubectl(world.alone.kubeconfig()).unwrap() else { return };
    let freight = world.freight_with(&three_stages(&world).await).await;
    world.stage("test", |_| true).await;
    let text =
        PROMOTION.replace("FREIGHT", freight.metadata.name.as_deref().unwrap()).replace("prod", "test");
    kubectl.run(&["create", "serviceaccount", "robot", "-n", "demo"]).await.unwrap();
    let token = kubectl.run(&["create", "token", "robot", "-n", "demo"]).await.unwrap();
    let as_robot = ["create", "-o", "name", "-f", "-", "--token", token.trim()];
    // A certificate of the administrator's would win over the token.
    let refused = kubectl.run_with(&as_robot, &text).await.unwrap_err().to_string();
    assert!(refused.contains("forbidden") && refused.contains("demo:robot"), "{refused}");
    let role = ["create", "role", "promoter", "-n", "demo", "--verb=promote,create,get"];
    let resources = ["--resource=stages.kargo.akuity.io,promotions.kargo.akuity.io"];
    kubectl.run(&[&role[..], &resources].concat()).await.unwrap();
    let binding = ["create", "rolebinding", "robot", "-n", "demo", "--role=promoter"];
    kubectl.run(&[&binding[..], &["--serviceaccount=demo:robot"]].concat()).await.unwrap();

    let mut statuses = Vec::new();
    for arguments in [&as_robot[..], &as_robot[..5]] {
        let made = kubectl.run_with(arguments, &text).await.unwrap();
        let name = made.trim().strip_prefix("promotion.kargo.akuity.io/").unwrap().to_owned();
        let promotion = world.ended(&name).await;
        let actor = promotion.metadata.annotations.as_ref().unwrap()["kargo.akuity.io/create-actor"].clone();
        let status = promotion.status.unwrap();
        let stage = world
            .stage("test", |stage| {
                let last = stage.status.as_ref().and_then(|s| s.last_promotion.as_ref());
                last.is_some_and(|last| last.name == name)
            })
            .await;
        let seen = stage.status.unwrap().last_promotion.unwrap().status.unwrap();
        statuses.push((actor, status.phase, status.step_execution_metadata.len(), seen.phase));
    }
    let (robot, admin) = (&statuses[0], &statuses[1]);
    assert_eq!(robot.0, "kubernetes:system:serviceaccount:demo:robot");
    assert_eq!(admin.0, "kubernetes:admin");
    assert_eq!((robot.1, robot.2, robot.3), (admin.1, admin.2, admin.3), "the same comes of it");
    assert_eq!(robot.1, Some(PromotionPhase::Succeeded));
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_applying_and_a_promotion_with_a_generated_name() {
    let world = World::with(|_| {}).await;
    let Some(kubectl) = kubectl(world.alone.kubeconfig()).unwrap() else { return };
    let said = kubectl.run_with(&["apply", "-f", "-"], &project("demo")).await.unwrap();
    assert_eq!(said, "project.kargo.akuity.io/demo created\n");
    let config = auto_promotion(&["test", "uat"]);
    kubectl.run_with(&["apply", "-f", "-"], &config).await.unwrap();
    let said = kubectl.run_with(&["apply", "-f", "-"], &config).await.unwrap();
    assert_eq!(said, "projectconfig.kargo.akuity.io/demo unchanged\n");

    let freight = world.freight_with(&three_stages(&world).await).await;
    world.stage("uat", is_healthy).await;
    let name = freight.metadata.name.as_deref().unwrap();
    let text = PROMOTION.replace("FREIGHT", name);
    let made = kubectl.run_with(&["create", "-o", "name", "-f", "-"], &text).await.unwrap();
    let promotion = made.trim().strip_prefix("promotion.kargo.akuity.io/").unwrap();
    assert!(promotion.starts_with("prod."), "{promotion}");
    let status = world.ended(promotion).await.status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);

    let headers =
        |text: &str| text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let stages = kubectl.run(&["get", "stages", "-n", "demo"]).await.unwrap();
    assert_eq!(headers(&stages), "NAME SHARD CURRENT FREIGHT HEALTH READY STATUS AGE");
    assert!(
        stages.lines().filter(|line| line.contains(name) && line.contains("Healthy")).count() >= 2,
        "{stages}"
    );
    let freights = kubectl.run(&["get", "freight", "-n", "demo"]).await.unwrap();
    assert_eq!(headers(&freights), "NAME ALIAS ORIGIN (KIND) ORIGIN (NAME) AGE");
    assert!(freights.contains(freight.alias.as_deref().unwrap()), "{freights}");
    let promotions = kubectl.run(&["get", "promotions", "-n", "demo"]).await.unwrap();
    assert_eq!(headers(&promotions), "NAME SHARD STAGE FREIGHT PHASE AGE");
    assert_eq!(promotions.matches("Succeeded").count(), 3, "{promotions}");
    let all = kubectl.run(&["get", "stages,freight,promotions", "-n", "demo"]).await.unwrap();
    assert!(all.contains("stage.kargo.akuity.io/test") && all.contains("freight.kargo.akuity.io/"), "{all}");

    let described = kubectl.run(&["describe", "promotion", "-n", "demo", promotion]).await.unwrap();
    for event in ["PromotionCreated", "PromotionSucceeded"] {
        assert!(described.contains(event), "its Events are shown: {described}");
    }
    let deleted = kubectl.run(&["delete", "stage", "-n", "demo", "prod"]).await.unwrap();
    assert!(deleted.contains("\"prod\" deleted"), "{deleted}");
    let _directory = world.stop().await;
}
