//! Pushing: nobody's commit is lost, nothing is pushed twice, nothing is sent before it is recorded.

use std::time::Duration;

use ferry_git::{
    Access, Checkout, Error, Integration, Push, PushError, PushIntent, PushMode, PushPolicy, Unrecorded,
    WorkTree,
};
use ferry_standin::git_server::{Change, Fault, Repository, Service};

use crate::world::{Ledger, World, edit, id, on, push, read};

async fn subjects(app: &Repository, branch: &str) -> Vec<String> {
    app.log(branch).await.unwrap().into_iter().map(|entry| entry.message).collect()
}

fn by(tree: &WorkTree, policy: PushPolicy) -> Push<'_> {
    Push { mode: PushMode::Integrate(policy), ..push(tree) }
}

#[tokio::test]
async fn a_push_is_recorded_before_it_happens() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let before = app.head("main").await.unwrap().unwrap();
    let tree = world.clone(&mirror, "tree").await;
    let commit = edit(&tree, "a", "1", "one").await;
    let main = world.branch(&mirror, "main");
    let mut broken = Ledger { broken: true, ..Ledger::default() };
    let refused = main.push(&push(&tree), &mut broken).await;
    assert_eq!(refused, Err(PushError::Record("disk full")));
    assert_eq!((app.head("main").await.unwrap().unwrap(), world.server.counts().push), (before.clone(), 0));
    let mut ledger = Ledger::default();
    let pushed = main.push(&push(&tree), &mut ledger).await.unwrap();
    assert_eq!((&pushed.commit, pushed.already_there), (&commit, false));
    let reference = "refs/heads/main".to_owned();
    let wanted = PushIntent { reference, expected_head: Some(id(&before)), candidates: vec![commit] };
    assert_eq!(ledger.intents, [wanted]);
    let text = serde_json::to_string(&ledger.intents).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PushIntent>>(&text).unwrap(), ledger.intents);
}

#[tokio::test]
async fn nothing_new_sends_nothing() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let main = world.branch(&mirror, "main");
    let pushed = main.push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert!(pushed.already_there && pushed.commit == tree.head().unwrap());
    // Others have moved on: the work tree follows.
    let moved = app.commit(&Change::on("main", "meanwhile").file("other.txt", "o\n")).await.unwrap();
    let pushed = main.push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert!(pushed.already_there);
    assert_eq!((&pushed.commit, tree.head().unwrap()), (&id(&moved), id(&moved)));
    assert_eq!(read(tree.directory(), "other.txt").as_deref(), Some("o\n"));
    assert_eq!(world.server.counts().push, 0);
}

#[tokio::test]
async fn fm_52_many_work_trees_push_to_one_branch_at_once() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let mut trees = Vec::new();
    for number in 0..10 {
        let tree = world.clone(&mirror, &format!("tree-{number}")).await;
        edit(&tree, &format!("file-{number}"), "x", &format!("commit {number}")).await;
        trees.push(tree);
    }
    let tasks: Vec<_> = trees
        .into_iter()
        .map(|tree| {
            let main = world.branch(&mirror, "main");
            tokio::spawn(async move {
                main.push(&push(&tree), &mut Unrecorded).await.map(|pushed| (pushed, tree))
            })
        })
        .collect();
    let mut commits = Vec::new();
    for task in tasks {
        let (pushed, tree) = task.await.unwrap().unwrap();
        assert_eq!(tree.head().unwrap(), pushed.commit);
        commits.push(pushed.commit.to_string());
    }
    let log = app.log("main").await.unwrap();
    assert_eq!(log.len(), 12);
    assert!(
        commits.iter().all(|commit| log.iter().any(|entry| entry.id == *commit)),
        "each kept its own commit"
    );
    assert!(log.windows(2).all(|pair| pair[1].parents == [pair[0].id.clone()]), "one line of history");
    assert_eq!(app.tree("main").await.unwrap().len(), 12);
}

