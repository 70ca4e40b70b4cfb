//! Many pushes to one branch at once: they share requests, and none of them suffers from another.

use std::collections::BTreeSet;

use ferry_git::{
    CommitId, Error, Mirror, Push, PushError, PushIntent, PushMode, Pushed, Recorder, Unrecorded, WorkTree,
};
use ferry_standin::git_server::{Change, Fault, Hold, Repository, Service};
use tokio::task::JoinHandle;

use crate::world::{Ledger, World, basic, edit, on, push, settings};

type Pushing<E> = JoinHandle<Result<Pushed, PushError<E>>>;

/// A work tree with one commit that writes a file.
async fn prepared(world: &World, mirror: &Mirror, name: &str, file: &str, text: &str) -> WorkTree {
    let tree = world.clone(mirror, name).await;
    edit(&tree, file, text, name).await;
    tree
}

fn start<R>(world: &World, mirror: &Mirror, tree: WorkTree, recorder: R) -> Pushing<R::Error>
where
    R: Recorder + Send + 'static,
    R::Error: 'static,
{
    let main = world.branch(mirror, "main");
    tokio::spawn(async move {
        let mut recorder = recorder;
        main.push(&push(&tree), &mut recorder).await
    })
}

/// A push that holds up the line until the returned value is dropped; those started meanwhile go out together.
async fn first_in_line(world: &World, mirror: &Mirror) -> (Hold, Pushing<std::convert::Infallible>) {
    let tree = prepared(world, mirror, "first", "first", "1").await;
    let hold = world.server.hold("/", Service::Push);
    let first = start(world, mirror, tree, Unrecorded);
    world.server.until(|counts| counts.push == 1).await;
    (hold, first)
}

/// Those that were started have come to the line.
async fn in_line() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Starts a push of each, one behind the other.
fn start_all(world: &World, mirror: &Mirror, trees: Vec<WorkTree>) -> Vec<Pushing<&'static str>> {
    trees.into_iter().map(|tree| start(world, mirror, tree, Ledger::default())).collect()
}

/// Pushes of commits that each write a file, on their way together and held at the server until the returned value is
/// dropped. It is the server's second push.
async fn on_their_way(world: &World, mirror: &Mirror, names: &[&str]) -> (Hold, Vec<Pushing<&'static str>>) {
    let mut trees = Vec::new();
    for name in names {
        trees.push(prepared(world, mirror, name, name, "1").await);
    }
    let (hold, first) = first_in_line(world, mirror).await;
    let pushing = start_all(world, mirror, trees);
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    // Those that follow have to look first.
    let next = world.server.hold("/", Service::Push);
    world.server.until(|counts| counts.push == 2).await;
    (next, pushing)
}

/// How each ended.
async fn ends<E>(pushing: Vec<Pushing<E>>) -> Vec<Result<Pushed, PushError<E>>> {
    let mut ends = Vec::new();
    for push in pushing {
        ends.push(push.await.unwrap());
    }
    ends
}

async fn subjects(app: &Repository) -> BTreeSet<String> {
    app.log("main").await.unwrap().into_iter().map(|entry| entry.message).collect()
}

#[tokio::test]
async fn fm_52_fifty_pushes_at_once_share_their_requests() {
    let world = World::new().await;
    let (app, _) = world.app().await;
    world.server.protect("/", "me", "s3cret");
    let mirror = world.git.mirror(&world.url("app"), &basic("me", "s3cret")).unwrap();
    let (view, _) = mirror.fetch_revision(&on("main")).await.unwrap();
    let mut pushing = Vec::new();
    for number in 0..50 {
        let checkout = ferry_git::Checkout::of(on("main"));
        let tree = view.check_out(&world.path(&format!("tree-{number}")), &checkout).await.unwrap().work_tree;
        edit(&tree, &format!("file-{number}"), "x", &format!("commit {number}")).await;
        pushing.push(tree);
    }
    world.server.reset_counts();
    let ends = ends(start_all(&world, &mirror, pushing)).await;
    let commits: BTreeSet<_> = ends.into_iter().map(|end| end.unwrap().commit.to_string()).collect();
    let counts = world.server.counts();
    assert_eq!(counts.unauthorized, 0, "nobody had to ask for the password");
    assert!(counts.requests <= 50, "{counts:?}");
    let log = app.log("main").await.unwrap();
    assert_eq!((commits.len(), log.len()), (50, 52));
    assert!(commits.iter().all(|commit| log.iter().any(|entry| entry.id == *commit)));
    assert!(log.windows(2).all(|pair| pair[1].parents == [pair[0].id.clone()]), "one line of history");
    assert_eq!(app.tree("main").await.unwrap().len(), 52);
}

