//! Files that are lent to work trees: one file under many names, and nobody sees another's changes.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use ferry_git::{Checkout, Error, Unrecorded};
use ferry_standin::git_server::Change;

use crate::world::{World, edit, on, push, read};

fn inode(world: &World, path: &str) -> u64 {
    std::fs::metadata(world.path(path)).unwrap().ino()
}

#[tokio::test]
async fn work_trees_share_their_files_until_they_change_them() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let one = world.clone(&mirror, "one").await;
    let two = world.clone(&mirror, "two").await;
    assert_eq!(inode(&world, "one/README.md"), inode(&world, "two/README.md"));
    assert!(one.is_clean().await.unwrap() && two.is_clean().await.unwrap());
    // As the work directory does: a new file takes the place of the old one.
    std::fs::write(world.path("new"), "tag: v3\n").unwrap();
    std::fs::rename(world.path("new"), world.path("one/k/dev.yaml")).unwrap();
    assert_eq!(read(two.directory(), "k/dev.yaml").as_deref(), Some("tag: v2\n"));
    assert_eq!(one.status().await.unwrap().len(), 1);
    assert!(two.is_clean().await.unwrap());
    one.commit(&crate::world::message("three")).await.unwrap();
    // What a push brings along replaces files too.
    app.commit(&Change::on("main", "meanwhile").file("README.md", "changed\n")).await.unwrap();
    world.branch(&mirror, "main").push(&push(&one), &mut Unrecorded).await.unwrap();
    assert_eq!(read(one.directory(), "README.md").as_deref(), Some("changed\n"));
    assert_eq!(read(two.directory(), "README.md").as_deref(), Some("hello\n"));
}

#[tokio::test]
async fn the_files_move_along_with_the_branch_and_back() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let first = world.clone(&mirror, "first").await;
    let unchanged = inode(&world, "first/README.md");
    let change = Change::on("main", "third").file("k/dev.yaml", "tag: v3\n").file("deep/er/new", "n\n");
    app.commit(&change).await.unwrap();
    let second = world.clone(&mirror, "second").await;
    assert_eq!(read(second.directory(), "k/dev.yaml").as_deref(), Some("tag: v3\n"));
    assert_eq!(read(second.directory(), "deep/er/new").as_deref(), Some("n\n"));
    assert_eq!(inode(&world, "second/README.md"), unchanged, "only what differs was written");
    assert_eq!(read(first.directory(), "k/dev.yaml").as_deref(), Some("tag: v2\n"));
    let log = app.log("main").await.unwrap();
    let old = Checkout::of(ferry_git::Revision::Commit(log[0].id.parse().unwrap()));
    let old = world.check_out(&mirror, "old", old).await.work_tree;
    assert_eq!(read(old.directory(), "k/dev.yaml").as_deref(), Some("tag: v1\n"));
    assert!(!world.path("old/deep").exists());
    for tree in [&first, &second, &old] {
        assert!(tree.is_clean().await.unwrap());
    }
    // Other directories, other files.
    let sparse = Checkout { sparse: vec!["deep".into()], ..Checkout::of(on("main")) };
    let sparse = world.check_out(&mirror, "sparse", sparse).await.work_tree;
    assert!(world.path("sparse/deep/er/new").exists() && !world.path("sparse/k").exists());
    assert!(sparse.is_clean().await.unwrap());
}

#[tokio::test]
async fn a_file_that_somebody_wrote_into_is_made_anew() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let one = world.clone(&mirror, "one").await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    let file = std::fs::File::options().write(true).open(world.path("one/README.md")).unwrap();
    std::io::Write::write_all(&mut &file, b"evil!").unwrap();
    file.set_modified(later).unwrap();
    let two = world.clone(&mirror, "two").await;
    assert_eq!(read(two.directory(), "README.md").as_deref(), Some("hello\n"));
    assert!(two.is_clean().await.unwrap());
    assert!(!one.is_clean().await.unwrap(), "it stays where it was written");
    // Also where the branch has moved meanwhile.
    std::fs::write(world.path("two/README.md"), "evil again, and long\n").unwrap();
    app.commit(&Change::on("main", "meanwhile").file("a", "1")).await.unwrap();
    let three = world.clone(&mirror, "three").await;
    assert_eq!(read(three.directory(), "README.md").as_deref(), Some("hello\n"));
    edit(&three, "b", "1", "b").await;
}

