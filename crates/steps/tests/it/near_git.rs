//! Inputs of the Git steps near those that were recorded, and what Git itself makes of them.

use ferry_engine::{Outcome, StepError, StepResult};
use serde_json::{Value, json};

use crate::bench::put;
use crate::git_world::GitWorld;

fn output(result: StepResult) -> Value {
    match result {
        Ok(Outcome::Succeeded(output)) => Value::Object(output.values.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn said(result: StepResult) -> String {
    match result {
        Err(error @ StepError::Retryable(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// `app` with its `main` at `src`.
fn cloned() -> GitWorld {
    let world = GitWorld::with_app();
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    world.bench.run("git-clone", config).unwrap();
    world
}

fn write(world: &GitWorld, path: &str, text: &str) {
    put(&world.bench.work().join(path), &json!(text));
}

fn exists(world: &GitWorld, path: &str) -> bool {
    world.bench.work().join(path).symlink_metadata().is_ok()
}

#[test]
fn a_branch_may_be_given_as_a_whole_reference() {
    let world = cloned();
    let checkout = json!([{"branch": "refs/heads/main", "path": "again"}]);
    world.bench.run("git-clone", json!({"repoURL": world.url("app"), "checkout": checkout})).unwrap();
    write(&world, "src/new", "x");
    world.bench.run("git-commit", json!({"path": "src", "message": "update"})).unwrap();
    let push = json!({"path": "src", "targetBranch": "refs/heads/env/test"});
    assert_eq!(output(world.bench.run("git-push", push))["branch"], "env/test");
    assert_eq!(world.messages("app", "env/test"), ["first", "second", "update"]);
    let push = json!({"path": "src", "targetBranch": "refs/tags/v1"});
    let said = said(world.bench.run("git-push", push));
    assert!(said.starts_with("targetBranch: branch \"refs/tags/v1\" is refused"), "{said}");
    let branches = world.remote("app")["branches"].as_object().unwrap().len();
    assert_eq!(branches, 2, "nothing else was made");
}

#[test]
fn a_commit_or_tag_is_whatever_has_that_name() {
    let mut world = GitWorld::with_app();
    world.add(
        "app",
        &json!([{"branch": "rel", "from": "main", "message": "third", "tag": "v1", "files": {"v": "1\n"}}]),
    );
    let [_, second, third] = world.commits.clone().try_into().unwrap();
    for (checkout, head, branch) in [
        (json!({"commit": "main"}), &second, Some("main")),
        (json!({"commit": "v1"}), &third, None),
        (json!({"commit": "refs/heads/rel"}), &third, Some("rel")),
        (json!({"tag": "main"}), &second, Some("main")),
        (json!({"tag": &third}), &third, None),
        (json!({"tag": "refs/tags/v1"}), &third, None),
        (json!({"tag": "tags/v1"}), &third, None),
    ] {
        let mut checkout = checkout;
        checkout["path"] = json!("out");
        let config = json!({"repoURL": world.url("app"), "checkout": [&checkout]});
        assert_eq!(output(world.bench.run("git-clone", config))["commits"]["out"], **head, "{checkout}");
        let at = std::fs::read_to_string(world.bench.work().join("out/.git/HEAD")).unwrap();
        let at = at.trim_end().strip_prefix("ref: refs/heads/").map(str::to_owned);
        assert_eq!(at.as_deref(), branch, "{checkout}");
        world.bench.run("delete", json!({"path": "out"})).unwrap();
    }
    for (checkout, says) in [
        (json!({"commit": "nope", "path": "out"}), "tag or branch \"nope\" does not exist"),
        (json!({"commit": "abcdef1", "path": "out"}), "commit abcdef1 does not exist"),
        (json!({"tag": "a".repeat(40), "path": "out"}), "does not exist"),
    ] {
        let said =
            said(world.bench.run("git-clone", json!({"repoURL": world.url("app"), "checkout": [&checkout]})));
        assert!(said.contains(says), "{checkout}: {said}");
    }
}

#[test]
fn a_directory_in_a_work_tree_stands_for_it() {
    let world = cloned();
    write(&world, "src/at-the-top", "x");
    write(&world, "src/k/more.yaml", "x");
    let commit = output(world.bench.run("git-commit", json!({"path": "src/k", "message": "update"})));
    output(world.bench.run("git-tag", json!({"path": "src/k", "tag": "v1", "message": "one"})));
    assert_eq!(output(world.bench.run("git-push", json!({"path": "./src/k"})))["commit"], commit["commit"]);
    let remote = world.remote("app");
    let tree = remote["branches"]["main"]["tree"].to_string();
    assert!(tree.contains("at-the-top") && tree.contains("k/more.yaml"), "{tree}");
    world.bench.run("git-clear", json!({"path": "src/k"})).unwrap();
    assert!(exists(&world, "src/at-the-top") && !exists(&world, "src/k/more.yaml"));
    for path in ["src/none", "elsewhere", "."] {
        let said = said(world.bench.run("git-commit", json!({"path": path, "message": "m"})));
        assert!(said.contains("is no Git work tree"), "{path}: {said}");
    }
    // A link leads somewhere else: what is around it is not what Git would find.
    write(&world, "other/x", "x");
    std::os::unix::fs::symlink("../other", world.bench.work().join("src/link")).unwrap();
    let said = said(world.bench.run("git-commit", json!({"path": "src/link", "message": "m"})));
    assert!(said.contains("is no Git work tree"), "{said}");
}

#[test]
fn what_is_ignored_stays_when_a_work_tree_is_cleared() {
    let mut world = GitWorld::with_app();
    world.add(
        "app",
        &json!([{"branch": "main", "message": "ignore", "files": {
            ".gitignore": "*.log\nbuild/\n", "tracked.log": "t\n", "deep/tracked": "t\n",
        }}]),
    );
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    world.bench.run("git-clone", config).unwrap();
    for path in ["x.log", "deep/y.log", "build/o", "new/z.log", "new/file"] {
        write(&world, &format!("src/{path}"), "x");
    }
    world.bench.run("git-clear", json!({"path": "src"})).unwrap();
    for path in ["x.log", "deep/y.log", "build/o", "new/z.log"] {
        assert!(exists(&world, &format!("src/{path}")), "{path}");
    }
    for path in [".gitignore", "tracked.log", "deep/tracked", "new/file", "README.md", "k"] {
        assert!(!exists(&world, &format!("src/{path}")), "{path}");
    }
}

#[test]
fn a_message_counts_where_there_is_something_to_commit() {
    let world = cloned();
    let config = json!({"path": "src", "message": "   "});
    let result = world.bench.run("git-commit", config.clone());
    assert!(matches!(&result, Ok(Outcome::Skipped(_, output)) if output.values.is_some()), "{result:?}");
    write(&world, "src/new", "x");
    assert!(said(world.bench.run("git-commit", config)).contains("message"));
    // A tag needs none.
    output(world.bench.run("git-tag", json!({"path": "src", "tag": "v1", "message": "  "})));
}

#[test]
fn a_tag_is_no_directory_of_another() {
    let mut world = GitWorld::with_app();
    world.add("app", &json!([{"branch": "main", "message": "m", "tag": "v1/a", "files": {"v": "1\n"}}]));
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    world.bench.run("git-clone", config).unwrap();
    for tag in ["v1", "v1/a/b", "v1/a"] {
        let said = said(world.bench.run("git-tag", json!({"path": "src", "tag": tag, "message": "m"})));
        assert!(said.contains("v1/a"), "{tag}: {said}");
    }
    output(world.bench.run("git-tag", json!({"path": "src", "tag": "v1/b", "message": "m"})));
}

#[test]
fn a_first_commit_that_is_empty_is_replayed_too() {
    let world = GitWorld::with_app();
    let config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "env/new", "create": true, "path": "out"}]});
    world.bench.run("git-clone", config).unwrap();
    write(&world, "out/new", "x");
    world.bench.run("git-commit", json!({"path": "out", "message": "update"})).unwrap();
    output(world.bench.run("git-push", json!({"path": "out", "targetBranch": "main"})));
    assert_eq!(world.messages("app", "main"), ["first", "second", "Initial commit", "update"]);
}

#[test]
fn who_commits_is_put_in_order_as_git_does() {
    let world = cloned();
    write(&world, "src/new", "x");
    let author = json!({"name": " \"Bob\" <x> Jr., ", "email": "bob@example.test"});
    let config = json!({"path": "src", "message": "m", "author": author});
    let commit = output(world.bench.run("git-commit", config));
    output(world.bench.run("git-push", json!({"path": "src"})));
    let log = world.remote("app")["branches"]["main"]["log"].to_string();
    assert!(log.contains("Bob\\\" x Jr"), "{log} {commit}");
}
