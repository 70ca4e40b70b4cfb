//! One Promotion's work directory as the engine sees it: found again after a restart, and one step at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::journal::Journal;
use super::view::{Access, WorkDir};
use super::{digest, fault, journal};

pub(super) const WORK: &str = "work";
const JOURNAL: &str = "journal";
const ENDED: &str = "ended.";
const DROPPED: &str = "dropped.";
const STATE: &str = "state.json";
/// Where a fresh directory is made before it gets its name.
pub(super) const FRESH: &str = ".fresh.";

/// The last step whose changes are in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    step: i64,
    digest: String,
    /// Which boot of the machine wrote this. After another one the disk may hold less than was written.
    boot: Option<String>,
}

/// What [`WorkDirectory::recover`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// An empty directory: it did not exist, no step ended in it, or it was lost.
    Fresh,
    /// The directory as it was at the end of a step.
    At {
        /// The step.
        step: i64,
        /// What [`WorkDirectory::end`] answered then.
        digest: String,
    },
}

#[derive(Debug, Default)]
struct Inner {
    /// Whether it was recovered or made anew.
    ready: bool,
    /// The directory, once there is one: many Promotions need none.
    base: Option<Arc<Dir>>,
    settled: Option<State>,
    /// Ended steps that are not settled, oldest first: their directory's number and their state.
    ended: Vec<(u32, State)>,
    open: Option<(i64, WorkDir)>,
}

/// The work directory of one Promotion, which is made when a step first asks for something of it. Every function blocks
/// on the file system.
#[derive(Clone, Debug)]
pub struct WorkDirectory {
    root: PathBuf,
    uid: Arc<str>,
    inner: Arc<Mutex<Inner>>,
}

impl WorkDirectory {
    pub(super) fn new(root: PathBuf, uid: &str) -> Self {
        Self { root, uid: uid.into(), inner: Arc::default() }
    }

    /// Opens the directory and brings it to the end of step `done` (its index and digest, from the ledger),
    /// or to the beginning. Undoes the step that was at work and ended ones that the ledger does not know of.
    pub fn recover(&self, done: Option<(i64, &str)>) -> Result<Recovery> {
        let mut inner = self.inner.lock();
        *inner = Inner { ready: true, ..Inner::default() };
        let Some(base) = self.open()? else { return Ok(Recovery::Fresh) };
        let state = self.read_state(&base, STATE)?;
        let mut ended = self.ended(&base)?;
        let boot = boot();
        let mut states = state.iter().chain(ended.iter().map(|(_, s)| s)).peekable();
        if states.peek().is_none() || states.any(|s| s.boot != boot) {
            drop(base);
            self.forget()?;
            return Ok(Recovery::Fresh);
        }
        self.undo(&base, JOURNAL)?;
        let keep = match done {
            Some((step, digest)) => ended.iter().rposition(|(_, s)| s.step == step && s.digest == digest),
            None => None,
        };
        for (n, _) in ended.drain(keep.map_or(0, |at| at + 1)..).rev() {
            self.undo(&base, &format!("{ENDED}{n:08}"))?;
        }
        inner.settled = state;
        inner.ended = ended;
        Self::settle_inner(&base, &mut inner)?;
        inner.base = Some(Arc::new(base));
        match (&inner.settled, done) {
            (None, _) => Ok(Recovery::Fresh),
            (Some(State { step, digest, .. }), Some(done)) if (*step, digest.as_str()) == done => {
                Ok(Recovery::At { step: *step, digest: digest.clone() })
            }
            (Some(state), done) => Err(Error::Contradiction {
                uid: self.uid.to_string(),
                found: format!("the end of step {} ({})", state.step, short(&state.digest)),
                ledger: done.map_or("no step is done".to_owned(), |(step, digest)| {
                    format!("step {step} is done ({})", short(digest))
                }),
            }),
        }
    }

    /// Throws the directory away: the next step finds an empty one.
    pub fn start_over(&self) -> Result<()> {
        let mut inner = self.inner.lock();
        *inner = Inner::default();
        self.forget()?;
        inner.ready = true;
        Ok(())
    }

