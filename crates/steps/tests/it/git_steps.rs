//! What the steps that work with Git promise beyond the recordings: once, all or nothing, nobody's secrets, clear words.

use ferry_engine::ledger::Recorder;
use ferry_engine::work::{Recovery, WorkPath};
use ferry_engine::{Effect, Outcome, StepError};
use ferry_steps::BUILTIN;
use serde_json::{Value, json};

use crate::bench;
use crate::git_world::GitWorld;

fn clone_src(world: &GitWorld) {
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    world.bench.run("git-clone", config).unwrap();
}

fn write(world: &GitWorld, path: &str, text: &str) {
    crate::bench::put(&world.bench.work().join(path), &json!(text));
}

fn commit(world: &GitWorld, message: &str) -> String {
    let result = world.bench.run("git-commit", json!({"path": "src", "message": message}));
    let Ok(Outcome::Succeeded(output)) = result else { panic!("{result:?}") };
    output.values.unwrap()["commit"].as_str().unwrap().to_owned()
}

fn output(result: ferry_engine::StepResult) -> Value {
    match result {
        Ok(Outcome::Succeeded(output)) => Value::Object(output.values.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

/// The push arrived, then the process died before it could say so: the next attempt finds what was noted.
#[test]
fn fm_06_a_push_that_arrived_is_not_made_again() {
    let mut world = GitWorld::with_app();
    clone_src(&world);
    write(&world, "src/k/dev.yaml", "tag: v3\n");
    commit(&world, "update");
    let push = json!({"path": "src"});
    let pushed = output(world.bench.run("git-push", push.clone()));
    // The work directory is as before the push; somebody else has pushed since.
    world.add("app", &json!([{"branch": "main", "message": "theirs", "files": {"other.txt": "o\n"}}]));
    assert_eq!(world.bench.ledger.recorded("push").len(), 1);
    let again = output(world.bench.run("git-push", push));
    assert_eq!(again, pushed);
    assert_eq!(world.messages("app", "main"), ["first", "second", "update", "theirs"]);
    assert_eq!(world.bench.ledger.recorded("push").len(), 1, "nothing was sent the second time");
}

/// A kill after the push and inside the update of the files: the directory is as before, and the rerun goes through.
#[test]
fn fm_06_a_push_that_died_while_files_changed_is_finished() {
    let mut world = GitWorld::with_app();
    clone_src(&world);
    write(&world, "src/k/dev.yaml", "tag: v3\n");
    commit(&world, "update");
    world.add("app", &json!([{"branch": "main", "message": "theirs", "files": {"README.md": "changed\n"}}]));
    let done = world.bench.directory.recover(None);
    assert!(done.is_err(), "the directory knows that steps ended in it");
    let directory = world.bench.directory.clone();
    directory.begin(90).unwrap().write(&WorkPath::parse("note").unwrap(), b"here").unwrap();
    let before = world.bench.files();
    let digest = directory.end().unwrap().expect("it wrote");
    directory.settle().unwrap();
    // The step runs and its end is never told.
    let prepared =
        BUILTIN.iter().find(|d| d.kind == "git-push").unwrap().prepare(json!({"path": "src"})).unwrap();
    let context = world.bench.context(directory.begin(91).unwrap());
    world.bench.runtime.block_on(prepared.run(context)).unwrap();
    assert_ne!(world.bench.files(), before);
    let found = directory.recover(Some((90, &digest))).unwrap();
    assert_eq!(found, Recovery::At { step: 90, digest });
    let files = |world: &GitWorld| {
        let mut files = world.bench.files();
        files.retain(|path, _| !path.contains("/.git/objects/"));
        files
    };
    let mut kept = before.clone();
    kept.retain(|path, _| !path.contains("/.git/objects/"));
    assert_eq!(files(&world), kept);
    output(world.bench.run("git-push", json!({"path": "src"})));
    assert_eq!(world.messages("app", "main"), ["first", "second", "theirs", "update"]);
    let read = |path: &str| std::fs::read_to_string(world.bench.work().join(path)).unwrap();
    assert_eq!((read("src/README.md").as_str(), read("src/k/dev.yaml").as_str()), ("changed\n", "tag: v3\n"));
    let status = world.bench.run("git-commit", json!({"path": "src", "message": "nothing"}));
    assert!(matches!(status, Ok(Outcome::Skipped(..))), "{status:?}");
}

#[test]
fn a_branch_is_created_once() {
    let world = GitWorld::with_app();
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "env/test", "create": true, "path": "out"}]});
    let def = BUILTIN.iter().find(|d| d.kind == "git-clone").unwrap();
    assert_eq!(def.prepare(config.clone()).unwrap().effect, Effect::Writes);
    let first = output(world.bench.run("git-clone", config.clone()));
    assert_eq!(world.messages("app", "env/test"), ["Initial commit"]);
    world.bench.run("delete", json!({"path": "out"})).unwrap();
    assert_eq!(output(world.bench.run("git-clone", config)), first);
    assert_eq!(world.messages("app", "env/test"), ["Initial commit"]);
}

