//! SSH without a server: a stand-in for `ssh` on the search path says what it was given.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ferry_git::{Access, Credential, Error, Git, RepoUrl, Settings};

use crate::world::{on, settings};

struct Place {
    place: tempfile::TempDir,
    git: Git,
}

impl Place {
    /// `script` runs as `ssh`.
    fn new(script: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let script = format!("#!/bin/sh\nout='{}'\n{script}\n", place.path().join("said").display());
        std::fs::write(bin.join("ssh"), script).unwrap();
        std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
        let mut search_path = bin.into_os_string();
        search_path.push(":");
        search_path.push(std::env::var_os("PATH").unwrap());
        // A cache directory with a quote and a space in its name.
        let cache = place.path().join("it's a cache");
        let git = Git::new(&cache, Settings { search_path, ..settings() }).unwrap();
        Self { place, git }
    }

    fn keys(&self) -> PathBuf {
        self.place.path().join("it's a cache/keys")
    }
}

const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nabc\r\n-----END OPENSSH PRIVATE KEY-----";

fn key() -> Access {
    Credential::SshKey { private_key: KEY.into() }.into()
}

const SAY: &str = r#"
{ echo "ARGS $*"; env; for last; do
  if [ "$previous" = -i ]; then stat -c 'MODE %a' "$last"; sed 's/^/KEY /' "$last"; fi
  previous=$last
done; } >"$out"
echo "git@git.example.com: Permission denied (publickey)." >&2
exit 255
"#;

#[tokio::test]
async fn a_key_is_a_private_file_for_the_time_of_one_command() {
    let world = Place::new(SAY);
    let url = RepoUrl::parse("git@git.example.com:team/app.git").unwrap();
    let mirror = world.git.mirror(&url, &key()).unwrap();
    let refused = mirror.resolve(&on("main")).await;
    assert!(matches!(refused, Err(Error::Unauthorized { .. })), "{refused:?}");
    let said = std::fs::read_to_string(world.place.path().join("said")).unwrap();
    assert!(said.contains("MODE 600\n"), "{said}");
    assert!(said.contains("KEY -----BEGIN OPENSSH PRIVATE KEY-----\nKEY abc\nKEY -----END"), "{said}");
    let arguments = said.lines().find(|line| line.starts_with("ARGS")).unwrap();
    for wanted in ["-F /dev/null", "BatchMode=yes", "StrictHostKeyChecking=no", "IdentitiesOnly=yes"] {
        assert!(arguments.contains(wanted), "{arguments}");
    }
    assert!(arguments.ends_with("git@git.example.com git-upload-pack 'team/app.git'"), "{arguments}");
    assert!(std::fs::read_dir(world.keys()).unwrap().next().is_none(), "the key is gone");
}

#[tokio::test]
async fn only_what_git_needs_is_in_its_environment() {
    let world = Place::new(SAY);
    let url = RepoUrl::parse("ssh://git@git.example.com/app").unwrap();
    let _refused = world.git.mirror(&url, &Access::default()).unwrap().list().await;
    let said = std::fs::read_to_string(world.place.path().join("said")).unwrap();
    let names = said.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let known =
        ["PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LC_ALL", "SSH_ASKPASS", "PWD", "SHLVL", "_", "OLDPWD"];
    let plain = |name: &&str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let foreign: Vec<_> =
        names.filter(plain).filter(|name| !known.contains(name) && !name.starts_with("GIT_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(!said.lines().any(|line| line.starts_with("ARGS") && line.contains(" -i ")), "no key, no file");
}

#[tokio::test]
async fn a_key_that_a_crash_left_behind_goes_at_the_next_start() {
    let world = Place::new("exit 255");
    let left = world.keys().join("key-left");
    std::fs::write(&left, KEY).unwrap();
    let cache = world.place.path().join("it's a cache");
    drop(world.git);
    Git::new(&cache, settings()).unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn a_cancelled_command_takes_its_key_along() {
    let world = Place::new("echo x >\"$out\"; exec sleep 3600");
    let url = RepoUrl::parse("git@git.example.com:app").unwrap();
    let mirror = world.git.mirror(&url, &key()).unwrap();
    let listing = tokio::spawn(async move { mirror.list().await.map(drop) });
    while !world.place.path().join("said").exists() {
        tokio::task::yield_now().await;
    }
    assert!(std::fs::read_dir(world.keys()).unwrap().next().is_some());
    listing.abort();
    assert!(listing.await.unwrap_err().is_cancelled());
    assert!(std::fs::read_dir(world.keys()).unwrap().next().is_none());
}
