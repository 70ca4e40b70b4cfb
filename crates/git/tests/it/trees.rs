//! Checking out, committing, moving and mistrusting work trees.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ferry_git::{Author, BranchName, Checkout, Commit, Error, Git, Identity, Revision, Unrecorded};
use ferry_standin::git_server::Change;

use crate::world::{World, edit, id, message, on, push, read, settings, tag, write};

#[tokio::test]
async fn a_branch_a_tag_a_commit_and_the_default_are_checked_out() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let log = app.log("main").await.unwrap();
    app.tag("v1", &log[0].id, None, None).await.unwrap();
    let commit = Revision::Commit(log[0].id.parse().unwrap());
    for (name, revision, head, branch) in [
        ("a", on("main"), 1, Some("main")),
        ("b", tag("v1"), 0, None),
        ("c", commit, 0, None),
        ("d", Revision::Default, 1, Some("main")),
        ("e", tag("main"), 1, Some("main")),
    ] {
        let out = world.check_out(&mirror, name, Checkout::of(revision)).await;
        assert_eq!(out.head, id(&log[head].id), "{name}");
        assert_eq!(out.branch.as_ref().map(BranchName::as_str), branch, "{name}");
        assert_eq!(out.work_tree.current_branch().unwrap(), out.branch);
        assert_eq!(out.work_tree.head().unwrap(), out.head);
        let content = format!("tag: v{}\n", head + 1);
        assert_eq!(read(&world.path(name), "k/dev.yaml"), Some(content));
        assert!(out.work_tree.is_clean().await.unwrap() && !out.created);
        assert_eq!(out.work_tree.url().unwrap(), world.url("app"));
    }
}

#[tokio::test]
async fn a_place_that_is_taken_stays_as_it_is() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    std::fs::create_dir(world.path("empty")).unwrap();
    world.clone(&mirror, "empty").await;
    let taken = mirror.check_out(&world.path("empty"), &Checkout::of(on("main"))).await;
    assert!(matches!(taken, Err(Error::Exists { .. })), "{taken:?}");
    std::fs::write(world.path("file"), "x").unwrap();
    let taken = mirror.check_out(&world.path("file"), &Checkout::of(on("main"))).await;
    assert!(matches!(taken, Err(Error::Exists { .. })), "{taken:?}");
}

#[tokio::test]
async fn a_branch_that_is_gone_is_made_only_on_request() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let missing = mirror.check_out(&world.path("a"), &Checkout::of(on("envs/new"))).await;
    assert!(matches!(missing, Err(Error::RefNotFound { .. })), "{missing:?}");
    let create = Checkout { create: true, ..Checkout::of(on("envs/new")) };
    let out = world.check_out(&mirror, "b", create).await;
    assert!(out.created && app.head("envs/new").await.unwrap().is_none());
    let pushed =
        world.branch(&mirror, "envs/new").push(&push(&out.work_tree), &mut Unrecorded).await.unwrap();
    assert_eq!(pushed.commit, out.head);
    let log = app.log("envs/new").await.unwrap();
    assert_eq!((log.len(), &*log[0].message, log[0].parents.len()), (1, "Initial commit", 0));
    assert_eq!(log[0].author, "Kargo <no-reply@kargo.io>");
    assert!(app.tree("envs/new").await.unwrap().is_empty());
    // One that exists is simply checked out; nothing but a branch can be made.
    let create = Checkout { create: true, ..Checkout::of(on("main")) };
    assert!(!world.check_out(&mirror, "c", create).await.created);
    let create = Checkout { create: true, ..Checkout::of(tag("none")) };
    assert!(mirror.check_out(&world.path("d"), &create).await.is_err());
    // Also in a repository without any commit.
    world.server.create_repository("empty", "main").await.unwrap();
    let create = Checkout { create: true, ..Checkout::of(on("main")) };
    assert!(world.check_out(&world.mirror("empty"), "e", create).await.created);
}

