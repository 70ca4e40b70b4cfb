//! Starting: what is wrong is said in one clear line, with an exit code.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ferry_api::{Promotion, PromotionPhase};
use ferry_app::manifests;
use ferry_git::{Git, Settings as GitSettings};
use ferry_standin::argocd::Settings as StandinSettings;
use ferry_standin::git_server::GitServer;
use ferry_testkit::{PATIENCE, until};
use kube::Api;
use kube::config::{KubeConfigOptions, Kubeconfig, NamedAuthInfo};
use tokio_util::sync::CancellationToken;

use crate::objects::{application, project, stage, warehouse};
use crate::process::{Ferry, client_of, ferry, ferry_with};
use crate::world::{commit, ended, freight_with, promote};

const ANY_PORT: &str = "127.0.0.1:0";

#[tokio::test]
async fn a_second_ferry_on_one_data_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut first = Ferry::start(&data, &["--api-only", "--listen", ANY_PORT]);
    first.ready().await;
    let second = ferry(&["up", "--data-dir", data.to_str().unwrap(), "--listen", ANY_PORT]).await;
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("in use by another process"), "{}", second.err);
    assert_eq!(first.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_database_of_a_newer_format_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut first = Ferry::start(&data, &["--api-only", "--listen", ANY_PORT]);
    first.ready().await;
    assert_eq!(first.terminate().await.code(), Some(0));
    // The format is `user_version`, which SQLite keeps at byte 60.
    let mut database = std::fs::OpenOptions::new().write(true).open(data.join("ferry.db")).unwrap();
    database.seek(SeekFrom::Start(60)).unwrap();
    database.write_all(&9999u32.to_be_bytes()).unwrap();
    drop(database);
    let before = std::fs::read(data.join("ferry.db")).unwrap();
    let ended = ferry(&["up", "--data-dir", data.to_str().unwrap(), "--listen", ANY_PORT]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("format 9999") && ended.err.contains("newer release"), "{}", ended.err);
    assert_eq!(std::fs::read(data.join("ferry.db")).unwrap(), before);
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = data.to_str().unwrap();
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = directory.path().join("config.yaml");
    std::fs::write(&config, "data-dri: /x\n").unwrap();
    let config = config.to_str().unwrap();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["up", "--data-dir", data, "--listen", &address], 1, &[&address, "--listen"]),
        (
            &["up", "--data-dir", data, "--kubeconfig", "/does/not/exist"],
            1,
            &["/does/not/exist", "no such file"],
        ),
        (&["up", "--data-dir", data, "--in-cluster"], 1, &["--kubeconfig"]),
        (&["up", "--config", config], 2, &["data-dri"]),
        (&["up", "--config", "/does/not/exist"], 2, &["/does/not/exist"]),
        (&["up", "--data-dir", data, "--log-level", "loud"], 2, &["loud"]),
        (&["up", "--listen", "everywhere"], 2, &["everywhere"]),
        (&["up", "--kubeconfig", "/k", "--api-only"], 2, &["api-only"]),
        (&["up", "--nonsense"], 2, &["--nonsense"]),
        (&["get", "stages", "-p", "x", "--kubeconfig", "/does/not/exist"], 1, &["/does/not/exist"]),
        (&["get", "stages", "-p", "x"], 1, &["ferry up"]),
    ];
    for (arguments, code, words) in cases {
        let ended = ferry(arguments).await;
        assert_eq!(ended.code, Some(*code), "{arguments:?}: {}", ended.err);
        assert!(words.iter().all(|word| ended.err.contains(word)), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}

#[tokio::test]
async fn the_environment_and_the_config_file_say_the_same_as_flags() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    std::fs::write(&config, format!("listen: {address}\n")).unwrap();
    let data = directory.path().join("data");
    let environment =
        [("FERRY_CONFIG", config.to_str().unwrap()), ("FERRY_DATA_DIR", data.to_str().unwrap())];
    let ended = ferry_with(&["up"], &environment).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains(&address), "{}", ended.err);
    assert!(data.join("ferry.db").exists());
}

