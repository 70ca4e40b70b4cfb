//! The work directory under kills at every point, hostile links and big trees.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// What is in a directory: files with contents and whether executable, links with targets, directories.
fn tree(at: &Path) -> BTreeMap<String, String> {
    fn walk(base: &Path, at: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_symlink() {
                found.insert(name, format!("-> {}", path.read_link().unwrap().display()));
            } else if metadata.is_dir() {
                found.insert(name, "/".to_owned());
                walk(base, &path, found);
            } else {
                let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.insert(name, format!("{mode:o} {text}"));
            }
        }
    }
    let mut found = BTreeMap::new();
    if at.exists() {
        walk(at, at, &mut found);
    }
    found
}

fn path(text: &str) -> WorkPath {
    WorkPath::parse(text).unwrap()
}

/// A root with one recovered directory in it.
struct Place {
    root: WorkRoot,
    directory: WorkDirectory,
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = WorkRoot::new(&temp.path().join("work")).unwrap();
        let directory = root.directory("p1").unwrap();
        assert_eq!(directory.recover(None).unwrap(), Recovery::Fresh);
        Self { root, directory, temp }
    }

    /// Runs a step that changes something to its settled end.
    fn step(&self, n: i64, f: impl FnOnce(&WorkDir)) -> String {
        self.attempt(n, f).expect("it changed something")
    }

    /// Runs a step to its settled end; none where it changed nothing.
    fn attempt(&self, n: i64, f: impl FnOnce(&WorkDir)) -> Option<String> {
        let work = self.directory.begin(n).unwrap();
        f(&work);
        let digest = self.directory.end().unwrap();
        self.directory.settle().unwrap();
        digest
    }

    fn tree(&self) -> BTreeMap<String, String> {
        tree(&self.directory.path().join("work"))
    }

    /// What a new process finds.
    fn restarted(&self) -> WorkDirectory {
        self.root.directory("p1").unwrap()
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write(String, String),
    Remove(String),
    Copy(String, String),
    Rename(String, String),
    Directory(String),
    Link(String, String),
    New(String),
    Any(String),
    Git(String),
    Tree(String),
}

/// What a change of a work tree replaces.
const FILES: [&str; 4] = ["a", "b", "c", "made/deep/d"];

impl Change {
    /// Does it; what the tree forbids is simply not done.
    fn apply(&self, work: &WorkDir) {
        let _ = match self {
            Self::Write(to, text) => work.write(&path(to), text.as_bytes()),
            Self::Remove(at) => work.remove(&path(at)),
            Self::Copy(from, to) => work.copy_file(&path(from), &path(to)),
            Self::Rename(from, to) => work.rename(&path(from), &path(to)),
            Self::Directory(at) => work.create_dir_all(&path(at)),
            Self::Link(target, at) => work.symlink(target, &path(at)),
            Self::New(at) => work.materialize_new(&path(at)).map(|at| {
                let _ = std::fs::create_dir(&at);
                let _ = std::fs::write(at.join("made"), "by a program");
            }),
            Self::Any(at) => work.materialize(&[path(at)]).map(|m| {
                let at = &m.paths()[0];
                let _ = std::fs::write(at.join("more"), "by a program");
                let _ = std::fs::write(at, "changed in place");
            }),
            Self::Git(at) => work.materialize_git_dir(&path(at)).map(|at| {
                let _ = std::fs::write(at.join("HEAD"), "moved");
            }),
            Self::Tree(at) => work.materialize_work_tree(&path(at), &FILES.map(str::to_owned)).map(|at| {
                for name in FILES {
                    let _ = std::fs::create_dir_all(at.join(name).parent().unwrap());
                    let _ = std::fs::remove_file(at.join(name));
                    let _ = std::fs::write(at.join("new"), "checked out")
                        .and_then(|()| std::fs::rename(at.join("new"), at.join(name)));
                }
                // Git is not started where `.git` is a link.
                if std::fs::symlink_metadata(at.join(".git")).is_ok_and(|found| found.is_dir()) {
                    let _ = std::fs::write(at.join(".git/HEAD"), "moved");
                }
            }),
        };
    }
}

