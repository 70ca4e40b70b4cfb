//! A cache, a server and short cuts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_git::{
    Access, Backoff, Branch, BranchName, CheckedOut, Checkout, Commit, CommitId, Credential, Git, Mirror,
    Push, PushIntent, Recorder, RepoUrl, Revision, Settings, TagName, WorkTree,
};
use ferry_standin::git_server::{Change, GitServer, Repository};

pub struct World {
    pub place: tempfile::TempDir,
    pub server: GitServer,
    pub git: Git,
}

pub fn settings() -> Settings {
    let backoff =
        Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(5), ..Backoff::default() };
    Settings { backoff, allow_credentials_over_http: true, environment: Vec::new(), ..Settings::default() }
}

impl World {
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let place = tempfile::tempdir().unwrap();
        let server = GitServer::start(place.path().join("served")).await.unwrap();
        let git = Git::new(&place.path().join("cache"), settings).unwrap();
        Self { place, server, git }
    }

    /// A repository with `README.md` and `k/dev.yaml` in two commits on `main`.
    pub async fn app(&self) -> (Repository, Mirror) {
        let app = self.server.create_repository("app", "main").await.unwrap();
        app.commit(
            &Change::on("main", "first")
                .at(1000)
                .file("README.md", "hello\n")
                .file("k/dev.yaml", "tag: v1\n"),
        )
        .await
        .unwrap();
        app.commit(&Change::on("main", "second").at(2000).file("k/dev.yaml", "tag: v2\n")).await.unwrap();
        (app, self.mirror("app"))
    }

    pub fn mirror(&self, name: &str) -> Mirror {
        self.git.mirror(&self.url(name), &Access::default()).unwrap()
    }

    pub fn url(&self, name: &str) -> RepoUrl {
        RepoUrl::parse(&self.server.repository_url(name)).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub async fn clone(&self, mirror: &Mirror, name: &str) -> WorkTree {
        self.check_out(mirror, name, Checkout::of(on("main"))).await.work_tree
    }

    pub async fn check_out(&self, mirror: &Mirror, name: &str, checkout: Checkout) -> CheckedOut {
        mirror.check_out(&self.path(name), &checkout).await.unwrap()
    }

    pub fn branch(&self, mirror: &Mirror, name: &str) -> Branch {
        self.git.branch(mirror, &branch(name))
    }
}

pub fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

pub fn on(name: &str) -> Revision {
    Revision::Branch(branch(name))
}

pub fn tag(name: &str) -> Revision {
    Revision::Tag(TagName::parse(name).unwrap())
}

pub fn id(text: &str) -> CommitId {
    CommitId::parse(text).unwrap()
}

pub fn basic(username: &str, password: &str) -> Access {
    Credential::Basic { username: username.into(), password: password.into() }.into()
}

pub fn message(message: &str) -> Commit {
    Commit { message: message.into(), author: None, time: "2031-02-03T04:05:06Z".parse().unwrap() }
}

/// Writes a file and commits it.
pub async fn edit(tree: &WorkTree, path: &str, content: &str, said: &str) -> CommitId {
    write(tree, path, content);
    let committed = tree.commit(&message(said)).await.unwrap();
    assert!(committed.changed);
    committed.id
}

pub fn write(tree: &WorkTree, path: &str, content: &str) {
    let path = tree.directory().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub fn read(directory: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(directory.join(path)).ok()
}

pub fn push(tree: &WorkTree) -> Push<'_> {
    Push::of(tree)
}

/// Keeps what was recorded; may refuse.
#[derive(Default)]
pub struct Ledger {
    pub intents: Vec<PushIntent>,
    pub broken: bool,
}

impl Recorder for Ledger {
    type Error = &'static str;

    async fn record(&mut self, intent: &PushIntent) -> Result<(), &'static str> {
        if self.broken {
            return Err("disk full");
        }
        self.intents.push(intent.clone());
        Ok(())
    }
}
