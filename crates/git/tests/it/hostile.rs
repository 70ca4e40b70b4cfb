//! Texts of outsiders: no URL, name or path of theirs becomes an option, a program or a place outside.

use std::os::unix::fs::PermissionsExt;

use ferry_git::{
    Access, BranchName, Checkout, CommitPrefix, Error, Git, RepoUrl, Revision, Settings, TagName, Want,
};
use ferry_standin::git_server::{Change, Fault, Service};
use proptest::prelude::*;

use crate::world::{World, basic, on, settings};

/// A `git` that only writes down what it was asked.
struct Witness {
    place: tempfile::TempDir,
    git: Git,
}

impl Witness {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("git");
        let log = place.path().join("log");
        let script = format!("#!/bin/sh\nprintf '%s\\0' \"$@\" >>'{}'\nexit 1\n", log.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let git = Git::new(&place.path().join("cache"), Settings { program, ..settings() }).unwrap();
        Self { place, git }
    }

    /// Every argument of every call so far.
    fn said(&self) -> Vec<String> {
        let log = std::fs::read(self.place.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).split_terminator('\0').map(str::to_owned).collect()
    }
}

/// Does with a URL and a name all that reaches `git`.
async fn everything(witness: &Witness, url: &str, name: &str) -> Result<(), Error> {
    let mirror = witness.git.mirror(&RepoUrl::parse(url)?, &Access::default())?;
    let mut revisions = vec![Revision::Default];
    revisions.extend(BranchName::parse(name).map(Revision::Branch));
    revisions.extend(TagName::parse(name).map(Revision::Tag));
    revisions.extend(CommitPrefix::parse(name).map(Revision::Commit));
    for revision in &revisions {
        let _fails = mirror.resolve(revision).await;
        let target = witness.place.path().join("tree");
        let _fails = mirror.check_out(&target, &Checkout::of(revision.clone())).await;
    }
    let _fails = mirror.list().await;
    let _fails = mirror.fetch([Want::Everything]).await;
    Ok(())
}

#[tokio::test]
async fn s13_hostile_urls_never_reach_git() {
    let witness = Witness::new();
    for url in [
        "ext::sh -c id",
        "ext::https://h/x",
        "file:///etc",
        "/etc",
        "./x",
        "--upload-pack=id",
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id/x",
        "git://h/x",
        "fd::7",
        "h:-x",
        "https://h/x\n--upload-pack=id",
        "transport::address",
        "",
    ] {
        assert!(everything(&witness, url, "main").await.is_err(), "{url}");
    }
    assert_eq!(witness.said(), Vec::<String>::new());
    everything(&witness, "https://h/x", "main").await.unwrap();
    assert!(witness.said().contains(&"https://h/x".to_owned()), "the witness does see what is said");
}

/// What `git` may be told: words of ours, a valid address, a refspec or pattern of valid names, an id.
fn harmless(argument: &str) -> bool {
    let option = argument.starts_with('-')
        && argument.chars().all(|c| c.is_ascii_alphanumeric() || "-=._".contains(c));
    let word = argument.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let address =
        ["http://", "https://", "ssh://"].iter().any(|scheme| argument.to_lowercase().starts_with(scheme));
    let scp = RepoUrl::parse(argument).is_ok();
    let refs = argument.trim_start_matches('+').split(':').all(|name| {
        let name = name.replace('*', "x");
        let name = name.split("^{").next().unwrap_or_default();
        name == "HEAD"
            || CommitPrefix::parse(name).is_ok()
            || (name.starts_with("refs/") && BranchName::parse(name).is_ok())
    });
    option || word || address || scp || refs
}