#[test]
fn fm_53_the_same_lines_changed_by_others_are_a_clear_error() {
    let mut world = GitWorld::with_app();
    clone_src(&world);
    write(&world, "src/k/dev.yaml", "tag: v3\n");
    commit(&world, "update");
    world.add("app", &json!([{"branch": "main", "message": "clash", "files": {"k/dev.yaml": "tag: x\n"}}]));
    let before = world.bench.files();
    let error = world.bench.run("git-push", json!({"path": "src"})).unwrap_err();
    assert!(matches!(&error, StepError::Retryable(_)), "{error}");
    assert!(error.to_string().contains("k/dev.yaml"), "{error}");
    assert_eq!(world.messages("app", "main"), ["first", "second", "clash"]);
    let paths = |files: std::collections::BTreeMap<String, (Value, u32)>| {
        files.into_iter().filter(|(p, _)| !p.contains("/objects/")).collect::<Vec<_>>()
    };
    assert_eq!(paths(world.bench.files()), paths(before));
}

/// A path, a branch and a tag of one name: each is what its field says.
#[test]
fn fm_55_a_path_named_like_a_ref_is_a_path() {
    let mut world = GitWorld::with_app();
    world.add("app", &json!([
        {"branch": "k", "from": "main", "message": "a branch like a path", "files": {"main/x": "x\n", "k/dev.yaml": "tag: k\n"}},
        {"branch": "other", "from": "main", "message": "a tag like it", "tag": "k", "files": {"v": "tagged\n"}},
        {"branch": "main", "from": "main", "message": "paths like them", "files": {"main/x": "m\n", "HEAD": "h\n", "k/x": "k\n"}},
    ]));
    let read = |path: &str| std::fs::read_to_string(world.bench.work().join(path)).ok();
    let config = json!({"repoURL": world.url("app"), "checkout": [
        {"branch": "k", "path": "k"}, {"tag": "k", "path": "tag"},
        {"branch": "main", "path": "main", "sparse": ["main"]},
    ]});
    world.bench.run("git-clone", config).unwrap();
    assert_eq!(read("k/k/dev.yaml").as_deref(), Some("tag: k\n"));
    assert_eq!(read("tag/v").as_deref(), Some("tagged\n"));
    // Only what is below the directory `main`.
    assert_eq!((read("main/main/x").as_deref(), read("main/k/x")), (Some("m\n"), None));
    world.bench.run("git-clear", json!({"path": "k"})).unwrap();
    for path in ["k", "main/f", "HEAD", "refs/heads/k", "-x"] {
        write(&world, &format!("k/{path}"), path);
    }
    world.bench.run("git-commit", json!({"path": "k", "message": "new"})).unwrap();
    world.bench.run("git-push", json!({"path": "k"})).unwrap();
    let tree = world.remote("app")["branches"]["k"]["tree"].clone();
    let paths: Vec<_> = tree.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, ["-x", "HEAD", "k", "main/f", "refs/heads/k"]);
    assert_eq!(world.messages("app", "main").last().unwrap(), "paths like them");
}