#[tokio::test]
async fn other_attributes_write_other_files() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    world.clone(&mirror, "before").await;
    app.commit(&Change::on("main", "attributes").file("k/.gitattributes", "*.yaml eol=crlf\n"))
        .await
        .unwrap();
    let after = world.clone(&mirror, "after").await;
    assert_eq!(read(after.directory(), "k/dev.yaml").as_deref(), Some("tag: v2\r\n"));
    assert_eq!(read(&world.path("before"), "k/dev.yaml").as_deref(), Some("tag: v2\n"));
    assert!(after.is_clean().await.unwrap());
}

#[tokio::test]
async fn a_cache_that_was_left_half_moved_is_made_anew() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    world.clone(&mirror, "one").await;
    let trees = std::fs::read_dir(world.path("cache/mirrors")).unwrap().next().unwrap().unwrap();
    let selection = std::fs::read_dir(trees.path().join("trees")).unwrap().next().unwrap().unwrap();
    // As a kill leaves it: no word of what is there, and a lock.
    std::fs::remove_file(selection.path().join("head")).unwrap();
    std::fs::remove_file(selection.path().join("tree/README.md")).unwrap();
    std::fs::write(selection.path().join("tree/.git/index.lock"), "").unwrap();
    drop(mirror);
    let two = world.clone(&world.mirror("app"), "two").await;
    assert_eq!(read(two.directory(), "README.md").as_deref(), Some("hello\n"));
    assert!(two.is_clean().await.unwrap());
}

#[tokio::test]
async fn a_work_tree_that_comes_back_is_put_right_and_lent_again() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let change =
        Change::on("main", "more").file("deep/a", "a\n").file("deep/b", "b\n").link("link", "README.md");
    app.commit(&change).await.unwrap();
    let work = world.path("work");
    std::fs::create_dir(&work).unwrap();
    let old = world.clone(&mirror, "work/out").await;
    let kept = inode(&world, "work/out/deep/a");
    // Its owner has left things behind, changed some and removed others.
    std::fs::write(work.join("new"), "changed\n").unwrap();
    std::fs::rename(work.join("new"), work.join("out/deep/b")).unwrap();
    old.commit(&crate::world::message("mine")).await.unwrap();
    crate::world::write(&old, "secret", "of somebody\n");
    std::fs::remove_file(work.join("out/README.md")).unwrap();
    std::fs::remove_file(work.join("out/link")).unwrap();
    std::fs::create_dir_all(work.join("out/link/dir")).unwrap();
    std::fs::write(work.join("out/.git/config"), "[core]\n\tfsmonitor = evil\n").unwrap();
    std::fs::create_dir(work.join("plain")).unwrap();
    world.git.take_back(&work);
    assert!(!work.join("out").exists() && work.join("plain").exists());
    app.commit(&Change::on("main", "later").file("deep/c", "c\n")).await.unwrap();
    let new = world.clone(&mirror, "new").await;
    assert_eq!(inode(&world, "new/deep/a"), kept);
    for (path, text) in [("deep/b", "b\n"), ("deep/c", "c\n"), ("README.md", "hello\n"), ("link", "hello\n")]
    {
        assert_eq!(read(new.directory(), path).as_deref(), Some(text), "{path}");
    }
    assert!(!world.path("new/secret").exists());
    assert!(new.is_clean().await.unwrap());
    edit(&new, "deep/d", "d\n", "goes on").await;
    world.branch(&mirror, "main").push(&push(&new), &mut Unrecorded).await.unwrap();
    // The second one gets no spare, and is as good.
    assert!(world.clone(&mirror, "another").await.is_clean().await.unwrap());
}

#[tokio::test]
async fn a_work_tree_that_was_made_ready_for_nothing_is_there_for_the_next() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    app.commit(&Change::on("main", "more").file("deep/a", "a\n")).await.unwrap();
    let work = world.path("work");
    std::fs::create_dir(&work).unwrap();
    world.clone(&mirror, "work/out").await;
    let kept = inode(&world, "work/out/deep");
    world.git.take_back(&work);
    // There is no room for it, and then no such branch any more.
    std::fs::create_dir(world.path("full")).unwrap();
    std::fs::write(world.path("full/file"), "").unwrap();
    let full = mirror.check_out(&world.path("full"), &Checkout::of(on("main"))).await;
    assert!(matches!(full, Err(Error::Exists { .. })), "{full:?}");
    let nothing = mirror.fetch_checkouts(&[Checkout::of(on("main")), Checkout::of(on("main"))]).await;
    drop(nothing.unwrap());
    for round in 0..3 {
        let name = format!("work/{round}");
        app.commit(&Change::on("main", &name).file(&format!("deep/{round}/b"), "b\n")).await.unwrap();
        // What looks at it may not be done with giving it back.
        let tries = (0..500).take_while(|_| !places(&world).iter().any(|place| has_spare(place)));
        tries.for_each(|_| std::thread::park_timeout(Duration::from_millis(10)));
        let tree = world.clone(&mirror, &name).await;
        assert_eq!(inode(&world, &format!("{name}/deep")), kept);
        assert_eq!(read(tree.directory(), &format!("deep/{round}/b")).as_deref(), Some("b\n"));
        assert!(tree.is_clean().await.unwrap());
        world.git.take_back(&work);
    }
}