fn apply(changes: &[Change], work: &WorkDir) {
    for change in changes {
        change.apply(work);
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "l", ".git"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (name(), "[x-z]{0,3}").prop_map(|(p, t)| Change::Write(p, t)),
        3 => name().prop_map(Change::Remove),
        1 => (name(), name()).prop_map(|(a, b)| Change::Copy(a, b)),
        2 => (name(), name()).prop_map(|(a, b)| Change::Rename(a, b)),
        2 => name().prop_map(Change::Directory),
        2 => (prop::sample::select(vec!["a", "../b", "b/c", "..", "/etc"]), name())
            .prop_map(|(t, p)| Change::Link(t.to_owned(), p)),
        1 => name().prop_map(Change::New),
        1 => name().prop_map(Change::Any),
        1 => name().prop_map(Change::Git),
        1 => name().prop_map(Change::Tree),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a step does and wherever it is killed, also while undoing: the directory is as before the step, or,
    /// once its end is stored, as after it.
    #[test]
    fn a_step_is_all_or_nothing(
        first in prop::collection::vec(change(), 1..10),
        second in prop::collection::vec(change(), 1..8),
    ) {
        let place = Place::new();
        let digest = place.attempt(0, |work| apply(&first, work));
        let before = place.tree();
        let done = digest.as_deref().map(|digest| (0, digest));
        for kill in 0.. {
            let directory = place.restarted();
            directory.recover(done).unwrap();
            fault::after(Some(kill));
            let ended = directory.begin(1).and_then(|work| {
                apply(&second, &work);
                directory.end()
            });
            let after = ended.as_ref().ok().map(|_| place.tree());
            // A second kill, while undoing.
            fault::after(Some(kill / 3));
            let _ = place.restarted().recover(done);
            fault::after(None);
            let restarted = place.restarted();
            restarted.recover(done).unwrap();
            prop_assert_eq!(place.tree(), before.clone(), "killed at {}", kill);
            if let Some(after) = after {
                let work = restarted.begin(1).unwrap();
                apply(&second, &work);
                let digest = restarted.end().unwrap();
                prop_assert_eq!(&digest, &ended.unwrap(), "a replay gives the same digest");
                let again = place.restarted();
                // Of a step that changed nothing the ledger takes no note.
                let last = digest.as_deref().map(|digest| (1, digest)).or(done);
                let wanted = last.map_or(Recovery::Fresh, |(step, digest)| {
                    Recovery::At { step, digest: digest.to_owned() }
                });
                prop_assert_eq!(again.recover(last).unwrap(), wanted);
                prop_assert_eq!(place.tree(), after);
                break;
            }
        }
    }
}

#[test]
fn files_are_written_read_copied_and_removed() {
    let place = Place::new();
    place.step(0, |work| {
        work.write(&path("a/b.txt"), b"one").unwrap();
        work.write_with_mode(&path("run"), b"#!", 0o755).unwrap();
        work.write(&path("run"), b"#!2").unwrap();
        work.copy_file(&path("run"), &path("x/y/run")).unwrap();
        work.copy_file(&path("run"), &path("./x/../run")).unwrap();
        work.symlink("a/b.txt", &path("l")).unwrap();
        work.write(&path("l"), b"through the link").unwrap();
        assert_eq!(work.read_text(&path("a/b.txt")).unwrap(), "through the link");
        assert_eq!(work.read_link(&path("l")).unwrap(), "a/b.txt");
        work.rename(&path("a"), &path("moved")).unwrap();
        let names: Vec<_> = work.walk(&WorkPath::root(), |_| true).unwrap();
        let names: Vec<_> = names.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(names, ["l", "moved", "moved/b.txt", "run", "x", "x/y", "x/y/run"]);
        work.remove(&path("l")).unwrap();
        assert!(work.remove(&path("l")).unwrap_err().is_missing());
    });
    let tree = place.tree();
    assert_eq!(tree["x/y/run"], "755 #!2");
    assert_eq!(tree["moved/b.txt"], "644 through the link");
}

#[test]
fn links_that_lead_out_are_refused() {
    let place = Place::new();
    let outside = place.temp.path().join("secret");
    std::fs::write(&outside, "secret").unwrap();
    let work = place.directory.begin(0).unwrap();
    work.symlink(outside.to_str().unwrap(), &path("absolute")).unwrap();
    work.symlink("../../../secret", &path("relative")).unwrap();
    work.symlink("../..", &path("up")).unwrap();
    work.symlink("nowhere", &path("dangling")).unwrap();
    work.symlink("loop", &path("loop")).unwrap();
    for at in ["absolute", "relative", "up/secret", "up"] {
        let at = path(at);
        let errors = [
            work.read(&at).unwrap_err(),
            work.write(&at, b"!").unwrap_err(),
            work.copy_file(&at, &path("c")).unwrap_err(),
            work.entries(&at).unwrap_err(),
            work.materialize_new(&at.join("x").unwrap()).unwrap_err(),
        ];
        for e in errors {
            assert!(e.to_string().contains("leads out of the work directory"), "{at}: {e}");
        }
    }
    assert!(work.remove(&path("up/secret")).unwrap_err().to_string().contains("leads out"));
    assert!(matches!(work.read(&path("dangling")), Err(Error::Missing(_))));
    assert!(matches!(work.read(&path("loop")), Err(Error::Loop(_))));
    // The links themselves are inside.
    work.remove(&path("absolute")).unwrap();
    work.remove(&path("up")).unwrap();
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "secret");
}