#[tokio::test]
async fn fm_52_processes_that_know_nothing_of_each_other_push_at_once() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    // Another process has another cache and another queue; only the swap of the head keeps order.
    let other = ferry_git::Git::new(&world.path("other-cache"), crate::world::settings()).unwrap();
    let theirs = other.mirror(&world.url("app"), &Access::default()).unwrap();
    let mut tasks = Vec::new();
    for number in 0..6 {
        let (git, mirror) = if number % 2 == 0 { (&world.git, &mirror) } else { (&other, &theirs) };
        let tree = world.clone(mirror, &format!("tree-{number}")).await;
        edit(&tree, &format!("file-{number}"), "x", &format!("commit {number}")).await;
        let main = git.branch(mirror, &crate::world::branch("main"));
        tasks.push(tokio::spawn(async move { main.push(&push(&tree), &mut Unrecorded).await }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(app.log("main").await.unwrap().len(), 8);
}

#[tokio::test]
async fn others_commits_are_integrated_by_rebase() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "k/dev.yaml", "tag: v3\n", "one").await;
    edit(&tree, "two", "2", "two").await;
    let theirs = Change::on("main", "meanwhile").file("other.txt", "o\n");
    let theirs = app.commit(&theirs).await.unwrap();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(subjects(&app, "main").await, ["first", "second", "meanwhile", "one", "two"]);
    assert_eq!(app.head("main").await.unwrap().as_deref(), Some(pushed.commit.as_str()));
    let log = app.log("main").await.unwrap();
    assert_eq!(log[3].parents, [theirs]);
    // The work tree has moved along, files and all.
    assert_eq!(tree.head().unwrap(), pushed.commit);
    assert_eq!(read(tree.directory(), "other.txt").as_deref(), Some("o\n"));
    assert!(tree.is_clean().await.unwrap());
    edit(&tree, "three", "3", "three").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(subjects(&app, "main").await.len(), 6);
}

#[tokio::test]
async fn a_whole_history_is_replayed_on_an_unrelated_branch() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    app.commit(&Change::on("stage/dev", "stage init").orphan().file("only-stage.txt", "s\n")).await.unwrap();
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "k/dev.yaml", "tag: v3\n", "update").await;
    world.branch(&mirror, "stage/dev").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(subjects(&app, "stage/dev").await, ["stage init", "first", "second", "update"]);
    let log = app.log("stage/dev").await.unwrap();
    assert_eq!(
        (&*log[1].author, &*log[1].committer),
        ("Dev <dev@example.test>", "Kargo <no-reply@kargo.io>")
    );
    assert_eq!(app.tree("stage/dev").await.unwrap().len(), 3);
    assert_eq!(tree.current_branch().unwrap().unwrap().as_str(), "main");
    let merge = world.clone(&mirror, "merge").await;
    edit(&merge, "x", "1", "x").await;
    let refused =
        world.branch(&mirror, "stage/dev").push(&by(&merge, PushPolicy::AlwaysMerge), &mut Unrecorded).await;
    // After the replay there is still no common commit.
    assert!(matches!(refused, Err(PushError::Git(Error::Unrelated { .. }))), "{refused:?}");
}

#[tokio::test]
async fn changes_that_are_there_already_are_not_made_again() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "a", "1", "mine").await;
    let theirs = app.commit(&Change::on("main", "theirs").file("a", "1")).await.unwrap();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert!(pushed.already_there && pushed.commit == id(&theirs));
    // The same change among others.
    edit(&tree, "b", "1", "mine too").await;
    app.commit(&Change::on("main", "theirs too").file("b", "1").file("c", "1")).await.unwrap();
    assert!(world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap().already_there);
    assert_eq!(subjects(&app, "main").await.len(), 4);
}

#[tokio::test]
async fn others_commits_are_integrated_by_merge() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let mine = edit(&tree, "mine", "1", "mine").await;
    let theirs = app.commit(&Change::on("main", "theirs").file("theirs", "1")).await.unwrap();
    world.branch(&mirror, "main").push(&by(&tree, PushPolicy::AlwaysMerge), &mut Unrecorded).await.unwrap();
    let merge = app.log("main").await.unwrap().pop().unwrap();
    assert_eq!(merge.parents, [mine.as_str(), &theirs]);
    assert_eq!(merge.message, format!("Merge branch 'main' of {}", mirror.url().trim_end_matches(".git")));
    assert_eq!(app.tree("main").await.unwrap().len(), 4);
}

#[tokio::test]
async fn without_integration_a_moved_branch_is_an_error() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "mine", "1", "mine").await;
    app.commit(&Change::on("main", "theirs")).await.unwrap();
    let refused = world.branch(&mirror, "main").push(&by(&tree, PushPolicy::None), &mut Unrecorded).await;
    assert!(matches!(refused, Err(PushError::Git(Error::Diverged { .. }))), "{refused:?}");
}

#[tokio::test]
async fn fm_53_the_same_line_changed_is_a_conflict_and_nothing_is_overwritten() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let mine = edit(&tree, "k/dev.yaml", "tag: v3\n", "update").await;
    edit(&tree, "README.md", "mine\n", "readme").await;
    app.commit(&Change::on("main", "clash").file("k/dev.yaml", "tag: clash\n")).await.unwrap();
    for (policy, wanted) in [
        (PushPolicy::AlwaysRebase, Integration::Rebase),
        (PushPolicy::RebaseOrFail, Integration::Rebase),
        (PushPolicy::RebaseOrMerge, Integration::Rebase),
        (PushPolicy::AlwaysMerge, Integration::Merge),
    ] {
        let refused = world.branch(&mirror, "main").push(&by(&tree, policy), &mut Unrecorded).await;
        let Err(PushError::Git(Error::Conflict { during, files, .. })) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!((*during, &files[..]), (wanted, &["k/dev.yaml".to_owned()][..]), "{policy:?}");
    }
    assert_eq!(app.tree("main").await.unwrap()["k/dev.yaml"], "tag: clash\n");
    assert_ne!(tree.head().unwrap(), mine, "the work tree keeps its commits");
    assert!(tree.is_clean().await.unwrap(), "no conflict markers in its files");
    assert_eq!(read(tree.directory(), "k/dev.yaml").as_deref(), Some("tag: v3\n"));
}

