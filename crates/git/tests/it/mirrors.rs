//! Listing, fetching, reading.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_git::{Access, Error, Git, Log, Mirror, RepoUrl, Revision, Unrecorded, Want};
use ferry_standin::git_server::{Change, Fault, Service};

use crate::world::{World, basic, branch, edit, id, on, push, settings, tag};

#[tokio::test]
async fn a_listing_names_the_default_branch_and_all_refs() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let head = app.head("main").await.unwrap().unwrap();
    app.tag("v1", &head, Some("one"), None).await.unwrap();
    app.tag("plain", &head, None, None).await.unwrap();
    let listing = mirror.list().await.unwrap();
    assert_eq!(listing.default_branch, Some(branch("main")));
    assert_eq!(listing.head, Some(id(&head)));
    assert_eq!(listing.tags().collect::<Vec<_>>(), [("plain", &id(&head)), ("v1", &id(&head))]);
    assert_eq!(mirror.list_branch(&branch("main")).await.unwrap(), Some(id(&head)));
    assert_eq!(mirror.list_branch(&branch("ain")).await.unwrap(), None);
    assert_eq!(mirror.list_tags().await.unwrap().refs.len(), 2);
}

#[tokio::test]
async fn revisions_resolve_to_commits() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let log = app.log("main").await.unwrap();
    let (first, second) = (&log[0].id, &log[1].id);
    let other = app.commit(&Change::on("stage/dev", "stage init").orphan()).await.unwrap();
    app.tag("v1", first, Some("one"), None).await.unwrap();
    let commit = |text: &str| Revision::Commit(text.parse().unwrap());
    for (revision, wanted) in [
        (Revision::Default, second),
        (on("main"), second),
        (on("stage/dev"), &other),
        (tag("v1"), first),
        (tag("main"), second),
        (commit(first), first),
        (commit(&other), &other),
        (commit(first.get(..9).unwrap()), first),
    ] {
        assert_eq!(mirror.resolve(&revision).await.unwrap(), id(wanted), "{revision}");
    }
    for revision in [on("none"), tag("none"), commit(&"1".repeat(40)), commit("abcdef")] {
        let error = mirror.resolve(&revision).await.unwrap_err();
        assert!(matches!(error, Error::RefNotFound { .. }), "{revision}: {error}");
        assert!(error.to_string().contains("does not exist in repository http://127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn fm_55_branch_tag_and_id_of_one_name_are_told_apart() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let log = app.log("main").await.unwrap();
    let other = app.commit(&Change::on("v1", "a branch like a tag").orphan()).await.unwrap();
    app.tag("v1", &log[0].id, None, None).await.unwrap();
    assert_eq!(mirror.resolve(&on("v1")).await.unwrap(), id(&other));
    assert_eq!(mirror.resolve(&tag("v1")).await.unwrap(), id(&log[0].id));
    let beginning = log[1].id.get(..8).unwrap();
    app.set_branch(beginning, Some(&other)).await.unwrap();
    let commit = Revision::Commit(beginning.parse().unwrap());
    assert_eq!(mirror.resolve(&commit).await.unwrap(), id(&log[1].id), "not the branch named {beginning}");
}

#[tokio::test]
async fn a_branch_may_become_a_directory_of_branches() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    app.commit(&Change::on("stage", "one")).await.unwrap();
    mirror.resolve(&on("stage")).await.unwrap();
    mirror.fetch([Want::Everything]).await.unwrap();
    app.set_branch("stage", None).await.unwrap();
    let below = app.commit(&Change::on("stage/dev", "two")).await.unwrap();
    assert_eq!(mirror.resolve(&on("stage/dev")).await.unwrap(), id(&below));
    mirror.fetch([Want::Everything]).await.unwrap();
    assert!(matches!(mirror.resolve(&on("stage")).await, Err(Error::RefNotFound { .. })), "no memory of it");
}

#[tokio::test]
async fn a_log_follows_first_parents_newest_first() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let message = "third: żółw\n\nbody\n";
    let third = app
        .commit(&Change::on("main", message).at(3000).by("Ann Ż", "ann@x.y").file("a b", "1"))
        .await
        .unwrap();
    let (view, head) = mirror.fetch_revision(&on("main")).await.unwrap();
    assert_eq!(head, id(&third));
    let log = view.log(&Log::newest(head.clone(), 2)).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!((&*log[0].author, &*log[0].subject), ("Ann Ż <ann@x.y>", "third: żółw"));
    assert_eq!(log[0].message, "third: żółw\n\nbody");
    assert_eq!((log[0].commit_date.as_second(), log[0].parents.len()), (3000, 1));
    assert_eq!(log[1].subject, "second");
    let older = view.log(&Log { skip: 2, ..Log::newest(head.clone(), 10) }).await.unwrap();
    assert_eq!(older.iter().map(|commit| &*commit.subject).collect::<Vec<_>>(), ["first"]);
    let since = Some(jiff::Timestamp::from_second(1500).unwrap());
    assert_eq!(view.log(&Log { since, ..Log::newest(head, 10) }).await.unwrap().len(), 2);
}

