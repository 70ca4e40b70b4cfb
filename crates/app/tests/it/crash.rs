//! SIGKILL in the middle of a Promotion: after a restart everything has happened, and once.

use std::path::Path;
use std::time::Duration;

use ferry_api::{Freight, Promotion, PromotionPhase};
use ferry_app::manifests;
use ferry_standin::git_server::{GitServer, Service};
use ferry_testkit::until;
use kube::api::DynamicObject;
use kube::{Api, Client};
use tempfile::TempDir;

use crate::objects::{CONFIG_MAP, application, project, rendering_steps, stage, warehouse};
use crate::process::{Ferry, client_of};
use crate::world::{applications, commit, ended, freight_with, output, promote};

/// A `ferry` of its own process, and what outlives it: data and Git.
struct Scene {
    git: GitServer,
    directory: TempDir,
    freight: Freight,
    client: Client,
    ferry: Ferry,
}

impl Scene {
    /// Stage `test` of Project `demo` pushes the files to branch `stage/test`, which is there already.
    async fn start(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let git = GitServer::start(directory.path().join("repositories")).await.unwrap();
        let app = git.create_repository("app", "main").await.unwrap();
        let deploy = git.create_repository("deploy", "stage/test").await.unwrap();
        commit(&deploy, "stage/test", "Before", &[("README.md", "rendered\n")]).await;
        let one = commit(&app, "main", "First", files).await;
        let data = directory.path().join("data");
        let ferry = Ferry::alone(&data).await;
        let client = client_of(&data).await;
        let (app_url, deploy_url) = (git.repository_url("app"), git.repository_url("deploy"));
        let steps = rendering_steps(&app_url, &deploy_url, "stage/test", "demo-test");
        for text in [
            crate::objects::APP_PROJECT.to_owned(),
            project("demo"),
            stage("test", "{direct: true}", &steps),
            application("demo-test", "demo:test", &deploy_url, "stage/test", "demo-test"),
            warehouse("app", &app_url),
        ] {
            manifests::apply(&client, &text).await.unwrap();
        }
        let freight = freight_with(&client, "demo", &one).await;
        git.reset_counts();
        Self { git, directory, freight, client, ferry }
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    /// Kills, starts again, and checks that the Promotion ends well with one commit and one operation of its name.
    async fn killed(mut self, promotion: &str, meanwhile: impl FnOnce()) {
        self.ferry.kill().await;
        meanwhile();
        let data = self.directory.path().join("data");
        self.ferry = Ferry::alone(&data).await;
        self.client = client_of(&data).await;
        let ended = ended(&self.client, promotion).await;
        let status = ended.status.clone().unwrap();
        assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);
        let log = self.git.repository("deploy").unwrap().log("stage/test").await.unwrap();
        assert_eq!(log.len(), 2, "one commit: {log:?}");
        assert_eq!(output(&ended, "push", "commit"), log.last().unwrap().id);
        let api = applications(&self.client);
        let is_synced = |app: &DynamicObject| app.data["status"]["operationState"]["phase"] == "Succeeded";
        let application = until(&api, "demo-test", is_synced).await.unwrap();
        assert_eq!(application.data["status"]["history"].as_array().unwrap().len(), 1, "one operation");
        let info = application.data["status"]["operationState"]["operation"]["info"].to_string();
        assert!(info.contains(promotion), "{info}");
        self.ferry.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_06_kill_while_a_push_is_on_its_way() {
    let scene = Scene::start(&[("manifests/settings.yaml", CONFIG_MAP)]).await;
    let hold = scene.git.hold("/deploy.git", Service::Push);
    let name = promote(&scene.client, "test", &scene.freight).await;
    scene.git.until(|counts| counts.push == 1).await;
    scene.killed(&name, || drop(hold)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_06_kill_between_a_push_and_the_note_of_it() {
    let scene = Scene::start(&[("manifests/settings.yaml", CONFIG_MAP)]).await;
    let deploy = scene.git.repository("deploy").unwrap();
    let before = deploy.head("stage/test").await.unwrap();
    let name = promote(&scene.client, "test", &scene.freight).await;
    // The branch moves a moment before the client can know of it.
    let mut look = tokio::time::interval(Duration::from_millis(1));
    while deploy.head("stage/test").await.unwrap() == before {
        look.tick().await;
    }
    scene.killed(&name, || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_inside_a_step_that_edits_files() {
    let names: Vec<String> = (0..1500).map(|n| format!("manifests/many/{n:04}.txt")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "some text\n")).collect();
    files.push(("manifests/settings.yaml", CONFIG_MAP));
    let scene = Scene::start(&files).await;
    let name = promote(&scene.client, "test", &scene.freight).await;
    let work = scene.data().join("work");
    until_copying(&work).await;
    scene.killed(&name, || {}).await;
}

/// Returns when some of the many files, and not all, are in the copy.
async fn until_copying(work: &Path) {
    let mut look = tokio::time::interval(Duration::from_millis(1));
    let found = async {
        loop {
            look.tick().await;
            let (_, copied) = count(work, false);
            if copied > 20 {
                return;
            }
        }
    };
    tokio::time::timeout(ferry_testkit::PATIENCE, found).await.expect("the copy begins");
}

/// Files of the source and of the copy below a directory.
fn count(directory: &Path, in_source: bool) -> (usize, usize) {
    let mut sum = (0, 0);
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        if name == ".git" {
            continue;
        }
        let (source, copied) = if is_directory {
            count(&entry.path(), in_source || name == "src" || name == "manifests")
        } else if name.to_string_lossy().ends_with(".txt") {
            if in_source { (1, 0) } else { (0, 1) }
        } else {
            (0, 0)
        };
        sum = (sum.0 + source, sum.1 + copied);
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_while_the_application_syncs() {
    let scene = Scene::start(&[("manifests/settings.yaml", CONFIG_MAP)]).await;
    let name = promote(&scene.client, "test", &scene.freight).await;
    let asked = |app: &DynamicObject| {
        app.data["operation"]["info"].to_string().contains(&name)
            || app.data["status"]["operationState"]["operation"]["info"].to_string().contains(&name)
    };
    until(&applications(&scene.client), "demo-test", asked).await.unwrap();
    scene.killed(&name, || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_step_at_work_end_and_the_rest_resumes() {
    let scene = Scene::start(&[("manifests/settings.yaml", CONFIG_MAP)]).await;
    let hold = scene.git.hold("/deploy.git", Service::Push);
    let name = promote(&scene.client, "test", &scene.freight).await;
    scene.git.until(|counts| counts.push == 1).await;
    let Scene { git, directory, ferry, .. } = scene;
    let (status, ()) = tokio::join!(ferry.terminate(), async {
        drop(hold);
    });
    assert_eq!(status.code(), Some(0));
    let log = git.repository("deploy").unwrap().log("stage/test").await.unwrap();
    assert_eq!(log.len(), 2, "the push had its time");
    let data = directory.path().join("data");
    let ferry = Ferry::alone(&data).await;
    let client = client_of(&data).await;
    let promotions: Api<Promotion> = Api::namespaced(client.clone(), "demo");
    assert!(promotions.get(&name).await.is_ok());
    let status = ended(&client, &name).await.status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);
    assert_eq!(git.repository("deploy").unwrap().log("stage/test").await.unwrap().len(), 2);
    assert_eq!(ferry.terminate().await.code(), Some(0));
}
