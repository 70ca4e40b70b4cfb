//! What happens without an operation of anybody's: automated sync, self-heal, deletion, a late start.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::laws;
use super::world::{MENU, URL, World};

#[tokio::test]
async fn an_automated_policy_syncs_by_itself_and_heals_what_is_changed_by_hand() {
    let world = World::start().await;
    let commit = world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({"syncPolicy": {"automated": {"selfHeal": true}}})).await;
    let app = world
        .until("the sync", |app| {
            app["status"]["sync"]["status"] == "Synced" && app.get("operation").is_none()
        })
        .await;
    assert_eq!(app["status"]["history"][0]["initiatedBy"], json!({"automated": true}));
    assert_eq!(app["status"]["history"][0]["revision"], commit);

    let api = world.api("v1", "ConfigMap", "tea");
    api.patch("menu", &PatchParams::default(), &Patch::Merge(json!({"data": {"leaf": "coffee"}})))
        .await
        .unwrap();
    world
        .until("the healing", |app| {
            !app["status"]["operationState"]["operation"]["sync"]["autoHealAttemptsCount"].is_null()
                && app["status"]["operationState"]["phase"] == "Succeeded"
                && app["status"]["sync"]["status"] == "Synced"
        })
        .await;
    assert_eq!(world.menu().await["data"], json!({"leaf": "mint"}));
    laws::check(&world.versions());
}

#[tokio::test]
async fn a_change_by_hand_shows_at_once_without_a_policy() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    let before = world.until_promoted("p.1").await;
    world.api("v1", "ConfigMap", "tea").delete("menu", &DeleteParams::default()).await.unwrap();
    let app = world.until("the loss", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert_eq!(app["status"]["health"]["status"], "Missing");
    assert_eq!(app["status"]["reconciledAt"], before["status"]["reconciledAt"], "nobody asked Git");
}

#[tokio::test]
async fn deletion_with_the_finalizer_takes_the_objects_along() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    world.patch_app(json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}})).await;
    world.promote("p.1").await;
    world.until_promoted("p.1").await;
    let api = world.api("argoproj.io/v1alpha1", "Application", "argocd");
    api.delete("shop", &DeleteParams::default()).await.unwrap();
    world.until("the end", |app| app["gone"] == true).await;
    assert!(world.menu().await.is_null());

    world.create_app(json!({})).await;
    world.promote("p.2").await;
    world.until_promoted("p.2").await;
}

#[tokio::test]
async fn an_application_that_is_to_be_left_alone_is() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    world.until("the first comparison", |app| !app["status"]["sync"].is_null()).await;
    world
        .patch_app(json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}}))
        .await;
    world.promote("p.1").await;
    let asked = world.until("the patch", |app| app.get("operation").is_some()).await;
    world.patch_app(json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": null}}})).await;
    world.until_promoted("p.1").await;
    let versions = world.versions();
    let at = versions.iter().position(|version| *version == asked).unwrap();
    let next = &versions[at + 1];
    assert!(
        next["metadata"]["annotations"]["argocd.argoproj.io/skip-reconcile"].is_null(),
        "nothing happened in between"
    );
}

#[tokio::test]
async fn definitions_that_come_later_are_found() {
    let world = World::without_definitions().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.install().await;
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    world.until_promoted("p.1").await;
}

#[tokio::test]
async fn an_operation_that_is_to_stop_between_attempts_stops() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    let destination = json!({"server": "https://kubernetes.default.svc", "namespace": "void"});
    world.create_app(json!({"destination": destination})).await;
    world.patch_app(json!({"operation": {"retry": {"limit": 5}, "sync": {}}})).await;
    world.until("the pause", |app| app["status"]["operationState"]["retryCount"] == 1).await;
    world.patch_app(json!({"status": {"operationState": {"phase": "Terminating"}}})).await;
    let app = world.until("the end", |app| app["status"]["operationState"]["phase"] == "Failed").await;
    assert_eq!(app["status"]["operationState"]["message"], "Operation terminated (retried 1 times).");
}