/// Stops before it has written anything down.
struct Stuck(tokio::sync::mpsc::UnboundedSender<CommitId>);

impl Recorder for Stuck {
    type Error = &'static str;

    async fn record(&mut self, intent: &PushIntent) -> Result<(), &'static str> {
        self.0.send(intent.candidates[0].clone()).unwrap();
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_was_not_recorded_is_left_out_and_the_others_go_on() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let mut trees = Vec::new();
    for name in ["stuck", "broken", "two", "three"] {
        trees.push(prepared(&world, &mirror, name, name, "1").await);
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    let (sender, mut stuck_at) = tokio::sync::mpsc::unbounded_channel();
    let mut trees = trees.into_iter();
    let stuck = start(&world, &mirror, trees.next().unwrap(), Stuck(sender));
    let broken = Ledger { broken: true, ..Ledger::default() };
    let broken = start(&world, &mirror, trees.next().unwrap(), broken);
    let others = start_all(&world, &mirror, trees.collect());
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    // Its commit is what the others have built on already.
    let unrecorded = stuck_at.recv().await.unwrap();
    stuck.abort();
    assert_eq!(broken.await.unwrap(), Err(PushError::Record("disk full")));
    assert!(ends(others).await.into_iter().all(|end| !end.unwrap().already_there));
    let log = app.log("main").await.unwrap();
    assert!(log.iter().all(|entry| entry.id != unrecorded.as_str()));
    let wanted = ["first", "second", "three", "two"].map(str::to_owned);
    assert_eq!(subjects(&app).await, BTreeSet::from(wanted));
}

#[tokio::test]
async fn fm_59_who_goes_away_while_it_is_sent_is_left_out_and_takes_nobody_along() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let (next, mut pushing) = on_their_way(&world, &mirror, &["leaver", "two", "three"]).await;
    let leaver = pushing.remove(0);
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    std::fs::remove_dir_all(world.path("leaver")).unwrap();
    // The others are on their way again, without it.
    world.server.until(|counts| counts.push == 3).await;
    drop(next);
    for push in pushing {
        push.await.unwrap().unwrap();
    }
    let wanted = ["first", "second", "three", "two"].map(str::to_owned);
    assert_eq!(subjects(&app).await, BTreeSet::from(wanted), "nothing of it was written");
}

#[tokio::test]
async fn fm_06_who_goes_away_when_it_has_arrived_leaves_the_others_theirs() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let (next, mut pushing) = on_their_way(&world, &mirror, &["leaver", "two", "three"]).await;
    world.server.fail("/", Service::Push, Fault::KeepAnswer, Some(1));
    drop(next);
    world.server.until(|counts| counts.open == 0).await;
    assert!(subjects(&app).await.contains("three"), "all of it is done but for the answer");
    pushing.remove(0).abort();
    assert!(ends(pushing).await.into_iter().all(|end| end.is_ok()), "they find what has arrived");
    let wanted = ["first", "leaver", "second", "three", "two"].map(str::to_owned);
    assert_eq!(subjects(&app).await, BTreeSet::from(wanted));
    assert_eq!(world.server.counts().push, 2, "nothing went out again");
}

#[tokio::test]
async fn fm_52_a_refusal_concerns_only_the_one_that_is_refused() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let mut trees = Vec::new();
    for name in ["one", "bad", "two", "three"] {
        trees.push(prepared(&world, &mirror, name, name, "1").await);
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    app.refuse_file("bad").unwrap();
    let pushing = start_all(&world, &mirror, trees);
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    let ends = ends(pushing).await;
    let Err(PushError::Git(Error::Refused { detail, .. })) = &ends[1] else { panic!("{ends:?}") };
    assert!(detail.contains("bad is not wanted"), "{detail}");
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 3, "{ends:?}");
    assert!(!app.tree("main").await.unwrap().contains_key("bad"));
    assert_eq!(app.log("main").await.unwrap().len(), 6);
}

