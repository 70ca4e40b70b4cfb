//! Repositories on a loopback server, and a bench whose steps may use Git.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ferry_git::{Backoff, Git, PushPolicy, Settings};
use ferry_standin::git_server::{Change, GitServer};
use ferry_steps::git::Defaults;
use serde_json::{Map, Value, json};

use crate::bench::Bench;

/// A bench, a server, and the commits made so far.
pub struct GitWorld {
    pub bench: Bench,
    pub server: GitServer,
    /// Commits in the order they were made.
    pub commits: Vec<String>,
    place: tempfile::TempDir,
}

impl GitWorld {
    pub fn new(policy: PushPolicy) -> Self {
        Self::with(policy, Settings::default())
    }

    pub fn with(policy: PushPolicy, settings: Settings) -> Self {
        let mut bench = Bench::new();
        let place = tempfile::tempdir().unwrap();
        let server = bench.runtime.block_on(GitServer::start(place.path().join("repositories"))).unwrap();
        let backoff =
            Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(5), ..Backoff::default() };
        let settings =
            Settings { backoff, allow_credentials_over_http: true, environment: Vec::new(), ..settings };
        let git = Git::new(&place.path().join("cache"), settings).unwrap();
        let defaults = Defaults { push_policy: policy };
        bench.services = bench.services.clone().with(Arc::new(git)).with(Arc::new(defaults));
        Self { bench, server, commits: Vec::new(), place }
    }

    /// The world that nearly all tests start in: `app` with two commits on `main`.
    pub fn with_app() -> Self {
        let mut world = Self::new(PushPolicy::default());
        world.add("app", &json!([
            {"branch": "main", "message": "first", "files": {"README.md": "hello\n", "k/dev.yaml": "tag: v1\n"}},
            {"branch": "main", "message": "second", "files": {"k/dev.yaml": "tag: v2\n"}},
        ]));
        world
    }

    /// Where Git keeps what work trees share.
    pub fn cache(&self) -> std::path::PathBuf {
        self.place.path().join("cache")
    }

    pub fn url(&self, name: &str) -> String {
        self.server.repository_url(name)
    }

    /// Adds commits as the recordings describe them.
    pub fn add(&mut self, repository: &str, commits: &Value) {
        self.bench.runtime.block_on(async {
            let bare = self.server.create_repository(repository, "main").await.unwrap();
            for commit in commits.as_array().into_iter().flatten() {
                let text = |key: &str| commit[key].as_str();
                let mut change = Change::on(text("branch").unwrap(), text("message").unwrap());
                if let Some(from) = text("from") {
                    change = change.from(from);
                }
                if let Some(date) = text("date") {
                    change = change.at(date.parse::<jiff::Timestamp>().unwrap().as_second());
                }
                for (path, file) in commit["files"].as_object().into_iter().flatten() {
                    change = match (file.as_str(), file["link"].as_str()) {
                        (Some(content), _) => change.file(path, content),
                        (_, Some(target)) => change.link(path, target),
                        _ => change.remove(path),
                    };
                }
                let id = bare.commit(&change).await.unwrap();
                if let Some(tag) = text("tag") {
                    bare.tag(tag, &id, None, None).await.unwrap();
                }
                self.commits.push(id);
            }
        });
    }

    /// Branches with log and tree, and tags, as the recordings show them.
    pub fn remote(&self, repository: &str) -> Value {
        let bare = self.server.root().join(format!("{repository}.git"));
        let mut branches = Map::new();
        for name in
            git(&bare, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]).unwrap().lines()
        {
            let reference = format!("refs/heads/{name}");
            branches.insert(
                name.to_owned(),
                json!({"log": log(&bare, &reference), "tree": tree(&bare, &reference)}),
            );
        }
        json!({"branches": branches, "tags": tags(&bare)})
    }

    /// The messages of a branch's commits, oldest first.
    pub fn messages(&self, repository: &str, branch: &str) -> Vec<String> {
        let remote = self.remote(repository);
        let log = remote["branches"][branch]["log"].as_array().cloned().unwrap_or_default();
        log.iter().map(|c| c["message"].as_str().unwrap().to_owned()).collect()
    }
}

fn tags(bare: &Path) -> Value {
    let mut tags = Map::new();
    let fields = [
        "refname:lstrip=2",
        "objecttype",
        "objectname",
        "*objectname",
        "taggername",
        "taggeremail",
        "contents",
    ];
    let format = fields.map(|field| format!("%({field})")).join("%00");
    let text = git(bare, &["for-each-ref", &format!("--format={format}%01"), "refs/tags"]).unwrap();
    for entry in text.split_terminator('\u{1}') {
        let fields: Vec<_> = entry.trim_start_matches('\n').split('\0').collect();
        let [name, kind, id, commit, tagger, email, message] = fields[..] else { continue };
        let tag = match kind {
            "tag" => json!({
                "commit": commit, "type": kind, "tagger": format!("{tagger} {email}"), "message": message.trim_end(),
            }),
            _ => json!({"commit": id, "type": kind}),
        };
        tags.insert(name.to_owned(), tag);
    }
    Value::Object(tags)
}

fn log(bare: &Path, reference: &str) -> Vec<Value> {
    let format = "--format=%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%B%x01";
    let text = git(bare, &["log", "--topo-order", "--reverse", format, reference]).unwrap();
    let entries = text.split_terminator('\u{1}').map(|entry| entry.trim_start_matches('\n'));
    let entries = entries.filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let fields: Vec<&str> = entry.splitn(5, '\0').collect();
            let parents: Vec<&str> = fields[1].split_whitespace().collect();
            json!({
                "id": fields[0], "parents": parents, "author": fields[2], "committer": fields[3],
                "message": fields[4].trim_end_matches('\n'),
            })
        })
        .collect()
}

fn tree(bare: &Path, reference: &str) -> Map<String, Value> {
    let mut files = Map::new();
    let listed = git(bare, &["ls-tree", "-r", "-z", reference]).unwrap();
    for entry in listed.split_terminator('\0') {
        let (meta, path) = entry.split_once('\t').unwrap();
        let fields: Vec<&str> = meta.split(' ').collect();
        let content = git(bare, &["cat-file", "blob", fields[2]]).unwrap();
        let file = match fields[0] {
            "100755" => json!({"content": content, "mode": "0755"}),
            "120000" => json!({"link": content}),
            _ => json!(content),
        };
        files.insert(path.to_owned(), file);
    }
    files
}

fn git(at: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(args).current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