fn texts() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "-",
        "--upload-pack=id",
        "ext::",
        "file://",
        "https://",
        "ssh://",
        "git@",
        "h",
        ":",
        "/",
        "..",
        "@{",
        "\n",
        " ",
        "$(id)",
        "`id`",
        ";",
        "'",
        "\"",
        "\\",
        "%2d",
        "%0a",
        "HEAD",
        "refs/heads/",
        "main",
        "^",
        "~",
        "*",
        "\0",
        ".lock",
        "ż",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(hostile, 1..6).prop_map(|parts| parts.concat())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn s13_no_text_becomes_an_option(url in texts(), name in texts(), valid in any::<bool>()) {
        let witness = Witness::new();
        let url = if valid { "https://git.example.com/x".to_owned() } else { url };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _refused = runtime.block_on(everything(&witness, &url, &name));
        let said = witness.said();
        for argument in &said {
            prop_assert!(harmless(argument), "{argument:?} of {said:?}");
        }
        // The address comes after the end of options.
        let address = said.iter().position(|argument| argument.contains("://"));
        if let Some(at) = address {
            prop_assert_eq!(&*said[at - 1], "--end-of-options");
        }
    }
}

#[tokio::test]
async fn a_credential_goes_to_no_other_server() {
    let world = World::new().await;
    world.server.protect("/private/", "me", "s3cret");
    let app = world.server.create_repository("private/app", "main").await.unwrap();
    app.commit(&Change::on("main", "first").file("a", "1")).await.unwrap();
    let other = ferry_standin::git_server::GitServer::start(world.path("other")).await.unwrap();
    other.protect("/", "me", "s3cret");
    let stolen = other.create_repository("stolen", "main").await.unwrap();
    let at = stolen.commit(&Change::on("main", "x")).await.unwrap();
    let modules = format!("[submodule \"s\"]\n\tpath = s\n\turl = {}\n", other.repository_url("stolen"));
    app.commit(&Change::on("main", "sub").file(".gitmodules", &modules).submodule("s", &at)).await.unwrap();
    let mirror = world.git.mirror(&world.url("private/app"), &basic("me", "s3cret")).unwrap();
    let checkout = Checkout { recurse_submodules: true, ..Checkout::of(on("main")) };
    let refused = mirror.check_out(&world.path("tree"), &checkout).await;
    assert!(matches!(refused, Err(Error::Unauthorized { .. })), "{refused:?}");
    assert_eq!(other.counts().unauthorized, other.counts().requests, "no request had a password");
}

#[tokio::test]
async fn a_password_is_neither_on_a_command_line_nor_in_a_message() {
    let world = World::new().await;
    world.server.protect("/", "me", "s3cret");
    let app = world.server.create_repository("app", "main").await.unwrap();
    app.commit(&Change::on("main", "first")).await.unwrap();
    let url = world.server.repository_url("app").replace("http://", "http://me:s3cret@");
    let url = RepoUrl::parse(&url).unwrap();
    let mirror = world.git.mirror(&url, &Access::default()).unwrap();
    assert!(!format!("{mirror:?} {}", mirror.url()).contains("s3cret"));
    world.server.fail("/", Service::Fetch, Fault::Hang, None);
    let fetch = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.resolve(&on("main")).await.map(drop) }
    });
    world.server.until(|counts| counts.fetch == 1).await;
    let address = world.server.repository_url("app");
    let mut seen = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        seen += usize::from(line.contains(&address));
        assert!(!line.contains("s3cret"), "{line}");
    }
    assert!(seen > 0, "git runs and shows the address");
    fetch.abort();
    world.server.behave();
    world.server.protect("/", "me", "other");
    let error = mirror.resolve(&on("main")).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }) && !error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn over_plain_http_no_password_is_sent_unless_allowed() {
    let world = World::with(Settings { allow_credentials_over_http: false, ..settings() }).await;
    world.server.protect("/", "me", "s3cret");
    world.server.create_repository("app", "main").await.unwrap();
    let mirror = world.git.mirror(&world.url("app"), &basic("me", "s3cret")).unwrap();
    let refused = mirror.list().await;
    assert!(matches!(refused, Err(Error::Unauthorized { .. })), "{refused:?}");
    assert_eq!(world.server.counts().unauthorized, world.server.counts().requests);
}
