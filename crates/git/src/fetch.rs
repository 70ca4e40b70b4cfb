//! Fetching into a mirror. One fetch runs at a time; who asks meanwhile joins the next one, which therefore starts
//! after they asked. When everybody who waits for a fetch has gone, it is killed.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use ferry_artifact::{BranchName, CommitId, TagName};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use tracing::Instrument as _;

use crate::classify;
use crate::mirror::{Mirror, kept_as};
use crate::remote::Extent;
use crate::{Error, aside};

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Want {
    /// What the remote's `HEAD` names.
    Head,
    /// A branch with its whole history.
    Branch(BranchName),
    /// A tag.
    Tag(TagName),
    /// A commit by its full id, if the server gives single commits.
    Commit(CommitId),
    /// All tags.
    Tags,
    /// All branches and tags.
    Everything,
}

impl Want {
    /// Where the mirror keeps it, for wants of one thing.
    pub(crate) fn local(&self) -> Option<String> {
        match self {
            Self::Head => Some("refs/kept/HEAD".into()),
            Self::Branch(name) => Some(kept_as("head", name.as_str())),
            Self::Tag(name) => Some(kept_as("tag", name.as_str())),
            Self::Commit(id) => Some(format!("refs/kept/commit/{id}")),
            Self::Tags | Self::Everything => None,
        }
    }

    fn remote(&self) -> Option<String> {
        match self {
            Self::Head => Some("HEAD".into()),
            Self::Branch(name) => Some(name.full()),
            Self::Tag(name) => Some(name.full()),
            Self::Commit(id) => Some(id.to_string()),
            Self::Tags | Self::Everything => None,
        }
    }

    fn refspecs(&self) -> Vec<String> {
        const TAGS: &str = "+refs/tags/*:refs/tags/*";
        match (self, self.remote(), self.local()) {
            (Self::Tags, ..) => vec![TAGS.into()],
            (_, Some(remote), Some(local)) => vec![format!("+{remote}:{local}")],
            _ => vec![TAGS.into(), "+refs/heads/*:refs/heads/*".into()],
        }
    }
}

/// What a fetch found.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Wanted, but not on the remote.
    pub(crate) missing: BTreeSet<Want>,
}

type Outcome = Result<Arc<Brought>, Error>;
type Running = BoxFuture<'static, Outcome>;

/// Of one mirror: the fetch that runs, and the one that is gathering wants.
#[derive(Default)]
pub(crate) struct Flight {
    turn: Arc<tokio::sync::Mutex<Health>>,
    gathering: Mutex<Option<Batch>>,
}

/// What is known of the mirror's directory by who has the turn.
#[derive(Debug, Default)]
struct Health {
    /// The last fetch ended by itself, so it left no lock behind.
    clean: bool,
    /// Fetches since the objects were last packed.
    fetches: u32,
    /// The server gives commits with their history only.
    deep: bool,
}

struct Batch {
    wants: Arc<Mutex<BTreeSet<Want>>>,
    /// Weak: who has gone does not keep a fetch alive.
    running: WeakShared<Running>,
}

/// Joins the fetch that starts next, and waits for it.
pub(crate) async fn join(mirror: &Mirror, wants: BTreeSet<Want>) -> Outcome {
    let shared: Shared<Running> = {
        let mut gathering = mirror.shared().flight.gathering.lock();
        let joined = gathering.as_ref().and_then(|batch| {
            let running = batch.running.upgrade()?;
            batch.wants.lock().extend(wants.iter().cloned());
            Some(running)
        });
        joined.unwrap_or_else(|| {
            let (running, batch) = begin(mirror.clone(), wants);
            *gathering = batch;
            running
        })
    };
    shared.await
}