#[tokio::test]
async fn force_replaces_what_it_has_seen() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let mine = edit(&tree, "mine", "1", "mine").await;
    app.commit(&Change::on("main", "meanwhile")).await.unwrap();
    let force = Push { mode: PushMode::Force, ..push(&tree) };
    let pushed = world.branch(&mirror, "main").push(&force, &mut Unrecorded).await.unwrap();
    assert_eq!(pushed.commit, mine);
    assert_eq!(subjects(&app, "main").await, ["first", "second", "mine"]);
    // A generated branch, twice.
    let generated = world.branch(&mirror, "kargo/promotion/dev.01hzz.abc1234");
    assert!(!generated.push(&force, &mut Unrecorded).await.unwrap().already_there);
    edit(&tree, "more", "1", "more").await;
    generated.push(&force, &mut Unrecorded).await.unwrap();
    assert_eq!(subjects(&app, "kargo/promotion/dev.01hzz.abc1234").await.len(), 4);
}

#[tokio::test]
async fn fm_06_a_lost_answer_is_not_a_second_push() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let mine = edit(&tree, "mine", "1", "mine").await;
    world.server.fail("/", Service::Push, Fault::LoseAnswer, Some(1));
    let mut ledger = Ledger::default();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut ledger).await.unwrap();
    assert_eq!((pushed.commit, pushed.already_there, ledger.intents.len()), (mine, true, 1));
    // (libcurl itself may have sent the request twice; the swap of the head makes that harmless.)
    assert_eq!(app.log("main").await.unwrap().len(), 3);
}

#[tokio::test]
async fn fm_06_a_resumed_push_finds_what_an_earlier_run_sent() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "mine", "1", "mine").await;
    let own = tree.head().unwrap();
    let saved = world.path("saved");
    copy(tree.directory(), &saved);
    app.commit(&Change::on("main", "meanwhile").file("other", "1")).await.unwrap();
    let mut ledger = Ledger::default();
    let first = world.branch(&mirror, "main").push(&push(&tree), &mut ledger).await.unwrap();
    assert_ne!(first.commit, own, "it was rebased");
    // The process died before it learned of it; the work tree is as before the push. Others went on.
    app.commit(&Change::on("main", "later").file("later", "1")).await.unwrap();
    let tree = world.git.open(&saved).unwrap();
    assert_eq!(tree.head().unwrap(), own);
    let resumed = Push { previously_recorded: &ledger.intents, ..push(&tree) };
    let mut second = Ledger::default();
    let pushed = world.branch(&mirror, "main").push(&resumed, &mut second).await.unwrap();
    assert_eq!((&pushed.commit, pushed.already_there), (&first.commit, true));
    assert!(second.intents.is_empty());
    assert_eq!(subjects(&app, "main").await, ["first", "second", "meanwhile", "mine", "later"]);
    assert_eq!(tree.head().unwrap(), first.commit);
    assert_eq!(read(&saved, "other").as_deref(), Some("1"));
    // What was recorded for another branch says nothing about this one.
    let elsewhere = Push { previously_recorded: &ledger.intents, ..push(&tree) };
    assert!(!world.branch(&mirror, "new").push(&elsewhere, &mut Unrecorded).await.unwrap().already_there);
}

