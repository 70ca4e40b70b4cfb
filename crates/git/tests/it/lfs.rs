//! Large files: the real `git-lfs` here, and as the client of somebody else.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ferry_artifact::egress::Egress;
use ferry_git::{
    Access, Checkout, Credential, Error, Git, PushError, PushTag, RepoUrl, Settings, Tag, TagName,
    Unrecorded, WorkTree,
};
use ferry_standin::git_server::{Branch, Change, Fault, Repository, Service};
use sha2::{Digest as _, Sha256};

use crate::world::{World, basic, message, on, push, read, settings, write};

/// The real `git-lfs`; none where it is not built, which `make test` does.
fn program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/git-lfs");
    if program.exists() {
        return Some(program.canonicalize().unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "no target/tools/git-lfs: `make test` builds it (needs Go)");
    None
}

fn with_lfs() -> Option<Settings> {
    Some(Settings { lfs: Some(program()?), ..settings() })
}

/// What no text is, and no compression makes small.
fn noise(seed: u8, size: usize) -> Vec<u8> {
    let blocks = (0_u32..).flat_map(|i| Sha256::digest([&[seed][..], &i.to_le_bytes()].concat()));
    blocks.take(size).collect()
}

/// A clone of somebody else's, who has Git and Git LFS as they come.
struct Other {
    directory: PathBuf,
    home: PathBuf,
    path: std::ffi::OsString,
}

impl Other {
    fn clone(world: &World, url: &str, name: &str) -> Self {
        let tools = program().unwrap().parent().unwrap().to_owned();
        let usual = std::env::var_os("PATH").unwrap();
        let places = std::iter::once(tools).chain(std::env::split_paths(&usual));
        let home = world.path(&format!("{name}-home"));
        std::fs::create_dir_all(&home).unwrap();
        let path = std::env::join_paths(places).unwrap();
        let other = Self { directory: world.path(name), home, path };
        other.run(&["lfs", "install", "--skip-repo"], &other.home);
        for (key, value) in [("user.name", "Olga"), ("user.email", "olga@example.com")] {
            other.run(&["config", "--global", key, value], &other.home);
        }
        other.run(&["clone", "--quiet", url, name], world.place.path());
        other
    }