fn has_spare(place: &std::path::Path) -> bool {
    std::fs::read_dir(place.join("spare")).is_ok_and(|mut spares| spares.next().is_some())
}

/// The places of files in the cache.
fn places(world: &World) -> Vec<std::path::PathBuf> {
    let entries = |path: &std::path::Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    entries(&world.path("cache/mirrors")).iter().flat_map(|mirror| entries(&mirror.join("trees"))).collect()
}

#[tokio::test]
async fn branches_keep_apart_and_only_some_are_kept() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    world.clone(&mirror, "main").await;
    let kept = inode(&world, "main/README.md");
    for n in 0..12 {
        let branch = format!("stage/{n}");
        app.commit(&Change::on(&branch, "init").orphan().file("only", &n.to_string())).await.unwrap();
        let tree = world.check_out(&mirror, &format!("tree-{n}"), Checkout::of(on(&branch))).await.work_tree;
        assert_eq!(read(tree.directory(), "only"), Some(n.to_string()));
        assert!(tree.is_clean().await.unwrap() && !tree.directory().join("README.md").exists());
        if n < 5 {
            world.clone(&mirror, &format!("main-{n}")).await;
            assert_eq!(
                inode(&world, &format!("main-{n}/README.md")),
                kept,
                "another branch does not move it"
            );
        }
    }
    assert_eq!(places(&world).len(), 8);
    assert!(world.clone(&mirror, "again").await.is_clean().await.unwrap());
}

#[tokio::test]
async fn what_makes_room_is_never_half_there() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let names: Vec<_> = (0..12).map(|n| format!("b{n}")).collect();
    for name in &names {
        app.commit(&Change::on(name, "one").file("a", name)).await.unwrap();
    }
    // All at once, as one step may ask for them.
    let checkouts: Vec<_> = names.iter().map(|name| Checkout::of(on(name))).collect();
    let view = mirror.fetch_checkouts(&checkouts).await.unwrap();
    for (name, checkout) in names.iter().zip(&checkouts) {
        view.check_out(&world.path(name), checkout).await.unwrap();
    }
    assert_eq!(places(&world).len(), 8);
    // Whoever is killed while what made room is removed leaves nothing that anybody believes.
    let left = world.path("cache/mirrors").read_dir().unwrap().next().unwrap().unwrap().path().join("gone");
    std::fs::create_dir_all(left.join("left/tree")).unwrap();
    let tree = world.clone(&mirror, "again").await;
    assert!(tree.is_clean().await.unwrap());
    let tries = (0..500).take_while(|_| left.read_dir().unwrap().next().is_some());
    tries.for_each(|_| std::thread::park_timeout(Duration::from_millis(10)));
    assert!(left.read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn after_another_boot_nothing_of_the_cache_is_trusted() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    world.clone(&mirror, "one").await;
    // As a power cut may leave it: the names are there, what was written is not.
    let place = places(&world).remove(0);
    let head = std::fs::read_to_string(place.join("head")).unwrap();
    std::fs::write(place.join("tree/README.md"), "").unwrap();
    std::fs::write(place.join("head"), format!("{}\nanother-boot\n", head.lines().next().unwrap())).unwrap();
    drop(mirror);
    let two = world.clone(&world.mirror("app"), "two").await;
    assert_eq!(read(two.directory(), "README.md").as_deref(), Some("hello\n"));
    assert!(two.is_clean().await.unwrap());
}

#[tokio::test]
async fn where_the_cache_cannot_be_used_files_are_written() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    world.clone(&mirror, "one").await;
    let trees = places(&world).remove(0).parent().unwrap().to_owned();
    std::fs::remove_dir_all(&trees).unwrap();
    std::fs::write(&trees, "no directory").unwrap();
    drop(mirror);
    let two = world.clone(&world.mirror("app"), "two").await;
    assert_eq!(read(two.directory(), "README.md").as_deref(), Some("hello\n"));
    assert!(two.is_clean().await.unwrap());
}
