//! Signed commits, judged by the real `git` and `gpg`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ferry_engine::{Outcome, StepResult};
use ferry_git::{Git, PushPolicy};
use serde_json::{Value, json};

use crate::bench::put;
use crate::git_world::GitWorld;

/// A keyring with keys that the real program made.
struct Keys {
    home: tempfile::TempDir,
}

impl Keys {
    /// None where there is no `gpg`.
    fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "no gpg: install gnupg");
            return None;
        }
        Some(Self { home: tempfile::Builder::new().prefix("gpg").tempdir().unwrap() })
    }

    fn gpg(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", self.home.path()).args(["--batch", "--pinentry-mode", "loopback"]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// A new key; it as text, and its fingerprint.
    fn make(&self, name: &str, algorithm: &str, passphrase: &str) -> String {
        let address = format!("{name} <{name}@example.test>");
        self.gpg(&["--passphrase", passphrase, "--quick-generate-key", &address, algorithm, "sign", "never"]);
        self.export(name, "--export-secret-keys", passphrase)
    }

    fn export(&self, name: &str, verb: &str, passphrase: &str) -> String {
        let output =
            self.gpg(&["--passphrase", passphrase, "--armor", verb, &format!("{name}@example.test")]);
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the real program says of a commit's signature: whose it is.
    fn verified(&self, repository: &Path, commit: &str) -> Option<String> {
        let output = Command::new("git")
            .env("GNUPGHOME", self.home.path())
            .current_dir(repository)
            .args(["-c", "safe.directory=*", "verify-commit", "--raw", commit])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let good = said.lines().find_map(|line| line.strip_prefix("[GNUPG:] GOODSIG "));
        assert_eq!(output.status.success(), good.is_some(), "{said}");
        assert!(good.is_some() || said.trim().is_empty(), "{said}");
        Some(good?.split_once(' ')?.1.to_owned())
    }
}

fn author(name: &str, key: &str) -> Value {
    json!({"name": name, "email": format!("{name}@example.test"), "signingKey": key})
}

fn clone(world: &GitWorld, author: &Value) {
    let mut config = json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]});
    if !author.is_null() {
        config["author"] = author.clone();
    }
    world.bench.run("git-clone", config).unwrap();
}

fn commit(world: &GitWorld, text: &str, author: &Value) -> StepResult {
    put(&world.bench.work().join("src/new.txt"), &json!(text));
    let mut config = json!({"path": "src", "message": text});
    if !author.is_null() {
        config["author"] = author.clone();
    }
    world.bench.run("git-commit", config)
}

