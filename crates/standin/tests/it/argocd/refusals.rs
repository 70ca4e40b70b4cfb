//! Operations and specs that cannot work: where it shows, and that nothing else is harmed.

use serde_json::{Value, json};

use super::laws;
use super::world::{MENU, URL, World};

fn is_over(app: &Value, phase: &str) -> bool {
    app["status"]["operationState"]["phase"] == phase && app.get("operation").is_none()
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_shows_as_unknown_and_heals() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.git.set_down(URL, true);
    world.create_app(json!({})).await;
    let app = world.until("the error", |app| app["status"]["sync"]["status"] == "Unknown").await;
    assert_eq!(app["status"]["conditions"][0]["type"], "ComparisonError");
    assert_eq!(app["status"]["health"]["status"], "Healthy");
    assert_eq!(app["status"]["sync"]["revision"], "main");
    world.promote("p.1").await;
    let app = world.until("the failure", |app| is_over(app, "Error")).await;
    let message = app["status"]["operationState"]["message"].as_str().unwrap();
    assert!(message.starts_with("ComparisonError: ") && message.contains("not found"), "{message}");

    world.git.set_down(URL, false);
    world.promote("p.2").await;
    let app = world.until_promoted("p.2").await;
    assert!(app["status"].get("conditions").is_none());
    laws::check(&world.versions());
}

#[tokio::test]
async fn an_unknown_kind_fails_the_operation_before_anything_is_applied() {
    let world = World::start().await;
    let kettle = "apiVersion: kettles.test/v1\nkind: Kettle\nmetadata: {name: big}\n";
    world.git.push(URL, "main", &[("app/a.yaml", Some(&format!("{MENU}---\n{kettle}")))]);
    world.create_app(json!({})).await;
    world.promote("p.1").await;
    let app = world.until("the failure", |app| is_over(app, "Failed")).await;
    let entry = &app["status"]["operationState"]["syncResult"]["resources"][0];
    assert_eq!((entry["kind"].as_str(), entry["status"].as_str()), (Some("Kettle"), Some("SyncFailed")));
    assert!(world.menu().await.is_null());
    assert!(app["status"].get("history").is_none());
    laws::check(&world.versions());
}

#[tokio::test]
async fn a_namespace_that_is_missing_fails_the_operation() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    let destination = json!({"server": "https://kubernetes.default.svc", "namespace": "void"});
    world.create_app(json!({"destination": destination})).await;
    world.promote("p.1").await;
    let app = world.until("the failure", |app| is_over(app, "Failed")).await;
    let message = app["status"]["operationState"]["message"].as_str().unwrap();
    assert!(message.contains("failed to apply") && message.contains("void"), "{message}");
}

#[tokio::test]
async fn a_missing_project_makes_the_spec_invalid_for_ever() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({"project": "nobody"})).await;
    world.promote("p.1").await;
    let app = world.until("the failure", |app| {
        is_over(app, "Error") && app["metadata"]["annotations"]["argocd.argoproj.io/refresh"].is_null()
    });
    let app = app.await;
    assert_eq!(app["status"]["conditions"][0]["type"], "InvalidSpecError");
    assert_eq!(app["status"]["health"]["status"], "Unknown");
    assert!(app["status"].get("reconciledAt").is_none());

    let project = json!({"metadata": {"name": "nobody"}, "spec": {
        "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
    }});
    world.create("argoproj.io/v1alpha1", "AppProject", "argocd", project).await;
    world.promote("p.2").await;
    world.until_promoted("p.2").await;
}

#[tokio::test]
async fn an_operation_without_sync_is_an_error_without_a_result() {
    let world = World::start().await;
    world.git.push(URL, "main", &[("app/menu.yaml", Some(MENU))]);
    world.create_app(json!({})).await;
    world.patch_app(json!({"operation": {}})).await;
    let app = world.until("the failure", |app| is_over(app, "Error")).await;
    assert_eq!(
        app["status"]["operationState"]["message"],
        "Invalid operation request: no operation specified"
    );
    assert!(app["status"]["operationState"].get("syncResult").is_none());
}