    /// Begins a step: what it gets to see. The step before must have ended or been rolled back. Nothing is touched
    /// before the step asks for something.
    pub fn begin(&self, step: i64) -> Result<WorkDir> {
        let mut inner = self.inner.lock();
        if !inner.ready {
            return Err(self.damaged("it was not recovered before use"));
        }
        let (directory, base) = (Self::new(self.root.clone(), &self.uid), inner.base.clone());
        let open = move || directory.open_journal(base.as_deref());
        let view = WorkDir::new(self.path().join(WORK), Box::new(open));
        inner.open = Some((step, view.clone()));
        Ok(view)
    }

    /// Starts the journal of a step, in a directory that is made if it is not there.
    fn open_journal(&self, base: Option<&Dir>) -> Result<Journal> {
        let io = |e| Error::io("begin a step", JOURNAL, e);
        let opened;
        let base = if let Some(base) = base {
            base
        } else {
            opened = match self.open()? {
                Some(found) => found,
                None => self.make()?,
            };
            &opened
        };
        fault::point("work.begin").map_err(io)?;
        base.create_dir_with(JOURNAL, &super::root::private()).map_err(io)?;
        Ok(Journal::new(base.open_dir(WORK).map_err(io)?, base.open_dir(JOURNAL).map_err(io)?))
    }

    /// The directory, if there is one by now.
    fn base(&self, inner: &mut Inner) -> Result<Option<Arc<Dir>>> {
        if !inner.ready {
            return Err(self.damaged("it was not recovered before use"));
        }
        if inner.base.is_none() {
            inner.base = self.open()?.map(Arc::new);
        }
        Ok(inner.base.clone())
    }

    /// Ends the step, its changes being in the directory from now on; answers with the digest, or with none where the
    /// step changed nothing in it. Until [`WorkDirectory::settle`] they can still be undone by
    /// [`WorkDirectory::recover`].
    pub fn end(&self) -> Result<Option<String>> {
        let mut inner = self.inner.lock();
        let (step, view) = inner.open.take().ok_or_else(|| self.damaged("no step is at work"))?;
        let io = |e| Error::io("end the step", JOURNAL, e);
        let journal = match view.close() {
            Access::Open(journal) => journal,
            Access::Untouched(_) => return Ok(None),
            Access::Over => return Err(self.damaged("no step is at work")),
        };
        let base = self.base(&mut inner)?.ok_or_else(|| self.damaged("it is gone"))?;
        if !journal.has_records() {
            // It only looked: there is nothing to undo, and nothing that a replay would have to come to again.
            drop_directory(&base, JOURNAL)?;
            return Ok(None);
        }
        let last = inner.ended.last().map(|(_, s)| s).or(inner.settled.as_ref());
        let digest = digest::after(last.map_or("", |s| &s.digest), &journal).map_err(io)?;
        let state = State { step, digest: digest.clone(), boot: boot() };
        let text = serde_json::to_vec(&state).map_err(|e| io(e.into()))?;
        fault::point("work.end").map_err(io)?;
        journal.dir.write(STATE, text).map_err(io)?;
        let n = inner.ended.last().map_or(0, |(n, _)| n + 1);
        fault::point("work.end.2").map_err(io)?;
        base.rename(JOURNAL, &base, format!("{ENDED}{n:08}")).map_err(io)?;
        inner.ended.push((n, state));
        Ok(Some(digest))
    }

    /// The ends of all steps so far are stored: there is no way back from them.
    pub fn settle(&self) -> Result<()> {
        let mut inner = self.inner.lock();
        let Some(base) = inner.base.take() else { return Ok(()) };
        let result = Self::settle_inner(&base, &mut inner);
        inner.base = Some(base);
        result
    }

    /// Undoes what the step at work did so far; its view is over.
    pub fn roll_back(&self) -> Result<()> {
        let mut inner = self.inner.lock();
        if let Some((_, view)) = inner.open.take() {
            view.close();
        }
        match self.base(&mut inner)? {
            Some(base) => self.undo(&base, JOURNAL),
            None => Ok(()),
        }
    }

    /// Where the directory is.
    pub fn path(&self) -> PathBuf {
        self.root.join(&*self.uid)
    }

