//! The same on a real repository behind the loopback Git server.

use std::sync::Arc;

use ferry_git::{Git, Settings};
use ferry_standin::argocd::Repositories;
use ferry_standin::git_server::{Change, GitServer};
use serde_json::json;
use tempfile::TempDir;

use super::laws;
use super::world::{MENU, World};

/// A Git server with repository `shop`, and our Git.
async fn served() -> (GitServer, Arc<Git>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = GitServer::start(directory.path().join("served")).await.unwrap();
    let git = Arc::new(Git::new(&directory.path().join("cache"), Settings::default()).unwrap());
    (server, git, directory)
}

#[tokio::test]
async fn a_promotion_applies_what_a_real_repository_has() {
    let (server, git, _directory) = served().await;
    let shop = server.create_repository("shop", "main").await.unwrap();
    let first = shop.commit(&Change::on("main", "one").file("app/menu.yaml", MENU)).await.unwrap();
    let world = World::start_with(git).await;
    let source = |revision: &str| json!({"repoURL": server.repository_url("shop"), "path": "app", "targetRevision": revision});
    world.create_app(json!({"source": source("main")})).await;
    world.promote("p.1").await;
    let app = world.until_promoted("p.1").await;
    assert_eq!(app["status"]["sync"]["revision"], first);

    let second = shop
        .commit(&Change::on("main", "two").file("app/menu.yaml", &MENU.replace("mint", "green")))
        .await
        .unwrap();
    world.promote("p.2").await;
    let app = world.until("the second commit", |app| {
        app["status"]["sync"]["revision"] == second && app["status"]["sync"]["status"] == "Synced"
    });
    assert_eq!(app.await["status"]["operationState"]["syncResult"]["revision"], second);
    assert_eq!(world.menu().await["data"], json!({"leaf": "green"}));
    laws::check(&world.versions());
}

#[tokio::test]
async fn a_real_repository_is_read_by_every_form_of_a_revision() {
    let (server, git, _directory) = served().await;
    let shop = server.create_repository("shop", "main").await.unwrap();
    let url = server.repository_url("shop");
    let first = shop
        .commit(&Change::on("main", "one").file("app/a.yaml", MENU).file("app/deep/b.yaml", MENU))
        .await
        .unwrap();
    let second = shop
        .commit(&Change::on("main", "two").file("app/a.yaml", "x: 1").link("app/c.yaml", "a.yaml"))
        .await
        .unwrap();
    shop.tag("v1.0.0", &first, Some("an annotated one"), None).await.unwrap();

    let refs = git.refs(&url).await.unwrap();
    for (name, commit) in [("HEAD", &second), ("refs/heads/main", &second), ("refs/tags/v1.0.0", &first)] {
        assert!(refs.contains(&(name.to_owned(), commit.clone())), "{name} in {refs:?}");
    }
    assert_eq!(git.commit(&url, &first[..7]).await.unwrap(), first);
    let names = async |commit: &str, path: &str, recurse: bool| {
        let files = git.files(&url, commit, path, recurse).await.unwrap();
        files.map(|files| files.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
    };
    assert_eq!(names(&first, "app", false).await, Some(vec!["a.yaml".to_owned()]));
    assert_eq!(names(&first, "app", true).await, Some(vec!["a.yaml".to_owned(), "deep/b.yaml".to_owned()]));
    assert_eq!(names(&second, "app", false).await, Some(vec!["a.yaml".to_owned()]), "links are not followed");
    assert_eq!(names(&first, "no/such", false).await, None);
    assert_eq!(names(&first, "../..", false).await, None);
    assert!(git.files(&url, &"0".repeat(40), "app", false).await.is_err());
    assert!(git.refs(&server.repository_url("nobody")).await.is_err());
}