#[tokio::test]
async fn fm_44_paths_of_moves_merges_and_first_commits() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let moved = Change::on("main", "move").remove("README.md").file("docs/a b.md", "hello\n");
    let moved = app.commit(&moved).await.unwrap();
    // A merge, made through a work tree: the side branch brings `side`, the main line `line`.
    app.commit(&Change::on("side", "side").from("main").file("side", "1")).await.unwrap();
    app.commit(&Change::on("main", "line").file("line", "1")).await.unwrap();
    let tree = world.clone(&mirror, "tree").await;
    let side = mirror.check_out(&world.path("side"), &ferry_git::Checkout::of(on("side"))).await.unwrap();
    let policy = ferry_git::PushPolicy::AlwaysMerge;
    let push = ferry_git::Push {
        mode: ferry_git::PushMode::Integrate(policy),
        ..ferry_git::Push::of(&side.work_tree)
    };
    let main = world.branch(&mirror, "main");
    let merge = main.push(&push, &mut ferry_git::Unrecorded).await.unwrap().commit;
    let (view, _) = mirror.fetch_revision(&on("main")).await.unwrap();
    // The merge's first parent is the side branch, so it brought what the main line had.
    assert_eq!(view.changed_paths(&merge).await.unwrap(), ["line"]);
    assert_eq!(view.changed_paths(&id(&moved)).await.unwrap(), ["README.md", "docs/a b.md"]);
    let log = app.log("main").await.unwrap();
    assert_eq!(view.changed_paths(&id(&log[0].id)).await.unwrap(), ["README.md", "k/dev.yaml"]);
    let ids: Vec<_> = log.iter().rev().map(|entry| id(&entry.id)).collect();
    let all = view.changed_paths_of(&ids).await.unwrap();
    assert_eq!((all.len(), &*all[&merge]), (ids.len(), &["line".to_owned()][..]));
    drop(tree);
}

#[tokio::test]
async fn tags_come_newest_first_with_what_they_name() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let log = app.log("main").await.unwrap();
    app.tag("v1", &log[0].id, Some("first release"), Some("2031-01-01T00:00:00Z")).await.unwrap();
    app.tag("plain", &log[1].id, None, None).await.unwrap();
    let (_, tags) = mirror.tags().await.unwrap();
    let names: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["v1", "plain"]);
    assert_eq!((&tags[0].id, &*tags[0].subject), (&id(&log[0].id), "first"));
    assert_eq!(tags[0].annotation.as_deref(), Some("first release"));
    assert_eq!(tags[0].tagger.as_deref(), Some("Dev <dev@example.test>"));
    assert_eq!(tags[0].creator_date.to_string(), "2031-01-01T00:00:00Z");
    assert_eq!((tags[1].creator_date.as_second(), &tags[1].annotation), (2000, &None));
    assert_eq!(tags[1].author, "Dev <dev@example.test>");
}