#[tokio::test]
async fn everything_that_changed_is_committed() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let directory = tree.directory().to_owned();
    std::fs::remove_file(directory.join("README.md")).unwrap();
    write(&tree, "new/deep.txt", "n\n");
    write(&tree, "run.sh", "#!/bin/sh\n");
    std::fs::set_permissions(directory.join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", directory.join("link")).unwrap();
    write(&tree, ".gitignore", "*.tmp\n");
    write(&tree, "x.tmp", "ignored");
    assert_eq!(tree.status().await.unwrap().len(), 5);
    let commit = Commit { message: "  subject\n\n\n\nbody # kept\n\n".into(), ..message("") };
    let committed = tree.commit(&commit).await.unwrap();
    assert!(committed.changed && tree.is_clean().await.unwrap());
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    let files = app.tree("main").await.unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, [".gitignore", "k/dev.yaml", "link", "new/deep.txt", "run.sh"]);
    assert_eq!(files["link"], "/etc/passwd", "the link itself, not what it names");
    let entry = app.log("main").await.unwrap().pop().unwrap();
    assert_eq!(entry.id, committed.id.as_str());
    assert_eq!((&*entry.message, &*entry.author), ("  subject\n\nbody # kept", "Kargo <no-reply@kargo.io>"));
}

#[tokio::test]
async fn nothing_new_is_no_commit_and_bad_commits_are_refused() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let committed = tree.commit(&message("nothing")).await.unwrap();
    assert_eq!((committed.changed, &committed.id), (false, &tree.head().unwrap()));
    write(&tree, "a", "1");
    assert_eq!(tree.commit(&message(" \n ")).await, Err(Error::EmptyMessage));
    let by = |identity| Commit { author: Some(Author { identity, signing_key: None }), ..message("x") };
    let nobody = tree.commit(&by(Identity::new("...", "x@y"))).await;
    assert!(matches!(nobody, Err(Error::InvalidIdentity(_))), "{nobody:?}");
    // Nothing of a name becomes a header of its own.
    tree.commit(&by(Identity::new("x\nparent 1", "x@y"))).await.unwrap();
    let mut git = std::process::Command::new("git");
    let told = git.arg("-C").arg(tree.directory()).args(["log", "-1", "--format=%an|%P"]).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap().trim(), format!("xparent 1|{}", committed.id));
}

#[tokio::test]
async fn fm_60_identities_stay_with_their_work_tree() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let identity = Some(Identity::new("Ann", "ann@example.test"));
    let ann =
        world.check_out(&mirror, "ann", Checkout { identity, ..Checkout::of(on("main")) }).await.work_tree;
    let other = world.clone(&mirror, "other").await;
    edit(&ann, "a", "1", "by ann").await;
    write(&ann, "b", "1");
    let author = Some(Author { identity: Identity::new("Bob", "bob@example.test"), signing_key: None });
    ann.commit(&Commit { author, ..message("by bob") }).await.unwrap();
    edit(&ann, "c", "1", "by ann again").await;
    edit(&other, "d", "1", "by the service").await;
    let main = world.branch(&mirror, "main");
    main.push(&push(&ann), &mut Unrecorded).await.unwrap();
    main.push(&push(&other), &mut Unrecorded).await.unwrap();
    let log = app.log("main").await.unwrap();
    let who: Vec<_> = log.iter().skip(2).map(|entry| (&*entry.author, &*entry.committer)).collect();
    let (ann, bob) = ("Ann <ann@example.test>", "Bob <bob@example.test>");
    let kargo = "Kargo <no-reply@kargo.io>";
    assert_eq!(who, [(ann, ann), (bob, bob), (ann, ann), (kargo, kargo)]);
}

#[tokio::test]
async fn clearing_leaves_nothing_and_follows_no_link() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    std::fs::create_dir(world.path("outside")).unwrap();
    std::fs::write(world.path("outside/kept"), "x").unwrap();
    symlink(world.path("outside"), tree.directory().join("link")).unwrap();
    write(&tree, "d/e.txt", "e");
    tree.clear().unwrap();
    tree.clear().unwrap();
    let left: Vec<_> =
        std::fs::read_dir(tree.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".git"]);
    assert!(world.path("outside/kept").exists());
    edit(&tree, "n.yaml", "x: 1\n", "all new").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(app.tree("main").await.unwrap().into_keys().collect::<Vec<_>>(), ["n.yaml"]);
}