    fn open(&self) -> Result<Option<Dir>> {
        match Dir::open_ambient_dir(self.path(), ambient_authority()) {
            Ok(dir) => Ok(Some(dir)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.uid, e)),
        }
    }

    /// Makes the directory complete or not at all.
    fn make(&self) -> Result<Dir> {
        let io = |e| Error::io("make", &self.uid, e);
        let root = Dir::open_ambient_dir(&self.root, ambient_authority()).map_err(io)?;
        let fresh = format!("{FRESH}{}", self.uid);
        if journal::exists(&root, &fresh)? {
            root.remove_dir_all(&fresh).map_err(io)?;
        }
        fault::point("work.make").map_err(io)?;
        root.create_dir_with(&fresh, &super::root::private()).map_err(io)?;
        root.create_dir_with(Path::new(&fresh).join(WORK), &super::root::private()).map_err(io)?;
        fault::point("work.make.2").map_err(io)?;
        root.rename(&fresh, &root, &*self.uid).map_err(io)?;
        root.open_dir(&*self.uid).map_err(io)
    }

    fn forget(&self) -> Result<()> {
        super::root::remove(&self.root, &self.uid)
    }

    fn settle_inner(base: &Dir, inner: &mut Inner) -> Result<()> {
        let io = |e| Error::io("settle", STATE, e);
        if let Some((n, state)) = inner.ended.last() {
            fault::point("work.settle-inner").map_err(io)?;
            base.rename(format!("{ENDED}{n:08}/{STATE}"), base, STATE).map_err(io)?;
            inner.settled = Some(state.clone());
        }
        for (n, _) in std::mem::take(&mut inner.ended) {
            drop_directory(base, &format!("{ENDED}{n:08}"))?;
        }
        Ok(())
    }

    /// Undoes the journal in directory `name`, if there is one, and removes it.
    fn undo(&self, base: &Dir, name: &str) -> Result<()> {
        let io = |e| Error::io("undo", name, e);
        if !journal::exists(base, name)? {
            return Ok(());
        }
        let (work, dir) = (base.open_dir(WORK).map_err(io)?, base.open_dir(name).map_err(io)?);
        journal::undo(&work, &dir).map_err(|e| self.damaged(&format!("{name} cannot be undone: {e}")))?;
        drop_directory(base, name)
    }

    /// Ended steps that are not settled, oldest first. Removes those that are and only were not removed yet.
    fn ended(&self, base: &Dir) -> Result<Vec<(u32, State)>> {
        let io = |e| Error::io("list", &self.uid, e);
        let mut names = Vec::new();
        for entry in base.entries().map_err(io)? {
            names.extend(entry.map_err(io)?.file_name().to_str().map(str::to_owned));
        }
        names.sort_unstable();
        let mut ended = Vec::new();
        let mut settled = Vec::new();
        for name in names {
            if name.starts_with(DROPPED) {
                super::root::remove_tree(base, &name).map_err(io)?;
            } else if let Some(n) = name.strip_prefix(ENDED).and_then(|n| n.parse().ok()) {
                if let Some(state) = self.read_state(base, &format!("{name}/{STATE}"))? {
                    ended.push((n, state));
                } else {
                    // Its state was taken to be the directory's: it and all before it are settled.
                    settled.extend(ended.drain(..).map(|(n, _)| n));
                    settled.push(n);
                }
            }
        }
        for n in settled {
            drop_directory(base, &format!("{ENDED}{n:08}"))?;
        }
        Ok(ended)
    }

    fn read_state(&self, base: &Dir, path: &str) -> Result<Option<State>> {
        let text = match base.read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", path, e)),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| self.damaged(&format!("{path} is not readable: {e}")))
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Damaged { uid: self.uid.to_string(), what: what.to_owned() }
    }
}

/// Removes a directory that means nothing any more; at once by its name, which tells so after a kill.
fn drop_directory(base: &Dir, name: &str) -> Result<()> {
    let io = |e| Error::io("remove", name, e);
    let dropped = format!("{DROPPED}{name}");
    if journal::exists(base, &dropped)? {
        super::root::remove_tree(base, &dropped).map_err(io)?;
    }
    fault::point("work.drop-directory").map_err(io)?;
    base.rename(name, base, &dropped).map_err(io)?;
    fault::point("work.drop-directory.2").map_err(io)?;
    super::root::remove_tree(base, &dropped).map_err(io)
}

/// Which boot of the machine this is, where the system tells.
fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