#[tokio::test]
async fn fm_53_two_that_change_the_same_line_do_not_overwrite_each_other() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let mut trees = Vec::new();
    for (name, file, text) in [
        ("ours", "k/dev.yaml", "tag: ours\n"),
        ("theirs", "k/dev.yaml", "tag: theirs\n"),
        ("same", "k/dev.yaml", "tag: ours\n"),
        ("other", "other", "1"),
    ] {
        trees.push(prepared(&world, &mirror, name, file, text).await);
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    let pushing = start_all(&world, &mirror, trees);
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    let ends = ends(pushing).await;
    assert!(ends[0].as_ref().is_ok_and(|pushed| !pushed.already_there), "{ends:?}");
    let Err(PushError::Git(Error::Conflict { files, .. })) = &ends[1] else { panic!("{ends:?}") };
    assert_eq!(files, &["k/dev.yaml"]);
    assert!(ends[2].as_ref().is_ok_and(|pushed| pushed.already_there), "the same change is there: {ends:?}");
    assert!(ends[3].is_ok());
    assert_eq!(app.tree("main").await.unwrap()["k/dev.yaml"], "tag: ours\n");
}

#[tokio::test]
async fn another_process_that_is_faster_makes_all_of_them_look_again() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let (next, pushing) = on_their_way(&world, &mirror, &["one", "two", "three"]).await;
    app.commit(&Change::on("main", "meanwhile").file("meanwhile", "1")).await.unwrap();
    drop(next);
    assert!(ends(pushing).await.into_iter().all(|end| !end.unwrap().already_there));
    assert_eq!(app.log("main").await.unwrap().len(), 7);
}

#[tokio::test]
async fn credentials_and_forced_pushes_keep_apart() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let named = world.git.mirror(&world.url("app"), &basic("me", "x")).unwrap();
    let mut trees = Vec::new();
    for (name, mirror) in [("anonymous", &mirror), ("named", &named), ("forced", &mirror)] {
        trees.push((name, prepared(&world, mirror, name, name, "1").await));
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    let mut pushing = Vec::new();
    for (name, tree) in trees {
        let mirror = if name == "named" { &named } else { &mirror };
        let main = world.branch(mirror, "main");
        pushing.push(tokio::spawn(async move {
            let mode = if name == "forced" { PushMode::Force } else { push(&tree).mode };
            main.push(&Push { mode, ..push(&tree) }, &mut Unrecorded).await
        }));
    }
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    for push in pushing {
        push.await.unwrap().unwrap();
    }
    assert_eq!(world.server.counts().push, 4, "each by itself");
    let wanted = ["first", "forced", "second"].map(str::to_owned);
    assert_eq!(subjects(&app).await, BTreeSet::from(wanted), "what was forced replaced the others");
}

#[tokio::test]
async fn fm_64_who_does_not_answer_keeps_nobody_waiting() {
    // So short that the others, too, are slow at first and stand behind the one that never answers.
    for milliseconds in [50, 1] {
        nobody_waits(std::time::Duration::from_millis(milliseconds)).await;
    }
}

async fn nobody_waits(patience: std::time::Duration) {
    let world = World::with(ferry_git::Settings { patience, ..settings() }).await;
    let (app, mirror) = world.app().await;
    let mut trees = Vec::new();
    for name in ["stuck", "two", "three"] {
        trees.push(prepared(&world, &mirror, name, name, "1").await);
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    let (sender, mut stuck_at) = tokio::sync::mpsc::unbounded_channel();
    let stuck = start(&world, &mirror, trees.remove(0), Stuck(sender));
    let others = start_all(&world, &mirror, trees);
    in_line().await;
    drop(hold);
    first.await.unwrap().unwrap();
    // It never goes on, and nobody stops it.
    stuck_at.recv().await.unwrap();
    assert!(ends(others).await.into_iter().all(|end| !end.unwrap().already_there));
    assert!(!stuck.is_finished() && !subjects(&app).await.contains("stuck"));
    // It was its turn now; those that come later wait for it no longer than for its end.
    let late =
        start(&world, &mirror, prepared(&world, &mirror, "late", "late", "1").await, Ledger::default());
    stuck.abort();
    late.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_credential_that_is_refused_is_told_to_all_at_once() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let mut trees = Vec::new();
    for name in ["one", "two", "three"] {
        trees.push(prepared(&world, &mirror, name, name, "1").await);
    }
    let (hold, first) = first_in_line(&world, &mirror).await;
    let pushing = start_all(&world, &mirror, trees);
    in_line().await;
    world.server.fail("/", Service::PushAdvertisement, Fault::Status(403), None);
    drop(hold);
    first.await.unwrap().unwrap();
    world.server.reset_counts();
    for end in ends(pushing).await {
        assert!(matches!(end, Err(PushError::Git(Error::Unauthorized { .. }))), "{end:?}");
    }
    assert_eq!(world.server.counts().push_advertisement, 1, "nobody tries it alone");
}