#[tokio::test]
async fn a_work_tree_survives_renaming_copying_and_a_restart() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "before").await;
    let first = edit(&tree, "a", "1", "one").await;
    std::fs::rename(world.path("before"), world.path("after")).unwrap();
    copy(&world.path("after"), &world.path("copy"));
    let World { place, server, git } = world;
    let settings = git.settings().clone();
    drop((git, mirror, tree));
    // Another process, and the copy is used while the original is gone.
    std::fs::remove_dir_all(place.path().join("after")).unwrap();
    let git = Git::new(&place.path().join("cache"), settings).unwrap();
    let tree = git.open(&place.path().join("copy")).unwrap();
    assert_eq!(tree.head().unwrap(), first);
    assert!(tree.is_clean().await.unwrap());
    let second = edit(&tree, "b", "2", "two").await;
    let world = World { place, server, git };
    let mirror = world.git.mirror(&tree.url().unwrap(), &ferry_git::Access::default()).unwrap();
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(pushed.commit, second);
    assert_eq!(app.log("main").await.unwrap().len(), 4);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn no_path_of_the_work_tree_and_no_secret_is_written_in_it() {
    let world = World::new().await;
    world.server.protect("/", "me", "s3cret");
    let app = world.server.create_repository("app", "main").await.unwrap();
    app.commit(&Change::on("main", "first").file("a", "1")).await.unwrap();
    let mirror = world.git.mirror(&world.url("app"), &crate::world::basic("me", "s3cret")).unwrap();
    let tree = world.clone(&mirror, "the-tree").await;
    edit(&tree, "b", "1", "two").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    for place in ["the-tree", "cache"] {
        for path in files(&world.path(place)) {
            let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!content.contains("s3cret"), "{}", path.display());
            assert!(!content.contains("the-tree"), "{}", path.display());
        }
    }
}

fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn fm_54_a_sparse_checkout_has_what_was_named_and_commits_the_rest_unchanged() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let many =
        Change::on("main", "more").file("x/1", "1").file("x/y/2", "2").file("z/3", "3").file("k/deep/4", "4");
    app.commit(&many).await.unwrap();
    let sparse = vec!["x/y/".to_owned(), "./k".to_owned(), "none".to_owned()];
    let out = world.check_out(&mirror, "tree", Checkout { sparse, ..Checkout::of(on("main")) }).await;
    let there = |path| world.path("tree").join(path).exists();
    assert!(there("README.md") && there("x/1") && there("x/y/2") && there("k/deep/4") && !there("z"));
    assert!(out.work_tree.is_clean().await.unwrap());
    edit(&out.work_tree, "k/deep/4", "new", "inside").await;
    edit(&out.work_tree, "other/5", "5", "outside of what was named").await;
    world.branch(&mirror, "main").push(&push(&out.work_tree), &mut Unrecorded).await.unwrap();
    let files = app.tree("main").await.unwrap();
    assert_eq!((&*files["z/3"], &*files["k/deep/4"], &*files["other/5"]), ("3", "new", "5"));
    assert_eq!(files.len(), 7);
    let refused = Checkout { sparse: vec!["k/*".into()], ..Checkout::of(on("main")) };
    let refused = mirror.check_out(&world.path("refused"), &refused).await;
    assert!(matches!(refused, Err(Error::InvalidSparse { .. })), "{refused:?}");
}

#[tokio::test]
async fn nested_work_trees_stay_apart() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    app.commit(&Change::on("stage/dev", "stage init").orphan().file("only-stage.txt", "s\n")).await.unwrap();
    let outer = world.clone(&mirror, "a").await;
    let inner = world.check_out(&mirror, "a/b", Checkout::of(on("stage/dev"))).await.work_tree;
    // Its own `.git` is hostile by now; nothing outside may look into it.
    let config = format!("[core]\n\tfsmonitor = touch {}\n", world.path("touched").display());
    std::fs::write(world.path("a/b/.git/config"), config).unwrap();
    assert!(outer.is_clean().await.unwrap());
    edit(&outer, "new", "1", "outer").await;
    std::fs::remove_file(world.path("a/k/dev.yaml")).unwrap();
    outer.commit(&message("removed")).await.unwrap();
    world.branch(&mirror, "main").push(&push(&outer), &mut Unrecorded).await.unwrap();
    assert_eq!(app.tree("main").await.unwrap().into_keys().collect::<Vec<_>>(), ["README.md", "new"]);
    edit(&inner, "in", "1", "inner").await;
    assert!(!world.path("touched").exists());
}

type Spoil = fn(&Path) -> std::io::Result<()>;