fn id(result: StepResult) -> String {
    match result.unwrap() {
        Outcome::Succeeded(output) => output.values.unwrap()["commit"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn src(world: &GitWorld) -> PathBuf {
    world.bench.work().join("src")
}

#[test]
fn commits_are_signed_with_the_key_of_who_makes_them() {
    let Some(keys) = Keys::new() else { return };
    let ann = keys.make("ann", "ed25519", "");
    let bob = keys.make("bob", "rsa3072", "");
    let world = GitWorld::with_app();
    clone(&world, &author("ann", &ann));
    let first = id(commit(&world, "by ann", &json!(null)));
    assert_eq!(keys.verified(&src(&world), &first).unwrap(), "ann <ann@example.test>");
    let second = id(commit(&world, "by bob", &author("bob", &bob)));
    assert_eq!(keys.verified(&src(&world), &second).unwrap(), "bob <bob@example.test>");
    // Who has no key signs with nobody else's.
    let third = id(commit(&world, "by carl", &json!({"name": "carl", "email": "carl@example.test"})));
    assert_eq!(keys.verified(&src(&world), &third), None);
    // A key with a subkey to sign with signs with that.
    let dora = {
        keys.make("dora", "ed25519", "");
        let listed = keys.gpg(&["--list-keys", "--with-colons", "dora@example.test"]).stdout;
        let listed = String::from_utf8(listed).unwrap();
        let fingerprint =
            listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
        keys.gpg(&["--passphrase", "", "--quick-add-key", &fingerprint, "ed25519", "sign", "never"]);
        keys.export("dora", "--export-secret-subkeys", "")
    };
    let fourth = id(commit(&world, "by dora", &author("dora", &dora)));
    assert_eq!(keys.verified(&src(&world), &fourth).unwrap(), "dora <dora@example.test>");
}

#[test]
fn a_signed_commit_is_the_same_each_time() {
    let Some(keys) = Keys::new() else { return };
    let ann = keys.make("ann", "ed25519", "");
    let world = GitWorld::with_app();
    let once = || {
        clone(&world, &author("ann", &ann));
        let id = id(commit(&world, "by ann", &json!(null)));
        world.bench.run("delete", json!({"path": "src"})).unwrap();
        id
    };
    assert_eq!(once(), once());
}

#[test]
fn what_is_replayed_and_merged_is_signed_again() {
    for policy in [PushPolicy::AlwaysRebase, PushPolicy::AlwaysMerge] {
        let Some(keys) = Keys::new() else { return };
        let ann = keys.make("ann", "ed25519", "");
        let mut world = GitWorld::new(policy);
        world.add("app", &json!([{"branch": "main", "message": "first", "files": {"a": "1"}}]));
        clone(&world, &author("ann", &ann));
        let own = id(commit(&world, "by ann", &json!(null)));
        world.add("app", &json!([{"branch": "main", "message": "by another", "files": {"b": "1"}}]));
        let pushed = id(world.bench.run("git-push", json!({"path": "src"})));
        assert_ne!(own, pushed);
        let bare = world.server.root().join("app.git");
        assert_eq!(keys.verified(&bare, &pushed).unwrap(), "ann <ann@example.test>", "{policy:?}");
    }
}

#[test]
fn a_policy_that_guards_signatures_lets_its_own_be_made_anew() {
    let Some(keys) = Keys::new() else { return };
    let (ann, bob) = (keys.make("ann", "ed25519", ""), keys.make("bob", "ed25519", ""));
    // Who clones with a key, who commits with one, and whether the commit may be replayed.
    for (clones, commits, may) in [
        (Some(&ann), Some(&ann), true),
        (Some(&ann), Some(&bob), false),
        (Some(&ann), None, false),
        (None, Some(&bob), false),
        (None, None, true),
    ] {
        let mut world = GitWorld::new(PushPolicy::RebaseOrFail);
        world.add("app", &json!([{"branch": "main", "message": "first", "files": {"a": "1"}}]));
        let who = |key: Option<&String>| {
            key.map_or(json!({"name": "x", "email": "x@example.test"}), |key| author("x", key))
        };
        clone(&world, &who(clones));
        id(commit(&world, "own", &who(commits)));
        world.add("app", &json!([{"branch": "main", "message": "by another", "files": {"b": "1"}}]));
        let pushed = world.bench.run("git-push", json!({"path": "src"}));
        let told = (clones.is_some(), commits.map(|key| key == &ann));
        assert_eq!(pushed.is_ok(), may, "{told:?}: {pushed:?}");
        if let Err(error) = pushed {
            assert!(format!("{error:?}").contains("which the policy forbids"), "{error:?}");
        }
    }
}

#[test]
fn who_commits_is_said_by_the_cluster_config() {
    let Some(keys) = Keys::new() else { return };
    let ann = keys.make("ann", "ed25519", "");
    let mut world = GitWorld::with_app();
    let config = json!({
        "apiVersion": "kargo.akuity.io/v1alpha1", "kind": "ClusterConfig", "metadata": {"name": "cluster"},
        "spec": {"gitClient": {"name": "ann", "email": "ann@example.test", "signingKeySecret": {"name": "key"}}},
    });
    world.bench.world.cluster_config = Some(serde_json::from_value(config).unwrap());
    let missing =
        world.bench.run("git-clone", json!({"repoURL": world.url("app"), "checkout": [{"path": "src"}]}));
    let said = format!("{missing:?}");
    assert!(said.contains("Secret kargo-system-resources/key is not there"), "{said}");
    let secret = json!({"metadata": {"namespace": "kargo-system-resources", "name": "key"}, "stringData": {}, "data": {}});
    let mut secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(secret).unwrap();
    secret.data = Some([("signingKey".to_owned(), k8s_openapi::ByteString(ann.clone().into_bytes()))].into());
    world.bench.world.secrets.push(secret);
    clone(&world, &json!(null));
    let first = id(commit(&world, "by ann", &json!(null)));
    assert_eq!(keys.verified(&src(&world), &first).unwrap(), "ann <ann@example.test>");
    // What lies in the work tree is no key.
    let kept = std::fs::read_to_string(src(&world).join(".git/signing-key")).unwrap();
    assert!(!kept.contains("PRIVATE KEY") && !kept.contains(ann.lines().nth(2).unwrap()), "{kept}");
    // An author of the step's own is not signed for.
    world.bench.run("delete", json!({"path": "src"})).unwrap();
    clone(&world, &json!({"name": "carl", "email": "carl@example.test"}));
    let second = id(commit(&world, "by carl", &json!(null)));
    assert_eq!(keys.verified(&src(&world), &second), None);
}

#[test]
fn keys_that_nothing_can_be_signed_with() {
    let Some(keys) = Keys::new() else { return };
    let locked = keys.make("locked", "ed25519", "a passphrase");
    keys.make("ann", "ed25519", "");
    let public = keys.export("ann", "--export", "");
    let world = GitWorld::with_app();
    clone(&world, &json!(null));
    for (key, why) in [
        (locked.as_str(), "it has a passphrase"),
        (&public, "it is a public key"),
        ("canary-5f2c9a", "it is no private OpenPGP key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n", "it is an SSH key"),
        (&locked[..locked.len() / 2], "it is no private OpenPGP key"),
    ] {
        let said = commit(&world, "x", &author("ann", key)).unwrap_err().to_string();
        assert!(said.contains("author.signingKey") && said.contains(why), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn fm_60_a_key_goes_with_its_work_tree() {
    let Some(keys) = Keys::new() else { return };
    let ann = keys.make("ann", "ed25519", "");
    let world = GitWorld::with_app();
    let git = world.bench.services.get::<Git>().unwrap();
    // Nobody has checked it out before, so its files are kept for those who come.
    clone(&world, &json!(null));
    world.bench.run("delete", json!({"path": "src"})).unwrap();
    clone(&world, &author("ann", &ann));
    id(commit(&world, "by ann", &json!(null)));
    let holds_key = |place: &Path| {
        walk(place)
            .into_iter()
            .filter(|path| std::fs::read(path).is_ok_and(|c| contains(&c, &ann[100..160])))
            .count()
    };
    // Programs that steps run read the whole work tree.
    assert!(src(&world).join(".git/signing-key").exists());
    assert_eq!(holds_key(&src(&world)), 0, "it is sealed");
    assert_eq!(holds_key(&world.cache()), 0);
    git.take_back(&world.bench.work());
    assert_eq!(holds_key(&world.cache()), 0, "what is kept for others");
    let _gone = std::fs::remove_dir_all(src(&world));
    clone(&world, &json!(null));
    let next = id(commit(&world, "by nobody", &json!(null)));
    assert_eq!(keys.verified(&src(&world), &next), None);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

fn walk(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
