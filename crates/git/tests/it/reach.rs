//! Which servers may be reached.

use ferry_artifact::egress::Egress;
use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::{Arc, Mutex};

use ferry_git::{Access, Checkout, Error, RepoUrl, Settings};

use crate::world::{World, basic, edit, on, push, settings};

async fn fetched(egress: Egress, url: &str) -> Result<(), Error> {
    let world = World::with(Settings { egress: Some(egress), ..settings() }).await;
    let mirror = world.git.mirror(&RepoUrl::parse(url).unwrap(), &Access::default())?;
    mirror.fetch_checkouts(&[Checkout::of(on("main"))]).await.map(|_| ())
}

#[tokio::test]
async fn s9_a_server_that_must_not_be_reached_is_not() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    for url in [
        format!("http://127.0.0.1:{port}/a.git"),
        format!("http://localhost:{port}/a.git"),
        format!("https://[::1]:{port}/a.git"),
        format!("https://[::ffff:127.0.0.1]:{port}/a.git"),
        format!("http://2130706433:{port}/a.git"),
        format!("http://0x7f.1:{port}/a.git"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        format!("ssh://git@127.0.0.1:{port}/a.git"),
        "git@localhost:a.git".to_owned(),
    ] {
        let refused = fetched(Egress::default(), &url).await;
        assert!(
            matches!(&refused, Err(Error::Closed { why, .. }) if why.contains("--egress-open")),
            "{url}: {refused:?}"
        );
    }
    assert!(listener.accept().is_err(), "somebody came");
}

#[tokio::test]
async fn what_is_open_is_reached_by_name_too() {
    let world = World::with(Settings { egress: Some(Egress::default().with_loopback()), ..settings() }).await;
    world.app().await;
    for host in ["127.0.0.1", "localhost"] {
        let url = world.server.repository_url("app").replace("127.0.0.1", host);
        let mirror = world.git.mirror(&RepoUrl::parse(&url).unwrap(), &Access::default()).unwrap();
        mirror.fetch_checkouts(&[Checkout::of(on("main"))]).await.unwrap();
    }
}

/// A server that sends everybody to another place below `to`, and what it was asked.
fn sends_to(to: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let path = request.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
            heard.lock().unwrap().extend(request);
            let answer = format!(
                "HTTP/1.1 302 Found\r\nlocation: {to}{path}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _gone = connection.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_repository_that_has_moved_is_followed_and_its_login_is_not_repeated_there() {
    for egress in [None, Some(Egress::default().with_loopback())] {
        let world = World::with(Settings { egress, ..settings() }).await;
        world.app().await;
        let (moved, asked) = sends_to(world.server.url());
        let url = RepoUrl::parse(&format!("{moved}/app.git")).unwrap();
        let mirror = world.git.mirror(&url, &basic("me", "s3cret")).unwrap();
        let tree = world.clone(&mirror, "tree").await;
        edit(&tree, "new.txt", "new\n", "ours").await;
        world.branch(&mirror, "main").push(&push(&tree), &mut ferry_git::Unrecorded).await.unwrap();
        let login = asked
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.to_lowercase().starts_with("authorization"))
            .count();
        assert!(login > 0, "its own server gets it");
        let before = asked.lock().unwrap().len();
        mirror.fetch_checkouts(&[Checkout::of(on("main"))]).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), before, "it is known where it is");
        // The other server would take the same password, and is not told it.
        world.server.protect("/", "me", "s3cret");
        let refused = mirror.fetch_checkouts(&[Checkout::of(on("main"))]).await.unwrap_err();
        assert!(matches!(refused, Error::Unauthorized { .. }), "{refused}");
    }
}

#[tokio::test]
async fn s9_a_server_cannot_send_us_where_nobody_may_go() {
    let egress = Egress::default().with_loopback();
    for access in [Access::default(), basic("me", "s3cret")] {
        let world = World::with(Settings { egress: Some(egress.clone()), ..settings() }).await;
        for to in ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://[::ffff:169.254.169.254]"] {
            let (moved, asked) = sends_to(to.to_owned());
            let url = RepoUrl::parse(&format!("{moved}/app.git")).unwrap();
            let mirror = world.git.mirror(&url, &access).unwrap();
            let refused = mirror.fetch_checkouts(&[Checkout::of(on("main"))]).await.unwrap_err().to_string();
            assert!(refused.contains("sends us elsewhere") && refused.contains("--egress-open"), "{refused}");
            assert!(!asked.lock().unwrap().is_empty() && !refused.contains("s3cret"), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_judged_is_not_reached() {
    for url in ["http://no-such-host.invalid/app.git", "git@no-such-host.invalid:app.git"] {
        let refused = fetched(Egress::default(), url).await.unwrap_err().to_string();
        assert!(refused.contains("its host no-such-host.invalid cannot be resolved"), "{refused}");
    }
}