fn begin(mirror: Mirror, wants: BTreeSet<Want>) -> (Shared<Running>, Option<Batch>) {
    let wants = Arc::new(Mutex::new(wants));
    let mine = wants.clone();
    let run = async move {
        let turn = mirror.shared().flight.turn.clone();
        let mut health = turn.lock().await;
        let wants = {
            // From here on others gather for the next one.
            let mut gathering = mirror.shared().flight.gathering.lock();
            if gathering.as_ref().is_some_and(|batch| Arc::ptr_eq(&batch.wants, &mine)) {
                *gathering = None;
            }
            mine.lock().clone()
        };
        fetch(&mirror, wants, &mut health).await.map(Arc::new)
    };
    // A task of its own: it goes on however seldom those who wait are polled, and ends with the last of them.
    let task = AbortOnDrop(tokio::spawn(run.in_current_span()));
    let running = async move {
        let mut task = task;
        (&mut task.0).await.unwrap_or_else(|stopped| {
            Err(Error::Io { what: "wait for a fetch".into(), detail: stopped.to_string() })
        })
    };
    let running = running.boxed().shared();
    let batch = running.downgrade().map(|running| Batch { wants, running });
    (running, batch)
}

struct AbortOnDrop(tokio::task::JoinHandle<Outcome>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn fetch(mirror: &Mirror, mut wants: BTreeSet<Want>, health: &mut Health) -> Result<Brought, Error> {
    let directory = &mirror.shared().directory;
    let extent = mirror.shared().remote.extent;
    made_ready(mirror, health)?;
    let mut missing = BTreeSet::new();
    let mut healed = false;
    if wants.iter().all(|want| matches!(want, Want::Commit(_))) {
        // Git asks no server for commits it has; nobody reads without the server's consent to this very request.
        mirror.list_head().await?;
    }
    let result = loop {
        if wants.is_empty() {
            break Ok(());
        }
        let (output, error) = attempt(mirror, &wants, left_out(mirror, &wants, health)).await?;
        let Some(error) = error else { break Ok(()) };
        if !health.deep && classify::refused_depth(&output) {
            health.deep = true;
            continue;
        }
        if !healed && classify::corrupt(&output) {
            healed = true;
            if classify::mangled(&output) && is_whole(mirror).await {
                tracing::warn!(url = mirror.url(), %error, "what came was damaged on its way, and is fetched again");
                continue;
            }
            tracing::warn!(url = mirror.url(), %error, "a mirror is damaged and is made anew");
            renew(directory, extent).map_err(Error::io(format!("make {} anew", directory.display())))?;
            if extent != Extent::Shallow {
                // Work trees borrow what others have wanted.
                wants.insert(Want::Everything);
            }
            continue;
        }
        let Some(absent) = absent(&wants, &output) else { break Err(error) };
        wants.remove(&absent);
        if let Some(local) = absent.local() {
            mirror.command("forget a ref in").args(["update-ref", "-d", &local]).success().await?;
        }
        missing.insert(absent);
    };
    ferry_failpoint::point!("fetch.fetched");
    health.clean = true;
    result?;
    health.fetches += 1;
    if health.fetches >= PACK_EVERY {
        health.fetches = 0;
        pack(mirror).await;
    }
    Ok(Brought { missing })
}

async fn attempt(
    mirror: &Mirror,
    wants: &BTreeSet<Want>,
    left_out: Option<&str>,
) -> Result<(String, Option<Error>), Error> {
    let remote = &mirror.shared().remote;
    let command =
        mirror.command("fetch").remote(remote).deadline(mirror.runner().settings.fetch_deadline).reading();
    let flags =
        ["--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--no-auto-maintenance", "--force"];
    let command = command.arg("fetch").args(flags).args(left_out);
    let command = command.args(["--end-of-options", &remote.address]);
    let output = command.args(wants.iter().flat_map(Want::refspecs)).run().await?;
    let error = (!output.success).then(|| classify::remote("fetch", &remote.shown, &output.stderr));
    Ok((output.stderr, error))
}

/// Which want made a fetch fail because the remote does not have it.
fn absent(wants: &BTreeSet<Want>, stderr: &str) -> Option<Want> {
    if let Some(name) = classify::missing_ref(stderr) {
        return wants.iter().find(|want| want.remote().as_deref() == Some(name)).cloned();
    }
    let commits = || wants.iter().filter(|want| matches!(want, Want::Commit(_)));
    // The message names the commit, but not in every server's words.
    let named = commits().find(|want| want.remote().is_some_and(|id| stderr.contains(&id)));
    classify::refused_id(stderr).then(|| named.or_else(|| commits().next()).cloned()).flatten()
}

const PACK_EVERY: u32 = 50;

/// Loose objects and small packs become fewer and larger ones; nothing is ever dropped. A failure costs nothing
/// but time later.
async fn pack(mirror: &Mirror) {
    // Git 2.39 packs by size only what is whole.
    let blobless = mirror.shared().remote.extent == Extent::Blobless;
    let how: &[&str] = if blobless { &["-a", "--keep-unreachable"] } else { &["--geometric=2"] };
    let command = mirror.command("pack").args(["repack", "-d", "-q"]).args(how);
    if let Err(error) = command.success().await {
        tracing::warn!(url = mirror.url(), %error, "a mirror could not be packed");
    }
}

const WHOLE: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
/// What is missing is on a server, but Git is not to ask it by itself: it has neither its address nor a login.
const BLOBLESS: &str = "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = true\n\
    [extensions]\n\tpartialClone = none\n[remote \"none\"]\n\tpromisor = true\n\tpartialclonefilter = blob:none\n";

const WITHOUT_CONTENTS: &str = "--filter=blob:none";

/// What a mirror does without.
fn left_out(mirror: &Mirror, wants: &BTreeSet<Want>, health: &Health) -> Option<&'static str> {
    match mirror.shared().remote.extent {
        Extent::Whole => None,
        Extent::Blobless => Some(WITHOUT_CONTENTS),
        Extent::Shallow if !health.deep && wants.iter().all(|want| matches!(want, Want::Commit(_))) => {
            Some("--depth=1")
        }
        // It is looked for in the histories of all branches.
        Extent::Shallow => mirror.shared().directory.join("shallow").exists().then_some("--unshallow"),
    }
}

