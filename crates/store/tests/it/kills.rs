//! A process that writes is killed again and again: what it acknowledged is there, no version is given out twice, and
//! the database opens every time. `FERRY_KILLS=N` kills N times.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use ferry_store::Store;

use crate::{BOATS, boat, key, open};

const PLACE: &str = "FERRY_KILLED_STORE";

/// Not a test by itself: what the killed process runs. Writes for ever from several tasks and says what was
/// acknowledged; without the variable there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_it_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let store = open(std::path::Path::new(&place));
    let tasks: Vec<_> = (0..8).map(|task| tokio::spawn(write(store.clone(), task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[expect(clippy::print_stdout, reason = "the process that kills it listens")]
fn say(line: &str) {
    println!("{line}");
}

async fn write(store: Store, task: usize) {
    for i in 0.. {
        let name = format!("t{task}-{}", i % 20);
        let written = match store.get(&key(&name)) {
            None => store.create(key(&name), boat(&name, i), Vec::new()).await,
            Some(now) if i % 7 == 3 => store.delete(key(&name), now.version).await,
            Some(now) => store.replace(key(&name), now.version, boat(&name, i), Vec::new()).await,
        };
        let object = written.unwrap();
        let gone = store.get(&key(&name)).is_none();
        say(&format!("ack {name} {} {}", object.version, if gone { "gone" } else { "there" }));
    }
}

#[test]
fn a_killed_store_has_everything_it_acknowledged() {
    let kills: usize = std::env::var("FERRY_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let directory = tempfile::tempdir().unwrap();
    let (mut last, mut versions) = (BTreeMap::new(), BTreeSet::new());
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::writes_until_it_is_killed", "--nocapture"])
            .env(PLACE, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Sooner and later; when exactly is up to the machine.
        let enough = kill * 137 % 400 + 1;
        let mut acks = Vec::new();
        while acks.len() < enough {
            let line = lines.next().expect("the child ended by itself").unwrap();
            acks.extend(line.split("ack ").nth(1).map(str::to_owned));
        }
        child.kill().unwrap();
        // What it still said before it died counts, too; the last line may be cut.
        acks.extend(
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)),
        );
        child.wait().unwrap();
        for ack in acks {
            let parts: Vec<&str> = ack.split(' ').collect();
            let [name, version, state] = parts[..] else { continue };
            let version: u64 = version.parse().unwrap();
            assert!(versions.insert(version), "kill {kill}: version {version} was given out twice");
            last.insert(name.to_owned(), (version, state == "gone"));
        }
        check(&open(directory.path()), &last, &versions, kill);
    }
}

/// Each object is as it was last acknowledged, or newer: what was not acknowledged may have happened.
fn check(store: &Store, last: &BTreeMap<String, (u64, bool)>, versions: &BTreeSet<u64>, kill: usize) {
    let highest = last.values().map(|(version, _)| *version).max().unwrap_or_default();
    assert!(store.version() >= highest, "kill {kill}: at {} after {highest}", store.version());
    for (name, (version, gone)) in last {
        match store.get(&key(name)) {
            Some(object) if object.version > *version => {}
            Some(object) => assert!(!gone && object.version == *version, "kill {kill}: {name} is old"),
            // Gone after all, by a write whose version nobody was told.
            None => {
                let untold = (*version + 1..=store.version()).any(|v| !versions.contains(&v));
                assert!(*gone || untold, "kill {kill}: {name} is lost");
            }
        }
    }
    assert!(
        store
            .list(BOATS, None)
            .objects
            .iter()
            .all(|o| o.value()["metadata"]["resourceVersion"].as_str() == Some(&o.version.to_string()))
    );
}
