//! Operations that succeed: from the patch of a promotion to the objects in the cluster.

use serde_json::json;

use super::laws;
use super::world::{MENU, URL, World};

#[tokio::test]
async fn a_promotion_is_synced_and_every_version_keeps_the_laws() {
    let world = World::start().await;
    let commit = world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    let missing =
        world.until("the first comparison", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert_eq!(missing["status"]["health"]["status"], "Missing");

    world.promote("p.1").await;
    let app = world.until_promoted("p.1").await;
    assert_eq!(app["status"]["sync"]["revision"], commit);
    assert_eq!(app["status"]["health"]["status"], "Healthy");
    let state = &app["status"]["operationState"];
    assert_eq!(state["message"], "successfully synced (all tasks run)");
    assert_eq!(state["syncResult"]["revision"], commit);
    assert_eq!(state["syncResult"]["resources"][0]["message"], "configmap/menu created");
    assert_eq!(app["status"]["history"][0]["revision"], commit);

    let menu = world.menu().await;
    assert_eq!(menu["data"], json!({"leaf": "mint"}));
    assert_eq!(menu["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], "shop:/ConfigMap:tea/menu");

    let versions = world.versions();
    laws::check(&versions);
    assert_eq!(laws::sequence(&versions, "/status/operationState/phase"), ["", "Running", "Succeeded"]);
    assert_eq!(laws::sequence(&versions, "/status/sync/status"), ["", "OutOfSync", "Synced"]);
}

#[tokio::test]
async fn a_new_commit_is_seen_on_refresh_and_applied_by_the_next_operation() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(&format!("{MENU}  cup: big\n")))]);
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    world.until_promoted("p.1").await;
    let newer = world.git.push(URL, "main", &[("app/menu.yaml", Some(&MENU.replace("mint", "green")))]);

    world.patch_app(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "whatever"}}})).await;
    let behind = world.until("the refresh", |app| app["status"]["sync"]["revision"] == newer).await;
    assert_eq!(behind["status"]["sync"]["status"], "OutOfSync");

    world.promote("p.2").await;
    let app = world.until_promoted("p.2").await;
    assert_eq!(app["status"]["history"].as_array().unwrap().len(), 2);
    assert_eq!(app["status"]["history"][1]["id"], 1);
    assert_eq!(world.menu().await["data"], json!({"leaf": "green"}), "what Git has no longer is gone");
    laws::check(&world.versions());
}

#[tokio::test]
async fn what_git_has_no_longer_is_kept_until_pruning_is_asked_for() {
    let world = World::start().await;
    let side = MENU.replace("menu", "side");
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU)), ("app/side.yaml", Some(&side))]);
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    world.until_promoted("p.1").await;
    world.git.push(URL, "main", &[("app/side.yaml", None)]);

    world.promote("p.2").await;
    let is_kept = |app: &serde_json::Value| {
        app["status"]["operationState"]["operation"]["info"][0]["value"] == "p.2"
            && app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["resources"][1]["requiresPruning"] == true
    };
    world.until("kept", is_kept).await;
    assert!(!world.get("v1", "ConfigMap", "tea", "side").await.is_null());

    world.patch_app(json!({"operation": {"sync": {"prune": true}}})).await;
    let app = world
        .until("pruned", |app| app["status"]["sync"]["status"] == "Synced" && app.get("operation").is_none())
        .await;
    assert_eq!(app["status"]["resources"].as_array().unwrap().len(), 1);
    assert!(world.get("v1", "ConfigMap", "tea", "side").await.is_null());
    laws::check(&world.versions());
}

#[tokio::test]
async fn each_of_several_sources_has_its_revision() {
    let world = World::start().await;
    let other = "https://git.test/other.git";
    let first = world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    let second = world.git.push(other, "main", &[("deep/side.yaml", Some(&MENU.replace("menu", "side")))]);
    world.git.push(other, "main", &[("deep/side.yaml", Some("kind: x"))]);
    world.git.tag(other, "v1.2.0", &second);
    let sources = json!([
        {"repoURL": URL, "path": "app", "targetRevision": "HEAD"},
        {"repoURL": other, "path": "deep", "targetRevision": "^1.0.0"},
    ]);
    world.create_app(json!({"source": null, "sources": sources})).await;
    world.promote("p.1").await;
    let app = world.until_promoted("p.1").await;
    assert_eq!(app["status"]["sync"]["revisions"], json!([first, second]));
    assert_eq!(app["status"]["operationState"]["syncResult"]["revisions"], json!([first, second]));
    assert_eq!(app["status"]["history"][0]["sources"], sources);
    assert_eq!(world.get("v1", "ConfigMap", "tea", "side").await["data"], json!({"leaf": "mint"}));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    world.patch_app(json!({"operation": {"sync": {"dryRun": true}}})).await;
    let app = world.until("the end", |app| app["status"]["operationState"]["phase"] == "Succeeded").await;
    assert_eq!(
        app["status"]["operationState"]["syncResult"]["resources"][0]["message"],
        "configmap/menu created (dry run)"
    );
    assert!(app["status"].get("history").is_none());
    assert!(world.menu().await.is_null());
}

#[tokio::test]
async fn the_namespace_is_made_where_the_options_ask_for_it() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    let destination = json!({"server": "https://kubernetes.default.svc", "namespace": "fresh"});
    world.create_app(json!({"destination": destination})).await;
    world.patch_app(json!({"operation": {"sync": {"syncOptions": ["CreateNamespace=true"]}}})).await;
    world.until("the sync", |app| app["status"]["sync"]["status"] == "Synced").await;
    assert!(!world.get("v1", "ConfigMap", "fresh", "menu").await.is_null());
}