#[test]
fn a_link_to_what_is_not_there_yet_is_written_through() {
    let place = Place::new();
    let work = place.directory.begin(0).unwrap();
    work.symlink("../b/new", &path("a/link")).unwrap();
    work.symlink("a/link", &path("to-link")).unwrap();
    work.write(&path("to-link"), b"1").unwrap();
    assert_eq!(work.read_text(&path("b/new")).unwrap(), "1");
    assert_eq!(work.kind_of_link(&path("a/link")).unwrap(), Some(Kind::Link));
    work.write(&path("from"), b"2").unwrap();
    work.symlink("c/copy", &path("out")).unwrap();
    work.copy_file(&path("from"), &path("out")).unwrap();
    assert_eq!(work.read_text(&path("c/copy")).unwrap(), "2");
    for target in ["../nowhere", "a/../../nowhere", "/nowhere"] {
        work.symlink(target, &path("leads-out")).unwrap();
        let refused = work.write(&path("leads-out"), b"!").unwrap_err();
        assert!(matches!(refused, Error::Escapes(_)), "{target}: {refused}");
    }
    work.symlink("loop", &path("loop")).unwrap();
    assert!(matches!(work.write(&path("loop"), b"!"), Err(Error::Loop(_))));
    assert!(!place.temp.path().join("nowhere").exists());
}