#[tokio::test]
async fn s13_what_others_write_into_the_metadata_has_no_effect() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let touched = world.path("touched");
    let command = format!("touch {}", touched.display());
    let git = tree.directory().join(".git");
    let config = format!(
        "[core]\n\tfsmonitor = {command}\n\tsshCommand = {command}\n\thooksPath = hooks\n\tworktree = /\n\
         [filter \"x\"]\n\tclean = {command}\n\tsmudge = {command}\n\trequired = true\n\
         [credential]\n\thelper = \"!{command}\"\n[include]\n\tpath = /etc/passwd\n[alias]\n\tadd = \"!{command}\"\n"
    );
    std::fs::write(git.join("config"), &config).unwrap();
    std::fs::write(git.join("objects/info/alternates"), "/somewhere/else\n").unwrap();
    write(&tree, ".gitattributes", "* filter=x\n");
    edit(&tree, "a", "1", "one").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert!(!touched.exists());

    let cases: [(&str, Spoil); 6] = [
        ("a hook", |git| std::fs::create_dir(git.join("hooks"))),
        ("another common directory", |git| std::fs::write(git.join("commondir"), "/elsewhere")),
        ("a linked index", |git| {
            std::fs::remove_file(git.join("index"))?;
            symlink("/etc/passwd", git.join("index"))
        }),
        ("a linked directory", |git| symlink("/etc", git.join("refs/heads/x"))),
        ("a nonsense head", |git| std::fs::write(git.join("HEAD"), "ref: refs/heads/../../x\n")),
        ("another state", |git| std::fs::write(git.join("ferry"), "format 1\n")),
    ];
    for (name, spoil) in cases {
        let tree = world.clone(&mirror, name).await;
        spoil(&tree.directory().join(".git")).unwrap();
        write(&tree, "b", "1");
        let opened = match world.git.open(tree.directory()) {
            Ok(tree) => tree.commit(&message("x")).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(opened, Err(Error::Tampered { .. })), "{name}: {opened:?}");
    }
    std::fs::remove_dir_all(world.path("cache/mirrors")).unwrap();
    let lost = world.git.open(&world.path("tree"));
    assert!(matches!(lost, Err(Error::Lost { .. })), "{lost:?}");
    let none = world.git.open(&world.path("nowhere"));
    assert!(matches!(none, Err(Error::NotAWorkTree { .. })), "{none:?}");
}

#[tokio::test]
async fn attributes_and_ignores_of_the_user_count_hooks_do_not() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    write(&tree, ".gitattributes", "*.txt text\n");
    edit(&tree, "crlf.txt", "a\r\nb\r\n", "line ends").await;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(app.tree("main").await.unwrap()["crlf.txt"], "a\nb\n");
}

#[tokio::test]
async fn submodules_bring_their_files_and_stay_what_they_are() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let library = world.server.create_repository("library", "main").await.unwrap();
    let deep = world.server.create_repository("deep", "main").await.unwrap();
    let deepest = deep.commit(&Change::on("main", "deep").file("d", "deep\n")).await.unwrap();
    let modules = "[submodule \"d\"]\n\tpath = sub/d\n\turl = ../deep.git\n";
    let change = Change::on("main", "lib")
        .file(".gitmodules", modules)
        .file("l", "lib\n")
        .submodule("sub/d", &deepest);
    let at = library.commit(&change).await.unwrap();
    let modules = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../library.git\n";
    app.commit(&Change::on("main", "sub").file(".gitmodules", modules).submodule("vendor/lib", &at))
        .await
        .unwrap();
    let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
    let tree = world.check_out(&mirror, "tree", checkout).await.work_tree;
    assert_eq!(read(tree.directory(), "vendor/lib/l").as_deref(), Some("lib\n"));
    assert_eq!(read(tree.directory(), "vendor/lib/sub/d/d").as_deref(), Some("deep\n"));
    assert!(tree.is_clean().await.unwrap());
    let head = edit(&tree, "a", "1", "one").await;
    let view = mirror.fetch_revision(&on("main")).await.unwrap().0;
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    let view = {
        drop(view);
        mirror.fetch_revision(&on("main")).await.unwrap().0
    };
    assert_eq!(view.changed_paths(&head).await.unwrap(), ["a"]);
    // A new branch has none.
    let new = Checkout { create: true, recurse_submodules: true, ..Checkout::of(on("new")) };
    assert!(world.check_out(&mirror, "new", new).await.created);
    // A hostile submodule URL is refused before Git sees it.
    let modules = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ext::sh -c id\n";
    app.commit(&Change::on("main", "bad").file(".gitmodules", modules)).await.unwrap();
    let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
    let refused = mirror.check_out(&world.path("bad"), &checkout).await;
    assert!(matches!(refused, Err(Error::HostileUrl(_))), "{refused:?}");
}