fn made_ready(mirror: &Mirror, health: &mut Health) -> Result<(), Error> {
    let directory = &mirror.shared().directory;
    if !health.clean {
        let prepared = prepare(directory, mirror.shared().remote.extent);
        prepared.map_err(Error::io(format!("prepare {}", directory.display())))?;
    }
    health.clean = false;
    Ok(())
}

/// Fetches contents by their ids, one a line.
pub(crate) async fn contents(mirror: &Mirror, ids: Vec<u8>) -> Result<(), Error> {
    let turn = mirror.shared().flight.turn.clone();
    let mut health = turn.lock().await;
    made_ready(mirror, &mut health)?;
    let remote = &mirror.shared().remote;
    let command =
        mirror.command("fetch").remote(remote).deadline(mirror.runner().settings.fetch_deadline).reading();
    let flags =
        ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--stdin"];
    let command = command.args(flags).arg(WITHOUT_CONTENTS).args(["--end-of-options", &remote.address]);
    let fetched = command.input(ids).success().await;
    health.clean = true;
    fetched.map(drop)
}

/// Makes the directory, or removes what a killed fetch left in it. Only who has the turn writes there.
fn prepare(directory: &Path, extent: Extent) -> std::io::Result<()> {
    for part in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        DirBuilder::new().recursive(true).mode(0o700).create(directory.join(part))?;
    }
    std::fs::write(directory.join("config"), if extent == Extent::Blobless { BLOBLESS } else { WHOLE })?;
    if !directory.join("HEAD").exists() {
        std::fs::write(directory.join("HEAD"), "ref: refs/heads/none\n")?;
    }
    let lock: fn(&Path) -> bool = |path| path.extension().is_some_and(|extension| extension == "lock");
    remove_stale(directory, false, lock)?;
    remove_stale(&directory.join("refs"), true, lock)?;
    remove_stale(&directory.join("objects/pack"), false, |path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tmp_"))
    })
}

/// Whether nothing of what a mirror has is damaged.
async fn is_whole(mirror: &Mirror) -> bool {
    let command = mirror.command("look for damage in").args(["fsck", "--no-dangling", "--no-progress"]);
    command.run().await.is_ok_and(|looked| looked.success)
}

/// A mirror is only a copy: what a power cut has damaged is fetched again.
fn renew(directory: &Path, extent: Extent) -> std::io::Result<()> {
    aside::put_all(directory)?;
    prepare(directory, extent)
}

fn remove_stale(directory: &Path, deep: bool, stale: fn(&Path) -> bool) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if deep {
                remove_stale(&entry.path(), deep, stale)?;
            }
        } else if stale(&entry.path()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