#[test]
fn a_directory_swapped_for_a_link_does_not_let_out() {
    let place = Place::new();
    let outside = place.temp.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let work = place.directory.begin(0).unwrap();
    work.write(&path("d/f"), b"inside").unwrap();
    // A program swaps the directory between two uses.
    let real = work.materialize(&[path("d")]).unwrap();
    std::fs::remove_dir_all(&real.paths()[0]).unwrap();
    std::os::unix::fs::symlink(&outside, &real.paths()[0]).unwrap();
    assert!(matches!(work.write(&path("d/f"), b"out"), Err(Error::Escapes(_))));
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn errors_say_what_and_where() {
    let place = Place::new();
    let work = place.directory.begin(0).unwrap();
    work.write(&path("f"), b"\xff").unwrap();
    work.create_dir_all(&path("d")).unwrap();
    for (error, says) in [
        (work.read(&path("none/x")).unwrap_err(), "\"none/x\" does not exist"),
        (work.read(&path("d")).unwrap_err(), "\"d\" is a directory"),
        (work.write(&path("d"), b"").unwrap_err(), "\"d\" is a directory"),
        (work.write(&path("f/x"), b"").unwrap_err(), "\"f\" is not a directory"),
        (work.read_text(&path("f")).unwrap_err(), "\"f\" is not UTF-8"),
        (work.remove(&path("/")).unwrap_err(), "\"/\" is the work directory itself"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
    place.directory.roll_back().unwrap();
    assert!(matches!(work.write(&path("late"), b""), Err(Error::Over(_))));
    assert!(place.tree().is_empty());
}

#[test]
fn a_directory_of_20_000_files_goes_and_comes_back_quickly() {
    let place = Place::new();
    let digest = place.step(0, |work| {
        let at = work.materialize_new(&path("big")).unwrap();
        for d in 0..100 {
            std::fs::create_dir_all(at.join(d.to_string())).unwrap();
            (0..200).for_each(|f| std::fs::write(at.join(format!("{d}/{f}")), "x").unwrap());
        }
        work.note(&path("big"), "commit:1").unwrap();
    });
    let changes = || std::fs::read_dir(place.directory.path().join("journal")).unwrap().count();
    let work = place.directory.begin(1).unwrap();
    work.remove(&path("big")).unwrap();
    assert_eq!(changes(), 2, "one record and one rename, however much the directory holds");
    work.write(&path("big/other"), b"new").unwrap();
    let restarted = place.restarted();
    restarted.recover(Some((0, &digest))).unwrap();
    assert_eq!(place.tree().len(), 20_101);
}

#[test]
fn a_directory_of_git_keeps_its_objects_without_a_copy() {
    let place = Place::new();
    let digest = place.step(0, |work| {
        work.write(&path("r/.git/HEAD"), b"1").unwrap();
        work.write(&path("r/.git/objects/aa"), b"big").unwrap();
    });
    let before = place.tree();
    let work = place.directory.begin(1).unwrap();
    let git = work.materialize_git_dir(&path("r/.git")).unwrap();
    assert!(git.is_absolute());
    std::fs::write(git.join("HEAD"), "2").unwrap();
    place.directory.roll_back().unwrap();
    assert_eq!(place.tree(), before);
    // Also where the directory goes away altogether afterwards.
    let work = place.directory.begin(1).unwrap();
    work.materialize_git_dir(&path("r/.git")).unwrap();
    work.remove(&path("r/.git")).unwrap();
    place.restarted().recover(Some((0, &digest))).unwrap();
    assert_eq!(place.tree(), before);
}

#[test]
fn a_work_tree_of_git_is_kept_by_second_names() {
    let place = Place::new();
    let digest = place.step(0, |work| {
        work.write(&path("r/.git/HEAD"), b"1").unwrap();
        work.write(&path("r/.git/objects/aa"), b"big").unwrap();
        work.write(&path("r/k/f"), b"old").unwrap();
        work.write(&path("r/gone/f"), b"old").unwrap();
    });
    let before = place.tree();
    let work = place.directory.begin(1).unwrap();
    let files = ["k/f", "other", "gone/f", "made/deep/f"].map(str::to_owned);
    let at = work.materialize_work_tree(&path("r"), &files).unwrap();
    std::fs::remove_file(at.join("k/f")).unwrap();
    std::fs::write(at.join("k/f"), "new").unwrap();
    std::fs::write(at.join("other"), "new").unwrap();
    // Directories come and go with what is in them.
    std::fs::remove_dir_all(at.join("gone")).unwrap();
    std::fs::create_dir_all(at.join("made/deep")).unwrap();
    std::fs::write(at.join("made/deep/f"), "new").unwrap();
    std::fs::write(at.join(".git/HEAD"), "2").unwrap();
    place.restarted().recover(Some((0, &digest))).unwrap();
    assert_eq!(place.tree(), before);
    // Also where all of it goes away afterwards.
    let directory = place.restarted();
    directory.recover(Some((0, &digest))).unwrap();
    let work = directory.begin(1).unwrap();
    work.materialize_work_tree(&path("r"), &files).unwrap();
    work.remove(&path("r")).unwrap();
    directory.roll_back().unwrap();
    assert_eq!(place.tree(), before);
}

#[test]
fn several_ends_may_wait_for_the_ledger() {
    let place = Place::new();
    let mut digests = Vec::new();
    for n in 0..3 {
        let work = place.directory.begin(n).unwrap();
        work.write(&path("f"), n.to_string().as_bytes()).unwrap();
        digests.push(place.directory.end().unwrap().unwrap());
    }
    let found = place.restarted().recover(Some((1, &digests[1]))).unwrap();
    assert_eq!(found, Recovery::At { step: 1, digest: digests[1].clone() });
    assert_eq!(place.tree()["f"], "644 1");
    assert!(matches!(place.restarted().recover(Some((0, &digests[0]))), Err(Error::Contradiction { .. })));
    assert!(matches!(place.restarted().recover(None), Err(Error::Contradiction { .. })));
    let directory = place.restarted();
    let _ = directory.recover(None);
    directory.start_over().unwrap();
    assert!(place.tree().is_empty());
    assert_eq!(place.restarted().recover(Some((1, &digests[1]))).unwrap(), Recovery::Fresh);
}

#[test]
fn fm_59_work_directories_are_removed() {
    let place = Place::new();
    place.step(0, |work| work.write(&path("f"), b"1").unwrap());
    for uid in ["p2", "p3"] {
        let directory = place.root.directory(uid).unwrap();
        directory.recover(None).unwrap();
        directory.begin(0).unwrap().write(&path("f"), b"1").unwrap();
    }
    place.root.remove("p1").unwrap();
    place.root.remove("p1").unwrap();
    assert_eq!(place.root.list().unwrap(), ["p2", "p3"]);
    let living = HashSet::from(["p3".to_owned()]);
    assert_eq!(place.root.remove_others(&living).unwrap(), ["p2"]);
    // A kill while removing: the rest goes when the process starts again.
    fault::after(Some(1));
    place.root.remove("p3").unwrap_err();
    fault::after(None);
    assert!(place.root.list().unwrap().is_empty());
    let root = place.temp.path().join("work");
    WorkRoot::new(&root).unwrap();
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    let mode = std::os::unix::fs::PermissionsExt::mode(&root.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert!(place.root.directory("../p").is_err());
}

#[test]
fn a_step_that_asks_for_nothing_leaves_no_directory() {
    let place = Place::new();
    place.directory.begin(0).unwrap();
    assert_eq!(place.directory.end().unwrap(), None);
    place.directory.begin(1).unwrap();
    place.directory.roll_back().unwrap();
    place.directory.settle().unwrap();
    assert!(!place.directory.path().exists());
}

#[test]
fn a_step_that_only_looks_is_none_that_a_replay_must_come_to() {
    let place = Place::new();
    let digest = place.step(0, |work| work.write(&path("f"), b"1").unwrap());
    let work = place.directory.begin(1).unwrap();
    assert!(work.exists(&path("f")).unwrap());
    assert_eq!(place.directory.end().unwrap(), None);
    assert!(work.exists(&path("g")).is_ok_and(|exists| !exists), "it may still look");
    assert!(work.write(&path("g"), b"2").is_err(), "and change nothing");
    let found = place.restarted().recover(Some((0, &digest))).unwrap();
    assert_eq!(found, Recovery::At { step: 0, digest });
}
