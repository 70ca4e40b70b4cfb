//! Which servers may be reached.

use ferry_artifact::egress::Egress;
use ferry_git::{Access, Error, RepoUrl, Settings};

use crate::world::{World, on, settings};

async fn fetched(egress: Egress, url: &str) -> Result<(), Error> {
    let world = World::with(Settings { egress: Some(egress), ..settings() }).await;
    let mirror = world.git.mirror(&RepoUrl::parse(url).unwrap(), &Access::default())?;
    mirror.fetch_revisions(&[on("main")]).await.map(|_| ())
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
        mirror.fetch_revisions(&[on("main")]).await.unwrap();
    }
}