    fn run(&self, arguments: &[&str], at: &Path) {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(at).env("PATH", &self.path).env("HOME", &self.home);
        let output = command.env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn git(&self, arguments: &[&str]) {
        self.run(arguments, &self.directory);
    }

    fn push(&self, files: &[(&str, &[u8])], said: &str) {
        for (path, content) in files {
            let path = self.directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", said]);
        self.git(&["push", "--quiet", "origin", "HEAD:main"]);
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.directory.join(path)).unwrap()
    }
}

const ATTRIBUTES: &[u8] = b"*.bin filter=lfs diff=lfs merge=lfs -text\n";

/// A repository with large files that somebody else has pushed: `logo.bin` and `d/deep.bin`.
async fn with_large_files(world: &World, name: &str) -> (Repository, Other) {
    let repository = world.server.create_repository(name, "main").await.unwrap();
    repository.commit(&Change::on("main", "first").file("README.md", "hello\n")).await.unwrap();
    let other = Other::clone(world, world.url(name).as_str(), &format!("{name}-other"));
    let (logo, deep) = (noise(1, 300_000), noise(2, 2000));
    let files: [(&str, &[u8]); 3] =
        [(".gitattributes", ATTRIBUTES), ("logo.bin", &logo), ("d/deep.bin", &deep)];
    other.push(&files, "large files");
    (repository, other)
}

async fn main_of(repository: &Repository) -> Branch {
    repository.branches().await.unwrap().remove("main").unwrap()
}

/// What is not equal is told by its size and beginning.
#[track_caller]
fn holds(tree: &WorkTree, path: &str, wanted: &[u8]) {
    let found = std::fs::read(tree.directory().join(path)).unwrap();
    let beginning = String::from_utf8_lossy(&found[..found.len().min(150)]);
    assert!(found == wanted, "{path} has {} bytes: {beginning:?}", found.len());
}

fn put(tree: &WorkTree, path: &str, content: &[u8]) {
    // Nobody writes into a file that may be lent.
    let path = tree.directory().join(path);
    let _absent = std::fs::remove_file(&path);
    std::fs::write(path, content).unwrap();
}

fn pointer(content: &[u8]) -> String {
    let oid = hex::encode(Sha256::digest(content));
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", content.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_in_the_place_of_their_pointers() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (_, other) = with_large_files(&world, "app").await;
    let mirror = world.mirror("app");
    let first = world.clone(&mirror, "first").await;
    holds(&first, "logo.bin", &noise(1, 300_000));
    holds(&first, "d/deep.bin", &noise(2, 2000));
    assert_eq!(read(first.directory(), "README.md").as_deref(), Some("hello\n"));
    assert_eq!(first.status().await.unwrap(), []);
    assert!(!first.commit(&message("nothing")).await.unwrap().changed);
    // Once they are here, nobody asks for them again, and they are lent like all files.
    world.server.reset_counts();
    let second = world.clone(&mirror, "second").await;
    assert_eq!(world.server.counts().large_files, 0);
    let number = |tree: &WorkTree| tree.directory().join("logo.bin").metadata().unwrap().ino();
    assert_eq!(number(&first), number(&second));
    // A later commit brings what is new in it, and no more.
    other.push(&[("logo.bin", &noise(3, 1000))], "another logo");
    world.server.reset_counts();
    let third = world.clone(&mirror, "third").await;
    holds(&third, "logo.bin", &noise(3, 1000));
    holds(&third, "d/deep.bin", &noise(2, 2000));
    assert_eq!(world.server.counts().large_files, 2, "one question, one content");
    assert_eq!(third.status().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_that_is_changed_is_on_the_server_before_its_commit() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (app, other) = with_large_files(&world, "app").await;
    let (mirror, before) = (world.mirror("app"), main_of(&app).await.commit);
    let tree = world.clone(&mirror, "tree").await;
    let new = noise(7, 70_000);
    put(&tree, "logo.bin", &new);
    put(&tree, "small.txt", b"text\n");
    assert!(tree.commit(&message("a new logo")).await.unwrap().changed);
    world.server.fail("/app", Service::LargeFiles, Fault::Status(422), Some(1));
    let refused = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap_err();
    assert!(matches!(&refused, PushError::Git(Error::Lfs { .. })), "{refused}");
    assert_eq!(main_of(&app).await.commit, before, "nothing points to what is not there");
    // Somebody else is faster, with a large file of their own: ours goes on top, and theirs is here.
    other.push(&[("theirs.bin", &noise(8, 900))], "theirs");
    let pushed = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    holds(&tree, "theirs.bin", &noise(8, 900));
    holds(&tree, "logo.bin", &new);
    assert_eq!(tree.status().await.unwrap(), []);
    let main = main_of(&app).await;
    assert_eq!(main.commit, pushed.commit.as_str());
    assert_eq!(main.tree.get("logo.bin").unwrap(), &pointer(&new), "Git has a pointer");
    other.git(&["pull", "--quiet", "origin", "main"]);
    assert!(other.bytes("logo.bin") == new && other.bytes("small.txt") == b"text\n");
    // What the server has is not sent again.
    put(&tree, "copy.bin", &noise(8, 900));
    tree.commit(&message("a copy")).await.unwrap();
    world.server.reset_counts();
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    assert_eq!(world.server.counts().large_files, 1, "a question");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_takes_large_files_along() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    with_large_files(&world, "app").await;
    let mirror = world.mirror("app");
    let tree = world.clone(&mirror, "tree").await;
    put(&tree, "logo.bin", &noise(9, 5000));
    let time = tree.commit(&message("tagged only")).await.map(|_| message("").time).unwrap();
    let name = TagName::parse("v1").unwrap();
    let tag = Tag { name: name.clone(), message: "v1".into(), force: false, tagger: None, time };
    tree.tag(&tag).await.unwrap();
    let push = PushTag { work_tree: &tree, name: &name, max_attempts: 1, previously_recorded: &[] };
    mirror.push_tag(&push, &mut Unrecorded).await.unwrap();
    let other = Other::clone(&world, world.url("app").as_str(), "reader");
    other.git(&["checkout", "--quiet", "v1"]);
    assert!(other.bytes("logo.bin") == noise(9, 5000));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_goes_to_the_repository_s_own_server_only() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (_, other) = with_large_files(&world, "team/app").await;
    world.server.protect("/team/", "me", "s3cr3t-word");
    let url = world.url("team/app");
    let mirror = world.git.mirror(&url, &basic("me", "s3cr3t-word")).unwrap();
    let tree = mirror.check_out(&world.path("tree"), &Checkout::of(on("main"))).await.unwrap().work_tree;
    holds(&tree, "logo.bin", &noise(1, 300_000));
    // Another server, named by the repository, which asks for the same password.
    let elsewhere = World::new().await;
    elsewhere.server.create_repository("store", "main").await.unwrap();
    elsewhere.server.protect("/", "me", "s3cr3t-word");
    let named = format!("[lfs]\n\turl = {}/info/lfs\n", elsewhere.url("store"));
    other.git(&[
        "config",
        "--local",
        "lfs.url",
        &format!("{}/info/lfs", url.as_str().replace("://", "://me:s3cr3t-word@")),
    ]);
    other.git(&["remote", "set-url", "origin", &url.as_str().replace("://", "://me:s3cr3t-word@")]);
    other.push(&[(".lfsconfig", named.as_bytes()), ("more.bin", &noise(5, 500))], "elsewhere");
    let refused = mirror.check_out(&world.path("refused"), &Checkout::of(on("main"))).await.unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, Error::Lfs { .. }), "{said}");
    assert!(said.contains("refuses it (401)") && said.contains(&elsewhere.server.url()), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
    assert_eq!(elsewhere.server.counts().unauthorized, 1, "it was asked once, by nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_repository_does_not_want_to_be_brought_stays_a_pointer() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (_, other) = with_large_files(&world, "app").await;
    other.push(&[(".lfsconfig", b"[lfs]\n\tfetchexclude = d, *.iso\n")], "not d");
    let mirror = world.mirror("app");
    let tree = world.clone(&mirror, "tree").await;
    holds(&tree, "logo.bin", &noise(1, 300_000));
    assert_eq!(read(tree.directory(), "d/deep.bin").unwrap(), pointer(&noise(2, 2000)));
    other.push(&[(".lfsconfig", b"[lfs]\n\tfetchinclude = d\n")], "only d");
    let tree = world.clone(&mirror, "other-tree").await;
    holds(&tree, "d/deep.bin", &noise(2, 2000));
    // `logo.bin` was here already, but is not wanted any more.
    assert_eq!(read(tree.directory(), "logo.bin").unwrap(), pointer(&noise(1, 300_000)));
    assert_eq!(tree.status().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sparse_checkout_brings_what_it_has() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    with_large_files(&world, "app").await;
    world.server.reset_counts();
    let checkout = Checkout { sparse: vec!["d".into()], ..Checkout::of(on("main")) };
    let tree = world.check_out(&world.mirror("app"), "tree", checkout).await.work_tree;
    holds(&tree, "d/deep.bin", &noise(2, 2000));
    // The directories above are in it, too.
    holds(&tree, "logo.bin", &noise(1, 300_000));
    assert_eq!(world.server.counts().large_files, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_have_large_files_too() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    with_large_files(&world, "app").await;
    let outer = world.server.create_repository("outer", "main").await.unwrap();
    outer.commit(&Change::on("main", "first").file("a", "a\n")).await.unwrap();
    let other = Other::clone(&world, world.url("outer").as_str(), "outer-other");
    other.git(&["-c", "protocol.http.allow=always", "submodule", "--quiet", "add", "../app.git", "lib"]);
    other.push(&[], "a submodule");
    let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
    let tree = world.check_out(&world.mirror("outer"), "tree", checkout).await.work_tree;
    holds(&tree, "lib/logo.bin", &noise(1, 300_000));
    assert_eq!(tree.status().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_git_lfs_pointers_are_checked_out() {
    let Some(with) = with_lfs() else { return };
    let world = World::with(with.clone()).await;
    with_large_files(&world, "app").await;
    world.clone(&world.mirror("app"), "with").await;
    // The same cache, by a process that has no git-lfs, and again by one that has.
    let World { place, server, git } = world;
    drop(git);
    let git = Git::new(&place.path().join("cache"), settings()).unwrap();
    let url = RepoUrl::parse(&server.repository_url("app")).unwrap();
    let mirror = git.mirror(&url, &Access::default()).unwrap();
    let tree =
        mirror.check_out(&place.path().join("without"), &Checkout::of(on("main"))).await.unwrap().work_tree;
    assert_eq!(read(tree.directory(), "logo.bin").unwrap(), pointer(&noise(1, 300_000)));
    write(&tree, "small.txt", "text\n");
    tree.commit(&message("a text")).await.unwrap();
    git.branch(&mirror, &crate::world::branch("main")).push(&push(&tree), &mut Unrecorded).await.unwrap();
    drop((mirror, tree, git));
    let git = Git::new(&place.path().join("cache"), with).unwrap();
    let mirror = git.mirror(&url, &Access::default()).unwrap();
    let tree =
        mirror.check_out(&place.path().join("again"), &Checkout::of(on("main"))).await.unwrap().work_tree;
    holds(&tree, "logo.bin", &noise(1, 300_000));
}

/// The message of a checkout that must not work, and leaves nothing behind that the next one could take for good.
async fn refused(world: &World, name: &str) -> String {
    let place = world.path(name);
    let refused = world.mirror("app").check_out(&place, &Checkout::of(on("main"))).await.unwrap_err();
    assert!(matches!(refused, Error::Lfs { .. }), "{refused}");
    refused.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_it_claims_is_refused_with_its_path() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (app, _) = with_large_files(&world, "app").await;
    let content = app.directory().join("lfs").join(hex::encode(Sha256::digest(noise(1, 300_000))));
    let good = std::fs::read(&content).unwrap();
    let mut forged = good.clone();
    forged[17] ^= 1;
    std::fs::write(&content, &forged).unwrap();
    let said = refused(&world, "forged").await;
    assert!(said.contains("logo.bin: what came has another SHA-256"), "{said}");
    std::fs::remove_file(&content).unwrap();
    let said = refused(&world, "gone").await;
    assert!(said.contains("logo.bin: the server says 404: Object does not exist"), "{said}");
    std::fs::write(&content, &good).unwrap();
    let tree = world.clone(&world.mirror("app"), "good").await;
    holds(&tree, "logo.bin", &noise(1, 300_000));
    // A pointer by hand, to what nobody has.
    write(&tree, "lost.bin", &pointer(b"nobody has it"));
    tree.commit(&message("lost")).await.unwrap();
    let lost =
        world.branch(&world.mirror("app"), "main").push(&push(&tree), &mut Unrecorded).await.unwrap_err();
    let said = lost.to_string();
    assert!(said.contains("lost.bin: neither the server nor this checkout has it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_that_points_to_nothing() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let app = world.server.create_repository("app", "main").await.unwrap();
    let attributes = String::from_utf8_lossy(ATTRIBUTES);
    app.commit(&Change::on("main", "first").file(".gitattributes", &attributes)).await.unwrap();
    let (mirror, before) = (world.mirror("app"), main_of(&app).await.commit);
    let tree = world.clone(&mirror, "tree").await;
    // As it is copied from a checkout that left it out.
    write(&tree, "left.bin", &pointer(b"nobody has it here"));
    tree.commit(&message("left")).await.unwrap();
    let lost = world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap_err();
    assert!(lost.to_string().contains("left.bin: neither the server nor this checkout has it"), "{lost}");
    assert_eq!(main_of(&app).await.commit, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_made_anew_keeps_what_was_not_pushed() {
    let Some(settings) = with_lfs() else { return };
    let world = World::with(settings).await;
    let (app, other) = with_large_files(&world, "app").await;
    let mirror = world.mirror("app");
    let tree = world.clone(&mirror, "tree").await;
    put(&tree, "logo.bin", &noise(40, 6000));
    tree.commit(&message("not pushed yet")).await.unwrap();
    // What a power cut may leave.
    for mirror in std::fs::read_dir(world.path("cache/mirrors")).unwrap() {
        for pack in std::fs::read_dir(mirror.unwrap().path().join("objects")).unwrap() {
            let pack = pack.unwrap().path();
            let _info = std::fs::remove_dir_all(&pack);
            std::fs::create_dir(&pack).unwrap();
        }
    }
    // Somebody else pushes meanwhile, and pushing is by who has another credential from now on.
    other.push(&[("theirs.bin", &noise(41, 700))], "theirs");
    let renewed = world.clone(&mirror, "renewed").await;
    holds(&renewed, "theirs.bin", &noise(41, 700));
    let somebody = world.git.mirror(&world.url("app"), &basic("by", "another")).unwrap();
    let pushed = world.branch(&somebody, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    holds(&tree, "logo.bin", &noise(40, 6000));
    holds(&tree, "theirs.bin", &noise(41, 700));
    assert_eq!(main_of(&app).await.commit, pushed.commit.as_str());
    other.git(&["pull", "--quiet", "origin", "main"]);
    assert!(other.bytes("logo.bin") == noise(40, 6000));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_have_limits_too() {
    let Some(settings) = with_lfs() else { return };
    let stall = Duration::from_millis(200);
    let world = World::with(Settings { lfs_limit: 1000, stall, ..settings.clone() }).await;
    with_large_files(&world, "app").await;
    let said = refused(&world, "large").await;
    assert!(said.contains("more than the 0 MiB that one checkout may have"), "{said}");
    drop(world);
    let world = World::with(Settings { stall, ..settings.clone() }).await;
    with_large_files(&world, "app").await;
    for (name, place) in
        [("unasked", "/app.git/info/lfs/objects/batch"), ("silent", "/app.git/info/lfs/objects/")]
    {
        world.server.fail(place, Service::LargeFiles, Fault::Hang, None);
        let said = refused(&world, name).await;
        assert!(said.contains("nothing came for 0.2 s"), "{said}");
        world.server.behave();
    }
    drop(world);
    let world = World::with(settings).await;
    with_large_files(&world, "app").await;
    world.server.fail("/app.git/info/lfs/objects/batch", Service::LargeFiles, Fault::Status(503), Some(1));
    let tree = world.clone(&world.mirror("app"), "busy").await;
    holds(&tree, "logo.bin", &noise(1, 300_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_a_server_of_large_files_is_judged_like_all() {
    let Some(settings) = with_lfs() else { return };
    let egress = Some(Egress::new(Vec::new(), Vec::new()).with_loopback());
    let world = World::with(Settings { egress, ..settings }).await;
    let (_, other) = with_large_files(&world, "app").await;
    other.git(&["config", "--local", "lfs.url", &format!("{}/info/lfs", world.url("app"))]);
    for (i, url) in
        ["http://169.254.169.254/latest", "https://[fe80::1]/lfs", "file:///etc/passwd"].iter().enumerate()
    {
        let named = format!("[lfs]\n\turl = {url}\n");
        other.push(&[(".lfsconfig", named.as_bytes()), ("new.bin", &noise(20, 100 + i))], "elsewhere");
        let said = refused(&world, &format!("tree-{i}")).await;
        let wanted = if url.starts_with("file") { ".lfsconfig" } else { "--egress-open" };
        assert!(said.contains(wanted), "{said}");
    }
}

/// Somebody who has a key: `ssh` stands in for both ends, and the API is where the server says.
#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_the_server_says_where_large_files_are() {
    let Some(lfs) = with_lfs() else { return };
    let world = World::with(lfs.clone()).await;
    with_large_files(&world, "app").await;
    world.server.protect("/app.git/info/lfs/objects/batch", "by", "ssh");
    let bin = world.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\necho \"$*\" >>'{said}'\ncase \"$last\" in\n\
         git-lfs-authenticate*) echo '{{\"href\": \"{href}\", \"header\": {{\"Authorization\": \"Basic Ynk6c3No\"}}}}' ;;\n\
         *) cd '{root}' && eval \"exec $last\" ;;\nesac\n",
        said = world.path("said").display(),
        href = format_args!("{}/info/lfs", world.url("app")),
        root = world.server.root().display(),
    );
    std::fs::write(bin.join("ssh"), script).unwrap();
    std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
    let usual = std::env::var_os("PATH").unwrap();
    let search_path =
        std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&usual))).unwrap();
    let git = Git::new(&world.path("ssh-cache"), Settings { search_path, ..lfs }).unwrap();
    let url = RepoUrl::parse("ssh://git@git.example.com:2222/app.git").unwrap();
    let key = Credential::SshKey { private_key: "a key".into() };
    let relative = RepoUrl::parse("git@git.example.com:app.git").unwrap();
    let mirror = git.mirror(&relative, &key.clone().into()).unwrap();
    let tree = mirror.check_out(&world.path("tree"), &Checkout::of(on("main"))).await.unwrap().work_tree;
    holds(&tree, "logo.bin", &noise(1, 300_000));
    put(&tree, "logo.bin", &noise(30, 400));
    tree.commit(&message("over ssh")).await.unwrap();
    git.branch(&mirror, &crate::world::branch("main")).push(&push(&tree), &mut Unrecorded).await.unwrap();
    let said = std::fs::read_to_string(world.path("said")).unwrap();
    for wanted in ["git@git.example.com git-lfs-authenticate 'app.git' download", "'app.git' upload"] {
        assert!(said.contains(wanted), "{said}");
    }
    assert!(
        said.lines().filter(|line| line.contains("lfs-authenticate")).all(|line| line.contains("-i ")),
        "{said}"
    );
    let other = git.mirror(&url, &key.into()).unwrap();
    let refused = other.check_out(&world.path("other"), &Checkout::of(on("main"))).await;
    assert!(refused.is_err(), "this stand-in knows no absolute path");
}