/// How many commits the mirrors have that do not have everything.
fn shallow(world: &World) -> Vec<usize> {
    let mirrors = std::fs::read_dir(world.path("cache/mirrors")).unwrap();
    let commits = |mirror: std::path::PathBuf| {
        let arguments = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"];
        let all = std::process::Command::new("git").current_dir(&mirror).args(arguments).output().unwrap();
        String::from_utf8(all.stdout).unwrap().lines().filter(|kind| *kind == "commit").count()
    };
    let mirrors = mirrors.map(|mirror| mirror.unwrap().path());
    mirrors.filter(|mirror| mirror.join("shallow").exists()).map(commits).collect()
}

#[tokio::test]
async fn the_history_of_a_submodule_is_left_out_where_the_server_can() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let library = world.server.create_repository("library", "main").await.unwrap();
    let mut commits = Vec::new();
    for n in 0..6 {
        let text = format!("{n}\n");
        commits.push(library.commit(&Change::on("main", &text).file("l", &text)).await.unwrap());
    }
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../library.git\n";
    // An old one, a newer one, and back: each comes by itself.
    for (round, n) in [2, 4, 2, 5].into_iter().enumerate() {
        let said = format!("round {round}");
        let change = Change::on("main", &said).file(".gitmodules", modules).submodule("lib", &commits[n]);
        app.commit(&change).await.unwrap();
        let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
        let tree = world.check_out(&mirror, &said, checkout).await.work_tree;
        assert_eq!(read(tree.directory(), "lib/l"), Some(format!("{n}\n")));
        assert_eq!(shallow(&world), [[1, 2, 2, 3][round]]);
    }
    // The repository itself is another mirror, with its whole history.
    let whole = world.mirror("library").fetch_revision(&on("main")).await.unwrap().0;
    for commit in &commits {
        assert_eq!(whole.changed_paths(&crate::world::id(commit)).await.unwrap(), ["l"]);
    }
}

#[tokio::test]
async fn where_a_history_cannot_be_left_out_all_of_it_comes() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let library = world.server.create_repository("library", "main").await.unwrap();
    let at = library.commit(&Change::on("main", "one").file("l", "one\n")).await.unwrap();
    library.commit(&Change::on("main", "two").file("l", "two\n")).await.unwrap();
    let bare = world.server.root().join("library.git");
    let told = std::process::Command::new("git").arg("update-server-info").current_dir(&bare).status();
    assert!(told.unwrap().success());
    let modules = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {}\n", files_alone(bare));
    let change = Change::on("main", "sub").file(".gitmodules", &modules).submodule("lib", &at);
    app.commit(&change).await.unwrap();
    let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
    let tree = world.check_out(&mirror, "tree", checkout).await.work_tree;
    assert_eq!(read(tree.directory(), "lib/l").as_deref(), Some("one\n"));
    assert!(shallow(&world).is_empty());
}

/// Serves a directory as a server does that knows nothing of Git; its URL.
fn files_alone(directory: std::path::PathBuf) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let asked: Vec<_> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let path = asked[0].split([' ', '?']).nth(1).unwrap().trim_start_matches('/').to_owned();
            let (status, body) = match std::fs::read(directory.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _gone = stream.write_all(&[head.into_bytes(), body].concat());
        }
    });
    url
}

#[tokio::test]
async fn changes_are_shown_before_they_are_committed() {
    let world = World::new().await;
    let (_, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    write(&tree, "k/dev.yaml", "tag: v3\nmore: 1\n");
    write(&tree, "new", "1\n");
    std::fs::write(tree.directory().join("binary"), [0, 1, 2]).unwrap();
    let changes = tree.changes().await.unwrap();
    let changes: Vec<_> = changes.iter().map(|change| (&*change.path, change.lines)).collect();
    assert_eq!(changes, [("binary", None), ("k/dev.yaml", Some((2, 1))), ("new", Some((1, 0)))]);
    assert!(tree.diff().await.unwrap().contains("-tag: v2\n+tag: v3\n+more: 1\n"));
    assert!(!tree.is_clean().await.unwrap(), "looking commits nothing");
}

#[tokio::test]
async fn a_checkout_that_was_killed_is_no_work_tree() {
    let world = World::with(settings()).await;
    std::fs::create_dir_all(world.path("tree/.git/objects")).unwrap();
    let opened = world.git.open(&world.path("tree"));
    assert!(matches!(opened, Err(Error::NotAWorkTree { .. })), "{opened:?}");
}
