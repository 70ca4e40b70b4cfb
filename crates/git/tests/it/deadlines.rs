//! Servers that never answer, and callers that go away: nothing hangs, nothing is left running or lying about.

use std::time::{Duration, Instant};

use ferry_git::{Checkout, Error, Settings, Unrecorded};
use ferry_standin::git_server::{Fault, Service};

use crate::world::{World, edit, on, push, settings};

fn short() -> Settings {
    let short = Duration::from_secs(1);
    Settings { fetch_deadline: short, list_deadline: short, push_deadline: short, ..settings() }
}

/// Far more than a short deadline, far less than any other.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn fm_36_a_server_that_never_answers_affects_only_its_own_and_recovers() {
    let world = World::with(short()).await;
    let (_, mirror) = world.app().await;
    let beside = world.server.create_repository("other", "main").await.unwrap();
    beside.commit(&ferry_standin::git_server::Change::on("main", "x")).await.unwrap();
    for service in [Service::FetchAdvertisement, Service::Fetch] {
        world.server.fail("/app", service, Fault::Hang, None);
        let begun = Instant::now();
        let (main, other) = (on("main"), world.mirror("other"));
        let (late, fine) = tokio::join!(mirror.resolve(&main), other.resolve(&main));
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
        assert!(late.unwrap_err().is_transient() && begun.elapsed() < PATIENCE);
        fine.unwrap();
        let listed = mirror.list().await;
        assert!(matches!(listed, Err(Error::Timeout { .. })), "{listed:?}");
        world.server.until(|counts| counts.open == 0).await;
        world.server.behave();
        mirror.resolve(&on("main")).await.unwrap();
    }
}

#[tokio::test]
async fn fm_36_a_peer_that_accepts_and_says_nothing_at_all() {
    let world = World::with(short()).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x.git", silent.local_addr().unwrap());
    let mirror = world.git.mirror(&url.parse().unwrap(), &ferry_git::Access::default()).unwrap();
    let accepting = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            open.push(stream);
        }
    });
    let begun = Instant::now();
    let late = mirror.resolve(&on("main")).await;
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    assert!(begun.elapsed() < PATIENCE);
    accepting.abort();
}

#[tokio::test]
async fn fm_37_no_process_and_no_lock_remains_of_a_fetch_that_ended_early() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    world.server.fail("/", Service::Fetch, Fault::Hang, None);
    let fetch = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.resolve(&on("main")).await.map(drop) }
    });
    world.server.until(|counts| counts.fetch == 1).await;
    assert!(!children(&world).is_empty(), "git and its helper run");
    fetch.abort();
    // The connection ends because the helper process is gone.
    world.server.until(|counts| counts.open == 0).await;
    while !children(&world).is_empty() {
        tokio::task::yield_now().await;
    }
    world.server.behave();
    // As if it had been killed while it held every lock it could hold.
    let bare = std::fs::read_dir(world.path("cache/mirrors")).unwrap().next().unwrap().unwrap().path();
    for lock in ["config.lock", "packed-refs.lock", "HEAD.lock", "shallow.lock", "refs/heads/x.lock"] {
        std::fs::write(bare.join(lock), "").unwrap();
    }
    std::fs::write(bare.join("objects/pack/tmp_pack_x"), "half").unwrap();
    mirror.resolve(&on("main")).await.unwrap();
    assert!(!bare.join("objects/pack/tmp_pack_x").exists());
    let tree = world.clone(&mirror, "tree").await;
    for lock in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
        std::fs::write(tree.directory().join(".git").join(lock), "").unwrap();
    }
    edit(&tree, "a", "1", "one").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    let temporary: Vec<_> = std::fs::read_dir(world.path("cache/keys")).unwrap().collect();
    assert!(temporary.is_empty());
}

/// Living processes that were started for this world: its cache is their home.
fn children(world: &World) -> Vec<u32> {
    let home = format!("HOME={}", world.path("cache/home").canonicalize().unwrap().display());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = |id: &u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes())
    };
    ids.filter(ours).collect()
}

#[tokio::test]
async fn fm_37_a_push_of_a_process_that_was_killed_is_ended_by_the_next_one() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "a", "1", "one").await;
    let hold = world.server.hold("/", Service::Push);
    // Nobody of this process holds it, as if the one that did had been killed.
    let mut push = std::process::Command::new("git");
    push.current_dir(tree.directory()).env("HOME", world.path("cache/home").canonicalize().unwrap());
    push.args(["push", "-q", world.url("app").as_str(), "HEAD:refs/heads/main"]);
    let mut push = push.spawn().unwrap();
    world.server.until(|counts| counts.push == 1).await;
    drop((mirror, tree));
    let World { place, git, server, .. } = world;
    drop(git);
    let _next = ferry_git::Git::new(&place.path().join("cache"), settings()).unwrap();
    server.until(|counts| counts.open == 0).await;
    drop(hold);
    assert!(!push.wait().unwrap().success());
    assert_eq!(app.log("main").await.unwrap().len(), 2, "nothing arrives any more");
}

#[tokio::test]
async fn fm_37_a_push_that_is_cancelled_leaves_nobody_and_the_queue_moves_on() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "a", "1", "one").await;
    let other = world.clone(&mirror, "other").await;
    edit(&other, "b", "1", "two").await;
    world.server.fail("/", Service::Push, Fault::Hang, Some(1));
    let main = world.branch(&mirror, "main");
    let hanging = tokio::spawn({
        let main = main.clone();
        async move { main.push(&push(&tree), &mut Unrecorded).await.map(drop) }
    });
    world.server.until(|counts| counts.push == 1).await;
    let waiting = tokio::spawn(async move { main.push(&push(&other), &mut Unrecorded).await });
    hanging.abort();
    waiting.await.unwrap().unwrap();
    assert_eq!(app.log("main").await.unwrap().len(), 3);
    world.server.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn a_checkout_into_a_place_that_cannot_be_written_says_so() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    std::fs::write(world.path("file"), "").unwrap();
    let result = mirror.check_out(&world.path("file/below"), &Checkout::of(on("main"))).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("file/below"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_and_not_for_ever() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    for status in [429, 503] {
        world.server.fail("/", Service::FetchAdvertisement, Fault::Status(status), Some(2));
        mirror.resolve(&on("main")).await.unwrap();
        world.server.reset_counts();
        world.server.fail("/", Service::FetchAdvertisement, Fault::Status(status), None);
        let refused = mirror.resolve(&on("main")).await.unwrap_err();
        assert!(refused.to_string().contains(&status.to_string()), "{refused}");
        assert_eq!(world.server.counts().fetch_advertisement, 4);
        world.server.behave();
    }
}