#[tokio::test]
async fn what_is_missing_empty_or_forbidden_is_said() {
    let world = World::new().await;
    world.server.create_repository("empty", "main").await.unwrap();
    world.server.create_repository("private/app", "main").await.unwrap();
    world.server.protect("/private/", "me", "s3cret");
    let fails = async |mirror: &Mirror| mirror.resolve(&Revision::Default).await.unwrap_err();
    let error = fails(&world.mirror("none")).await;
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let error = fails(&world.mirror("empty")).await;
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    let error = fails(&world.mirror("private/app")).await;
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    let wrong = world.git.mirror(&world.url("private/app"), &basic("me", "wr0ng")).unwrap();
    let error = fails(&wrong).await;
    assert!(matches!(error, Error::Unauthorized { .. }) && !error.to_string().contains("wr0ng"), "{error}");
    let right = world.git.mirror(&world.url("private/app"), &basic("me", "s3cret")).unwrap();
    let error = fails(&right).await;
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    world.server.fail("/", Service::Any, Fault::Status(500), None);
    let error = fails(&right).await;
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_transient(), "{error}");
    drop(world.server);
    let error = fails(&right).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_mirror_serves_only_whom_the_server_accepts_now() {
    let world = World::new().await;
    let app = world.server.create_repository("private/app", "main").await.unwrap();
    let head = app.commit(&Change::on("main", "first")).await.unwrap();
    world.server.protect("/private/", "me", "one");
    let mirror = world.git.mirror(&world.url("private/app"), &basic("me", "one")).unwrap();
    let commit = Revision::Commit(head.parse().unwrap());
    assert_eq!(mirror.resolve(&commit).await.unwrap(), id(&head));
    let stranger = world.git.mirror(&world.url("private/app"), &Access::default()).unwrap();
    assert!(matches!(stranger.resolve(&commit).await, Err(Error::Unauthorized { .. })));
    // The password was changed: what the mirror holds is no longer handed out.
    world.server.protect("/private/", "me", "two");
    for revision in [commit, on("main"), Revision::Default] {
        let result = mirror.resolve(&revision).await;
        assert!(matches!(result, Err(Error::Unauthorized { .. })), "{revision}: {result:?}");
    }
}

#[tokio::test]
async fn callers_who_ask_together_share_one_fetch() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    mirror.resolve(&on("main")).await.unwrap();
    let hold = world.server.hold("/", Service::FetchAdvertisement);
    world.server.reset_counts();
    let ask = |world: &World| {
        let mirror = world.mirror("app");
        tokio::spawn(async move { mirror.resolve(&on("main")).await })
    };
    let first = ask(&world);
    world.server.until(|counts| counts.fetch_advertisement == 1).await;
    // One fetch runs; these came after it began, so they share the next one.
    let others: Vec<_> = (0..10).map(|_| ask(&world)).collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(hold);
    for task in others.into_iter().chain([first]) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.server.counts().fetch_advertisement, 2, "{:?}", world.server.counts());
}

#[tokio::test]
async fn one_who_leaves_does_not_end_the_fetch_of_others() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let hold = world.server.hold("/", Service::FetchAdvertisement);
    let ask = |mirror: &Mirror| {
        let mirror = mirror.clone();
        tokio::spawn(async move { mirror.resolve(&on("main")).await })
    };
    let leaving = ask(&mirror);
    world.server.until(|counts| counts.open == 1).await;
    let staying = ask(&mirror);
    tokio::task::yield_now().await;
    leaving.abort();
    world.server.until(|counts| counts.requests >= 2).await;
    drop(hold);
    staying.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_process_cannot_use_the_cache() {
    let world = World::new().await;
    let second = Git::new(&world.path("cache"), settings());
    assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}");
    let World { place, git, .. } = world;
    drop(git);
    Git::new(&place.path().join("cache"), settings()).unwrap();
}