#[test]
fn fm_60_authors_do_not_leak_from_one_work_tree_to_the_next() {
    let world = GitWorld::with_app();
    let checkout = |path: &str, branch: &str, author: Value| {
        let mut config = json!({"repoURL": world.url("app"), "checkout": [{"branch": branch, "create": true, "path": path}]});
        if !author.is_null() {
            config["author"] = author;
        }
        world.bench.run("git-clone", config).unwrap();
    };
    checkout("a", "one", json!({"name": "Ann", "email": "Ann <ann@example.test>"}));
    checkout("b", "two", Value::Null);
    let commit = |path: &str, author: Value| {
        write(&world, &format!("{path}/f"), &format!("{author}"));
        let mut config = json!({"path": path, "message": "m"});
        if !author.is_null() {
            config["author"] = author;
        }
        world.bench.run("git-commit", config).unwrap();
        world.bench.ledger.forget();
        world.bench.run("git-push", json!({"path": path})).unwrap();
    };
    commit("a", Value::Null);
    commit("b", json!({"name": "Bea", "email": "bea@example.test"}));
    write(&world, "b/g", "1");
    commit("b", Value::Null);
    let authors = |branch: &str| {
        let remote = world.remote("app");
        let log = remote["branches"][branch]["log"].as_array().unwrap().clone();
        log.iter().skip(1).map(|c| c["author"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(authors("one"), ["Ann <ann@example.test>"]);
    assert_eq!(authors("two"), ["Bea <bea@example.test>", "Kargo <no-reply@kargo.io>"]);
}

#[test]
fn signing_is_refused_rather_than_forgotten() {
    let world = GitWorld::with_app();
    let author = json!({"name": "A", "email": "a@b", "signingKey": "k"});
    let config = json!({"repoURL": world.url("app"), "author": author, "checkout": [{"path": "src"}]});
    let error = world.bench.run("git-clone", config).unwrap_err();
    assert!(matches!(&error, StepError::Failed(text) if text.contains("author.signingKey")), "{error}");
}

#[test]
fn commits_have_the_time_of_the_attempt_and_are_the_same_again() {
    let world = GitWorld::with_app();
    clone_src(&world);
    write(&world, "src/k/dev.yaml", "tag: v3\n");
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let before = world.bench.directory.begin(50).unwrap();
            let prepared = BUILTIN.iter().find(|d| d.kind == "git-commit").unwrap();
            let prepared = prepared.prepare(json!({"path": "src", "message": "update"})).unwrap();
            let mut context = world.bench.context(before);
            context.started_at = "2031-02-03T04:05:06Z".parse().unwrap();
            let result = world.bench.runtime.block_on(prepared.run(context));
            world.bench.directory.roll_back().unwrap();
            output(result)["commit"].clone()
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn clear_spares_work_trees_inside() {
    let world = GitWorld::with_app();
    let config = json!({"repoURL": world.url("app"), "checkout": [
        {"branch": "main", "path": "a"}, {"branch": "main", "path": "a/deep/b"},
    ]});
    world.bench.run("git-clone", config).unwrap();
    write(&world, "a/deep/x", "1");
    world.bench.run("git-clear", json!({"path": "a"})).unwrap();
    let left: Vec<_> = world.bench.files().into_keys().filter(|p| !p.contains(".git/")).collect();
    assert_eq!(left, ["a/deep/b/README.md", "a/deep/b/k/dev.yaml"]);
}

#[test]
fn bad_input_gives_clear_words() {
    let world = GitWorld::with_app();
    world.server.protect("/closed", "u", "p");
    let clone = |url: &str, checkout: Value| {
        world.bench.run("git-clone", json!({"repoURL": url, "checkout": [checkout]})).unwrap_err()
    };
    let at = |name: &str| world.server.repository_url(name);
    for (error, terminal, says) in [
        (clone("ext::sh -c id", json!({"path": "a"})), true, "is refused"),
        (clone("file:///etc", json!({"path": "a"})), true, "is refused"),
        (clone("--upload-pack=x", json!({"path": "a"})), true, "is refused"),
        (clone(&at("none"), json!({"path": "a"})), false, "was not found"),
        (clone(&at("closed"), json!({"path": "a"})), false, "check the credential"),
        (clone(&at("app"), json!({"path": "a", "branch": "gone"})), false, "branch \"gone\" does not exist"),
        (clone(&at("app"), json!({"path": "a", "branch": "-x"})), false, "-x"),
        (clone(&at("app"), json!({"path": "a", "sparse": ["../x"]})), false, "leaves the repository"),
        (clone(&at("app"), json!({"path": "../a"})), true, "leads out of the work directory"),
    ] {
        assert_eq!(matches!(error, StepError::Failed(_) | StepError::Config(_)), terminal, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    write(&world, "full/x", "1");
    let taken = clone(&at("app"), json!({"path": "full"}));
    assert!(taken.to_string().contains("\"full\" already exists"), "{taken}");
    for kind in ["git-clear", "git-push", "git-commit"] {
        let mut config = json!({"path": "full"});
        if kind == "git-commit" {
            config["message"] = json!("m");
        }
        let error = world.bench.run(kind, config).unwrap_err();
        assert!(error.to_string().contains("no Git work tree"), "{kind}: {error}");
    }
    assert!(world.bench.work().join("full/x").exists());
    assert!(WorkPath::parse("full").is_ok());
}

/// Credentials come from the Project first, then from those shared by all; over plain HTTP only where that is allowed.
#[test]
fn credentials_are_found_and_used() {
    let mut world = GitWorld::with_app();
    world.server.protect("/", "robot", "s3cret");
    let secret = |name: &str, namespace: &str, data: Value| bench::secret("git", name, namespace, &data);
    let url = world.url("app");
    let clone = |world: &GitWorld, over_http: bool| {
        let config = json!({"repoURL": url, "checkout": [{"path": "src"}]});
        world.bench.run_in("git-clone", config, |ctx| {
            "demo".clone_into(&mut ctx.project);
            let mut settings = (*ctx.settings).clone();
            settings.credentials_over_http = over_http;
            ctx.settings = std::sync::Arc::new(settings);
        })
    };
    let good = json!({"repoURL": url.trim_end_matches(".git"), "username": "robot", "password": "s3cret"});
    let bad =
        json!({"repoURL": ".*/app$", "repoURLIsRegex": "true", "username": "robot", "password": "wrong"});
    let unreadable = json!({"repoURL": "[", "repoURLIsRegex": "true", "username": "u", "password": "p"});
    // The shared one alone; what is no regular expression is passed over.
    world.bench.world.secrets = vec![
        secret("a", "kargo-shared-resources", unreadable),
        secret("b", "kargo-shared-resources", good.clone()),
    ];
    let refused = clone(&world, false).unwrap_err().to_string();
    assert!(refused.contains("check the credential"), "{refused}");
    clone(&world, true).unwrap();
    world.bench.run("delete", json!({"path": "src"})).unwrap();
    // The Project's own goes before it, also where it is wrong.
    world.bench.world.secrets.push(secret("z", "demo", bad));
    let refused = clone(&world, true).unwrap_err().to_string();
    assert!(refused.contains("check the credential"), "{refused}");
    assert!(!refused.contains("wrong") && !refused.contains("s3cret"), "{refused}");
    // By name, the first that fits.
    world.bench.world.secrets.push(secret("m", "demo", good));
    clone(&world, true).unwrap();
    // A Secret that this version cannot use says so.
    world.bench.world.secrets =
        vec![secret("app", "demo", json!({"repoURL": url, "githubAppClientID": "x"}))];
    let unusable = clone(&world, true).unwrap_err().to_string();
    assert!(unusable.contains("demo/app") && unusable.contains("githubAppClientID"), "{unusable}");
}

#[test]
fn co_authors_stay_with_a_commit_that_is_replayed() {
    let mut world = GitWorld::with_app();
    clone_src(&world);
    write(&world, "src/k/dev.yaml", "tag: v3\n");
    let trailers = "Co-authored-by: Ann <ann@example.test>\nCo-authored-by: Żółw <z@example.test>";
    commit(&world, &format!("update\n\nwith two others\n\n\n{trailers}  \n\n"));
    world.add("app", &json!([{"branch": "main", "message": "theirs", "files": {"other.txt": "o\n"}}]));
    let pushed = output(world.bench.run("git-push", json!({"path": "src"})));
    let read = std::process::Command::new("git")
        .args(["log", "-1", "--format=%(trailers:only,unfold)", pushed["commit"].as_str().unwrap()])
        .current_dir(world.server.root().join("app.git"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(read.stdout).unwrap().trim(), trailers);
    assert_eq!(world.messages("app", "main").len(), 4);
}
