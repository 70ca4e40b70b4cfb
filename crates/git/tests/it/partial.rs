//! Mirrors that have contents of files only as they are needed.

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use ferry_git::{Access, CheckedOut, Checkout, Error, Integration, Mirror, PushError, Unrecorded};
use ferry_standin::git_server::{Change, Repository};

use crate::world::{World, edit, on, push, read};

/// A repository whose server can leave contents out, and a mirror that wants that.
async fn app(world: &World) -> (Repository, Mirror) {
    let (app, _) = world.app().await;
    run(&app, &["config", "uploadpack.allowFilter", "true"]);
    let lines = |first: &str| {
        (0..40).map(|i| if i == 0 { format!("{first}\n") } else { format!("line {i}\n") }).collect::<String>()
    };
    let (old, new) = (lines("old"), lines("new"));
    app.commit(&Change::on("main", "old").file("big/a", &old).file("k/x/deep", "d\n")).await.unwrap();
    app.commit(&Change::on("main", "new").file("big/a", &new)).await.unwrap();
    let access = Access { blobless: true, ..Access::default() };
    (app, world.git.mirror(&world.url("app"), &access).unwrap())
}

fn run(repository: &Repository, arguments: &[&str]) -> String {
    git(repository.directory(), arguments)
}

fn git(at: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(at).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// How many contents the only mirror does not have.
fn missing(world: &World) -> usize {
    let mirror = std::fs::read_dir(world.path("cache/mirrors")).unwrap().next().unwrap().unwrap().path();
    let listed = git(&mirror, &["rev-list", "--objects", "--missing=print", "--all"]);
    listed.lines().filter(|line| line.starts_with('?')).count()
}

async fn check_out(world: &World, mirror: &Mirror, name: &str, sparse: &[&str]) -> CheckedOut {
    let sparse = sparse.iter().map(|path| (*path).to_owned()).collect();
    world.check_out(mirror, name, Checkout { sparse, ..Checkout::of(on("main")) }).await
}

#[tokio::test]
async fn only_what_is_checked_out_is_brought() {
    let world = World::new().await;
    let (app, mirror) = app(&world).await;
    let out = check_out(&world, &mirror, "sparse", &["k/x"]).await;
    assert_eq!(read(&world.path("sparse"), "k/x/deep").as_deref(), Some("d\n"));
    assert_eq!(read(&world.path("sparse"), "k/dev.yaml").as_deref(), Some("tag: v2\n"));
    assert!(!world.path("sparse/big").exists() && out.work_tree.is_clean().await.unwrap());
    assert_eq!(missing(&world), 3, "two of big/a, one of k/dev.yaml");
    check_out(&world, &mirror, "whole", &[]).await;
    assert!(read(&world.path("whole"), "big/a").unwrap().starts_with("new"));
    assert_eq!(missing(&world), 2, "what was there before");
    let number = |name: &str| world.path(name).join("README.md").metadata().unwrap().ino();
    check_out(&world, &mirror, "beside", &[]).await;
    assert_eq!(number("whole"), number("beside"), "files are lent");
    // What is here is asked for no more; a later commit brings its own.
    world.server.reset_counts();
    check_out(&world, &mirror, "again", &[]).await;
    let once = world.server.counts().fetch;
    app.commit(&Change::on("main", "more").file("more", "m\n")).await.unwrap();
    world.server.reset_counts();
    check_out(&world, &mirror, "later", &[]).await;
    assert_eq!(read(&world.path("later"), "more").as_deref(), Some("m\n"));
    assert!(world.server.counts().fetch > once);
    assert_eq!(missing(&world), 2);
}

#[tokio::test]
async fn packing_neither_loses_nor_asks_for_anything() {
    let world = World::new().await;
    let (app, mirror) = app(&world).await;
    let tree = check_out(&world, &mirror, "tree", &["k"]).await.work_tree;
    edit(&tree, "k/dev.yaml", "tag: v3\n", "ours").await;
    let before = missing(&world);
    for turn in 0..60 {
        app.commit(&Change::on("main", "more").file("n", &turn.to_string())).await.unwrap();
        mirror.resolve(&on("main")).await.unwrap();
    }
    assert_eq!(missing(&world), before + 60);
    let mirrors = std::fs::read_dir(world.path("cache/mirrors")).unwrap().next().unwrap().unwrap().path();
    let packs = std::fs::read_dir(mirrors.join("objects/pack")).unwrap().count();
    assert!(packs < 60, "{packs} files are left");
    check_out(&world, &mirror, "again", &["k"]).await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(app.tree("main").await.unwrap()["k/dev.yaml"], "tag: v3\n");
}

#[tokio::test]
async fn what_is_pushed_is_merged_with_what_was_never_here() {
    let world = World::new().await;
    let (app, mirror) = app(&world).await;
    let tree = check_out(&world, &mirror, "tree", &["k", "big"]).await.work_tree;
    let ours = read(tree.directory(), "big/a").unwrap().replace("line 39", "our line");
    edit(&tree, "big/a", &ours, "ours").await;
    // The same file elsewhere, another one, and one outside of what is checked out.
    let theirs =
        read(tree.directory(), "big/a").unwrap().replace("our line", "line 39").replace("new", "newer");
    let change =
        Change::on("main", "theirs").file("big/a", &theirs).file("k/theirs", "t\n").file("z/z", "z\n");
    app.commit(&change).await.unwrap();
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    let files = app.tree("main").await.unwrap();
    assert!(files["big/a"].starts_with("newer\n") && files["big/a"].ends_with("our line\n"));
    assert_eq!((read(tree.directory(), "k/theirs").as_deref(), &*files["z/z"]), (Some("t\n"), "z\n"));
    assert!(tree.is_clean().await.unwrap());
    // The same line is still a conflict.
    edit(&tree, "big/a", "ours\n", "again").await;
    app.commit(&Change::on("main", "theirs again").file("big/a", "theirs\n")).await.unwrap();
    let conflict = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap_err();
    let during = Integration::Rebase;
    assert!(
        matches!(&conflict, PushError::Git(Error::Conflict { during: d, .. }) if *d == during),
        "{conflict}"
    );
}

#[tokio::test]
async fn fm_54_a_server_that_cannot_leave_contents_out_sends_them_all() {
    let world = World::new().await;
    let (app, mirror) = app(&world).await;
    run(&app, &["config", "uploadpack.allowFilter", "false"]);
    let tree = check_out(&world, &mirror, "tree", &["k"]).await.work_tree;
    assert_eq!(missing(&world), 0);
    edit(&tree, "k/dev.yaml", "tag: v9\n", "ours").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(app.tree("main").await.unwrap()["k/dev.yaml"], "tag: v9\n");
}