#[tokio::test]
async fn many_fetches_leave_few_objects_behind() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let mut head = String::new();
    for turn in 0..60 {
        head = app.commit(&Change::on("main", "more").file("n", &turn.to_string())).await.unwrap();
        mirror.resolve(&on("main")).await.unwrap();
    }
    let loose = walk(&world.path("cache/mirrors")).filter(|path| !path.contains("/pack/")).count();
    assert!(loose < 100, "{loose} files are left");
    assert_eq!(mirror.resolve(&on("main")).await.unwrap(), id(&head));
}

/// Relays to a server; while `mangles` is set, the next pack that comes is changed in one bit.
fn relay(to: String, mangles: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
            let (mut from, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let (mut asked, mut sent) = (client, server);
            std::thread::spawn(move || {
                let _gone = std::io::copy(&mut asked, &mut sent);
            });
            let mangles = mangles.clone();
            std::thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(n @ 1..) = from.read(&mut bytes) {
                    let pack = bytes[..n].windows(4).position(|four| four == b"PACK");
                    if let Some(at) = pack.filter(|at| at + 40 < n)
                        && mangles.swap(false, Ordering::SeqCst)
                    {
                        bytes[at + 30] ^= 0x10;
                    }
                    if back.write_all(&bytes[..n]).is_err() {
                        break;
                    }
                }
                let _gone = back.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    url
}

#[tokio::test]
async fn what_was_damaged_on_its_way_is_fetched_again() {
    let world = World::new().await;
    let (app, direct) = world.app().await;
    let mangles = Arc::new(AtomicBool::new(false));
    let address = direct.url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let url = direct.url().replace(&format!("http://{address}"), &relay(address.clone(), mangles.clone()));
    let mirror = world.git.mirror(&RepoUrl::parse(&url).unwrap(), &Access::default()).unwrap();
    let tree = world.clone(&mirror, "tree").await;
    let number = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_string();
    let noise: String = (0..4000).map(number).collect();
    let newer = app.commit(&Change::on("main", "newer").file("noise", &noise)).await.unwrap();
    mangles.store(true, Ordering::SeqCst);
    assert_eq!(mirror.resolve(&on("main")).await.unwrap().as_str(), newer);
    assert!(!mangles.load(Ordering::SeqCst), "nothing was mangled");
    // What others borrow is where it was.
    edit(&tree, "a", "1", "one").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
}

#[tokio::test]
async fn a_damaged_mirror_is_made_anew() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    mirror.resolve(&on("main")).await.unwrap();
    // A power cut leaves files without content.
    for file in walk(&world.path("cache/mirrors")).filter(|path| path.contains("/objects/")) {
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "").unwrap();
    }
    let head = app.commit(&Change::on("main", "third")).await.unwrap();
    let (view, found) = mirror.fetch_revision(&on("main")).await.unwrap();
    assert_eq!(found, id(&head));
    assert_eq!(view.log(&Log::newest(found, 10)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_program_is_checked_at_the_start() {
    let world = World::new().await;
    assert!(world.git.version().await.unwrap().starts_with("2."));
    let missing = ferry_git::Settings { program: "/nowhere/git".into(), ..settings() };
    let missing = Git::new(&world.path("other"), missing).unwrap().version().await.unwrap_err();
    assert!(missing.to_string().contains("install Git 2.39 or later"), "{missing}");
}

fn walk(directory: &std::path::Path) -> Box<dyn Iterator<Item = String>> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    Box::new(entries.flat_map(|entry| -> Box<dyn Iterator<Item = String>> {
        if entry.file_type().unwrap().is_dir() {
            return walk(&entry.path());
        }
        Box::new(std::iter::once(entry.path().display().to_string()))
    }))
}