#[tokio::test]
async fn only_the_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut ferry = Ferry::start(&data, &["--api-only", "--listen", ANY_PORT]);
    ferry.ready().await;
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for name in ["ferry.db", "kubeconfig", "controller.kubeconfig", "tls/admin.token", "tls/ca.key"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    ferry.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_32_argo_cd_s_crds_may_come_later() {
    let directory = tempfile::tempdir().unwrap();
    let git = GitServer::start(directory.path().join("repositories")).await.unwrap();
    let app = git.create_repository("app", "main").await.unwrap();
    let one = commit(&app, "main", "First", &[("settings.yaml", crate::objects::CONFIG_MAP)]).await;
    let data = directory.path().join("data");
    let mut ferry = Ferry::start(&data, &["--listen", ANY_PORT]);
    ferry.ready().await;
    let said = ferry.says("Argo CD's CRDs are missing").await;
    assert!(said.contains("--argocd-kubeconfig") && said.contains("--standin"), "{said}");

    let client = client_of(&data).await;
    let steps = "- uses: argocd-update\n  config:\n    apps:\n    - name: demo-test";
    for text in [
        project("demo"),
        stage("test", "{direct: true}", steps),
        warehouse("app", &git.repository_url("app")),
    ] {
        manifests::apply(&client, &text).await.unwrap();
    }
    let freight = freight_with(&client, "demo", &one).await;
    let name = promote(&client, "test", &freight).await;
    let promotions: Api<Promotion> = Api::namespaced(client.clone(), "demo");
    let waits = |promotion: &Promotion| {
        let waiting = promotion.status.as_ref().and_then(|status| status.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.reason.contains("applications.argoproj.io"))
    };
    until(&promotions, &name, waits).await.unwrap();

    // Argo CD comes: its CRDs, its controller, the Application.
    let crds = ferry_standin::argocd::crds();
    let text = crds.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n---\n");
    manifests::apply(&client, &text).await.unwrap();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: argocd\n";
    manifests::apply(&client, namespace).await.unwrap();
    manifests::apply(&client, crate::objects::APP_PROJECT).await.unwrap();
    let cache = Git::new(&directory.path().join("cache"), GitSettings::default()).unwrap();
    let stop = CancellationToken::new();
    let standin =
        ferry_standin::argocd::run(client.clone(), Arc::new(cache), StandinSettings::default(), stop.clone());
    let standin = tokio::spawn(standin);
    let url = git.repository_url("app");
    manifests::apply(&client, &application("demo-test", "demo:test", &url, "main", "demo-test"))
        .await
        .unwrap();
    let status = ended(&client, &name).await.status.unwrap();
    assert_eq!(status.phase, Some(PromotionPhase::Succeeded), "{}", status.message);
    stop.cancel();
    standin.await.unwrap();
    assert_eq!(ferry.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_and_metrics_need_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut ferry = Ferry::start(&data, &["--listen", ANY_PORT, "--standin"]);
    ferry.ready().await;
    let admin = client_of(&data).await;
    let nobody = {
        let mut kubeconfig = Kubeconfig::read_from(data.join("kubeconfig")).unwrap();
        kubeconfig.auth_infos = vec![NamedAuthInfo { name: "ferry".into(), ..NamedAuthInfo::default() }];
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    };
    let get = async |client: &kube::Client, path: &str| {
        client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await
    };
    for path in ["/livez", "/version"] {
        assert!(get(&nobody, path).await.is_ok(), "{path}");
    }
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let ready = async {
        while get(&nobody, "/readyz").await.is_err() {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("ready once everything is known");
    assert!(get(&admin, "/metrics").await.unwrap().contains("ferry_apiserver_requests_total"));
    for path in ["/metrics", "/api/v1/secrets"] {
        let refused = get(&nobody, path).await.unwrap_err();
        assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{path}: {refused:?}");
    }
    ferry.kill().await;
}
