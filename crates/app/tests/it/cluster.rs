//! Controllers in a process of their own, on an API server that is somebody else's: over TLS, one active by a Lease.

use ferry_api::PromotionPhase;
use ferry_app::manifests;
use ferry_standin::git_server::GitServer;

use crate::objects::{CONFIG_MAP, application, project, rendering_steps, stage, warehouse};
use crate::process::{Ferry, client_of};
use crate::world::{commit, ended, freight_with, promote};

#[tokio::test(flavor = "multi_thread")]
async fn controllers_work_on_another_api_server_and_the_next_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let git = GitServer::start(path("repositories")).await.unwrap();
    let mut server = Ferry::start(&path("server"), &["--api-only", "--listen", "127.0.0.1:0"]);
    server.ready().await;
    let kubeconfig = path("server").join("kubeconfig");
    // The repositories are on this machine, which a Ferry on a cluster does not reach by itself.
    let on_it = ["--kubeconfig", kubeconfig.to_str().unwrap(), "--standin", "--egress-open", "127.0.0.0/8"];
    let mut first = Ferry::start(&path("first"), &on_it);
    assert!(first.ready().await.contains("ready on the cluster of"));
    let second = Ferry::start(&path("second"), &on_it);

    let client = client_of(&path("server")).await;
    let app = git.create_repository("app", "main").await.unwrap();
    git.create_repository("deploy", "main").await.unwrap();
    let one = commit(&app, "main", "First", &[("manifests/settings.yaml", CONFIG_MAP)]).await;
    let (app_url, deploy) = (git.repository_url("app"), git.repository_url("deploy"));
    let steps = rendering_steps(&app_url, &deploy, "stage/test", "demo-test");
    for text in [
        crate::objects::APP_PROJECT.to_owned(),
        project("demo"),
        stage("test", "{direct: true}", &steps),
        application("demo-test", "demo:test", &deploy, "stage/test", "demo-test"),
        warehouse("app", &app_url),
    ] {
        manifests::apply(&client, &text).await.unwrap();
    }
    let freight = freight_with(&client, "demo", &one).await;
    let promotion = ended(&client, &promote(&client, "test", &freight).await).await;
    let status = promotion.status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);

    assert_eq!(first.terminate().await.code(), Some(0));
    let mut second = second;
    second.ready().await;
    let promotion = ended(&client, &promote(&client, "test", &freight).await).await;
    assert_eq!(promotion.status.unwrap().phase, Some(PromotionPhase::Succeeded));
    assert_eq!(second.terminate().await.code(), Some(0));
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_reached_is_named_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("server");
    let mut server = Ferry::start(&data, &["--api-only", "--listen", "127.0.0.1:0"]);
    let ready = server.ready().await;
    let address = ready.split_whitespace().find_map(|word| word.strip_prefix("https://")).unwrap().to_owned();
    server.kill().await;
    let kubeconfig = data.join("kubeconfig");
    let on_it = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    let mut controllers = Ferry::start(&directory.path().join("controllers"), &on_it);
    let said = controllers.says("cannot be reached").await;
    assert!(said.contains("kubeconfig") && said.contains("trying again"), "{said}");
    let mut server = Ferry::start(&data, &["--api-only", "--listen", &address]);
    server.ready().await;
    controllers.ready().await;
    assert_eq!(controllers.terminate().await.code(), Some(0));
    server.kill().await;
}