#[tokio::test]
async fn fm_06_a_push_that_is_cut_at_any_instant_and_resumed_happens_once() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let main = world.branch(&mirror, "main");
    for turn in 0..16 {
        let tree = world.clone(&mirror, &format!("tree-{turn}")).await;
        edit(&tree, &format!("file-{turn}"), "x", &format!("turn {turn}")).await;
        // What was cut may still be at work at the server, and hold its locks.
        world.server.until(|counts| counts.open == 0).await;
        app.commit(&Change::on("main", &format!("meanwhile {turn}")).file("m", &turn.to_string()))
            .await
            .unwrap();
        // Who resumes has the files as they were before: the push may be cut while it moves them along.
        let saved = world.path(&format!("saved-{turn}"));
        copy(tree.directory(), &saved);
        let mut ledger = Ledger::default();
        // Nothing is waited for here: time runs out in a different place each turn.
        let cut =
            tokio::time::timeout(Duration::from_millis(turn * 15), main.push(&push(&tree), &mut ledger))
                .await;
        let recorded = ledger.intents.clone();
        let tree = world.git.open(&saved).unwrap();
        let resumed = Push { previously_recorded: &recorded, ..push(&tree) };
        let pushed = main.push(&resumed, &mut ledger).await.unwrap();
        if let Ok(first) = cut {
            assert_eq!((first.unwrap().commit, true), (pushed.commit.clone(), pushed.already_there));
        }
        assert_eq!(tree.head().unwrap(), pushed.commit);
        assert!(tree.is_clean().await.unwrap());
        let mine = format!("turn {turn}");
        let times = subjects(&app, "main").await.into_iter().filter(|message| *message == mine).count();
        assert_eq!(times, 1, "turn {turn}");
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn a_push_that_never_arrived_is_made_again() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let mine = edit(&tree, "mine", "1", "mine").await;
    world.server.fail("/", Service::Push, Fault::Status(500), Some(2));
    let mut ledger = Ledger::default();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut ledger).await.unwrap();
    assert_eq!((pushed.commit, ledger.intents.len()), (mine, 3));
    assert_eq!(app.log("main").await.unwrap().len(), 3);
}

#[tokio::test]
async fn refusals_are_final_and_attempts_are_bounded() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "mine", "1", "mine").await;
    let main = world.branch(&mirror, "main");

    app.refuse_pushes(Some("not on a Friday")).unwrap();
    let mut ledger = Ledger::default();
    let refused = main.push(&push(&tree), &mut ledger).await;
    let Err(PushError::Git(Error::Refused { detail, .. })) = &refused else { panic!("{refused:?}") };
    assert!(detail.contains("not on a Friday"), "{detail}");
    assert_eq!(ledger.intents.len(), 1);
    app.refuse_pushes(None).unwrap();

    world.server.fail("/", Service::PushAdvertisement, Fault::Status(403), None);
    let refused = main.push(&push(&tree), &mut Unrecorded).await;
    assert!(matches!(refused, Err(PushError::Git(Error::Unauthorized { .. }))), "{refused:?}");
    world.server.behave();

    world.server.fail("/", Service::Push, Fault::Status(500), None);
    let mut ledger = Ledger::default();
    let bounded = Push { max_attempts: 3, ..push(&tree) };
    let refused = main.push(&bounded, &mut ledger).await;
    assert!(matches!(refused, Err(PushError::Git(Error::Unreachable { .. }))), "{refused:?}");
    assert_eq!(ledger.intents.len(), 3);
    world.server.behave();

    app.commit(&Change::on("stage/dev", "x")).await.unwrap();
    let in_the_way = world.branch(&mirror, "stage").push(&push(&tree), &mut Unrecorded).await;
    assert!(matches!(in_the_way, Err(PushError::Git(Error::Refused { .. }))), "{in_the_way:?}");
}

#[tokio::test]
async fn a_push_ends_at_its_deadline() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "mine", "1", "mine").await;
    world.server.fail("/", Service::Push, Fault::Hang, None);
    let limited = Push { deadline: Some(Duration::from_secs(2)), ..push(&tree) };
    let late = world.branch(&mirror, "main").push(&limited, &mut Unrecorded).await;
    assert!(matches!(late, Err(PushError::Git(Error::Timeout { .. }))), "{late:?}");
    world.server.until(|counts| counts.open == 0).await;
    // The work tree and the branch are fit for the next run.
    world.server.behave();
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
}

#[tokio::test]
async fn uncommitted_changes_survive_a_push() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    edit(&tree, "mine", "1", "mine").await;
    crate::world::write(&tree, "README.md", "not committed\n");
    crate::world::write(&tree, "other.txt", "mine, not committed\n");
    app.commit(&Change::on("main", "meanwhile").file("other.txt", "theirs\n")).await.unwrap();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(tree.head().unwrap(), pushed.commit);
    assert_eq!(read(tree.directory(), "README.md").as_deref(), Some("not committed\n"));
    assert_eq!(read(tree.directory(), "other.txt").as_deref(), Some("mine, not committed\n"));
}

#[tokio::test]
async fn a_first_push_to_an_empty_repository() {
    let world = World::new().await;
    let app = world.server.create_repository("new", "main").await.unwrap();
    let mirror = world.mirror("new");
    let create = Checkout { create: true, ..Checkout::of(on("main")) };
    let tree = world.check_out(&mirror, "tree", create).await.work_tree;
    edit(&tree, "a", "1", "one").await;
    let mut ledger = Ledger::default();
    world.branch(&mirror, "main").push(&push(&tree), &mut ledger).await.unwrap();
    assert_eq!(ledger.intents[0].expected_head, None);
    assert_eq!(subjects(&app, "main").await, ["Initial commit", "one"]);
}
