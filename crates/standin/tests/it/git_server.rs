//! The loopback Git server against the real `git`.

use std::process::Stdio;

use ferry_standin::git_server::{Change, Fault, GitServer, Service};
use tokio::io::AsyncWriteExt as _;

/// Runs `git` as a user would; returns its exit status and what it printed.
async fn git(directory: &std::path::Path, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new("git");
    command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.test"]).args(arguments);
    command.current_dir(directory).env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_user_clones_commits_and_pushes() {
    let place = tempfile::tempdir().unwrap();
    let server = GitServer::start(place.path().join("served")).await.unwrap();
    let app = server.create_repository("team/app", "main").await.unwrap();
    let first = app.commit(&Change::on("main", "first").file("k/a b.yaml", "tag: v1\n")).await.unwrap();
    app.tag("v1", &first, Some("one"), None).await.unwrap();

    let (fine, said) = git(place.path(), &["clone", &server.repository_url("team/app"), "copy"]).await;
    assert!(fine, "{said}");
    let copy = place.path().join("copy");
    assert_eq!(std::fs::read_to_string(copy.join("k/a b.yaml")).unwrap(), "tag: v1\n");
    // Large enough to come compressed and in chunks.
    let large: String = (0..200_000).fold(String::new(), |text, n| text + &n.to_string() + "\n");
    std::fs::write(copy.join("large"), &large).unwrap();
    for arguments in [&["add", "-A"][..], &["commit", "-qm", "second"], &["push", "-q", "origin", "main"]] {
        let (fine, said) = git(&copy, arguments).await;
        assert!(fine, "{said}");
    }
    assert_eq!(app.branches().await.unwrap()["main"].tree["large"], large);
    let log = app.log("main").await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.message.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(log[1].parents, std::slice::from_ref(&first));
    assert_eq!(app.tags().await.unwrap()["v1"].commit, first);
    let counts = server.counts();
    assert_eq!((counts.push_advertisement, counts.push), (1, 1), "{counts:?}");
}

#[tokio::test]
async fn it_asks_for_a_password_where_told_to() {
    let place = tempfile::tempdir().unwrap();
    let server = GitServer::start(place.path().join("served")).await.unwrap();
    server.protect("/private/", "me", "secret");
    server.create_repository("private/app", "main").await.unwrap();
    let url = server.repository_url("private/app");
    let (fine, said) = git(place.path(), &["ls-remote", &url]).await;
    assert!(!fine && said.contains("terminal prompts disabled"), "{said}");
    let (fine, said) = git(place.path(), &["ls-remote", &url.replace("http://", "http://me:secret@")]).await;
    assert!(fine, "{said}");
}

#[tokio::test]
async fn faults_do_what_they_say_and_then_it_behaves_again() {
    let place = tempfile::tempdir().unwrap();
    let server = GitServer::start(place.path().join("served")).await.unwrap();
    let app = server.create_repository("app", "main").await.unwrap();
    let first = app.commit(&Change::on("main", "first")).await.unwrap();
    let url = server.repository_url("app");
    assert!(git(place.path(), &["clone", "-q", &url, "copy"]).await.0);
    let copy = place.path().join("copy");
    assert!(git(&copy, &["commit", "-qm", "empty", "--allow-empty"]).await.0);

    server.fail("/app", Service::PushAdvertisement, Fault::Status(403), Some(1));
    let (fine, said) = git(&copy, &["push", "-q", "origin", "main"]).await;
    assert!(!fine && said.contains("403"), "{said}");

    app.refuse_pushes(Some("not on a Friday")).unwrap();
    let (fine, said) = git(&copy, &["push", "-q", "origin", "main"]).await;
    assert!(!fine && said.contains("not on a Friday"), "{said}");
    app.refuse_pushes(None).unwrap();

    server.fail("/", Service::Push, Fault::LoseAnswer, Some(1));
    let (fine, said) = git(&copy, &["push", "-q", "origin", "main"]).await;
    assert!(!fine, "{said}");
    assert_ne!(app.head("main").await.unwrap(), Some(first), "the push was done before its answer was lost");

    server.fail("/", Service::Any, Fault::Hang, None);
    let mut peer = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    peer.write_all(b"GET /app.git/info/refs?service=git-upload-pack HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    server.until(|counts| counts.open == 1).await;
    drop(peer);
    server.until(|counts| counts.open == 0).await;
    server.behave();
    assert!(git(place.path(), &["ls-remote", &url]).await.0);
}

#[tokio::test]
async fn a_name_cannot_leave_the_root() {
    let place = tempfile::tempdir().unwrap();
    let server = GitServer::start(place.path().join("served")).await.unwrap();
    for name in ["../x", "a/../../x", "", "/etc", ".git", "-x", "a//b"] {
        assert!(server.create_repository(name, "main").await.is_err(), "{name}");
    }
    let (fine, _) = git(place.path(), &["ls-remote", &format!("{}/%2e%2e/x.git", server.url())]).await;
    assert!(!fine);
}
