//! The service: one per process and cache directory. It owns the directory, starts `git`s, and remembers which
//! mirrors and branch queues are in use, so that everybody shares them.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ferry_artifact::{BranchName, RepoUrl};
use parking_lot::Mutex;

use crate::branch::Branch;
use crate::credential::Access;
use crate::invocation::Runner;
use crate::mirror::{Mirror, Shared};
use crate::queue::Queue;
use crate::reach;
use crate::remote::Remote;
use crate::seal::Seal;
use crate::{Error, Settings};

/// How long a process that was killed may hold its lock after its end, and how often it is tried meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Git for the whole process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Git {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    runner: Arc<Runner>,
    mirrors: PathBuf,
    salt: Vec<u8>,
    known: Mutex<HashMap<String, Weak<Shared>>>,
    queues: Mutex<HashMap<(String, BranchName), Weak<Queue>>>,
    /// Held as long as we live: the directory is ours alone.
    _lock: File,
}

impl Git {
    /// Opens or makes the cache directory (mode 0700). Fails with `Busy` while another process uses it.
    pub fn new(cache: &Path, settings: Settings) -> Result<Self, Error> {
        let directory = |name: &str| -> Result<PathBuf, Error> {
            let path = cache.join(name);
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(Error::io(format!("make {}", path.display())))?;
            Ok(path)
        };
        let whole = directory("")?;
        // Work trees name mirrors by absolute path.
        let cache = whole.canonicalize().map_err(Error::io(format!("open {}", whole.display())))?;
        let directory = |name: &str| directory(name).map(|_| cache.join(name));
        let lock = lock(&cache)?;
        let (mirrors, home, keys) = (directory("mirrors")?, directory("home")?, directory("keys")?);
        crate::process::end_leftovers(&home);
        sweep(&keys)?;
        crate::lfs::sweep(&mirrors).map_err(Error::io("sweep large files"))?;
        let salt = salt(&cache)?;
        let settings = Settings { program: settings.found_program(), ..settings };
        let runner =
            Arc::new(Runner { http: reach::http(&settings), seal: Seal::new(&salt), settings, home, keys });
        let (known, queues) = (Mutex::default(), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { runner, mirrors, salt, known, queues, _lock: lock }) })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.inner.runner.settings
    }

    /// The version of `git`; an error if there is none or it is older than 2.39. For a check at the start.
    pub async fn version(&self) -> Result<String, Error> {
        let program = self.settings().program.display().to_string();
        let wrong = |detail: String| Error::Program { program: program.clone(), detail };
        let output = self.runner().bare("ask the version of", &self.runner().home).arg("version").run().await;
        let said = output.map_err(|error| wrong(error.to_string()))?.text();
        let version =
            said.trim_start_matches("git version ").split(' ').next().unwrap_or_default().to_owned();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        if found < (2, 39) { Err(wrong(format!("it says {said:?}"))) } else { Ok(version) }
    }

    /// The repository as this credential may see it. No request is made; a bad URL or credential is refused.
    pub fn mirror(&self, url: &RepoUrl, access: &Access) -> Result<Mirror, Error> {
        Ok(self.mirror_of(Remote::new(url, access, self.settings(), &self.inner.salt)?))
    }

    pub(crate) fn runner(&self) -> &Arc<Runner> {
        &self.inner.runner
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.inner.salt
    }

    pub(crate) fn mirror_of(&self, remote: Remote) -> Mirror {
        let mut known = self.inner.known.lock();
        if let Some(shared) = known.get(&remote.id).and_then(Weak::upgrade) {
            return Mirror::new(self.clone(), shared);
        }
        known.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Shared::new(remote, &self.inner.mirrors));
        known.insert(shared.remote.id.clone(), Arc::downgrade(&shared));
        Mirror::new(self.clone(), shared)
    }

    /// A branch to push to. All pushes of this process to it pass one queue, whatever their credential.
    pub fn branch(&self, mirror: &Mirror, name: &BranchName) -> Branch {
        let key = (mirror.shared().remote.normalized.clone(), name.clone());
        let mut queues = self.inner.queues.lock();
        let queue = queues.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            queues.retain(|_, queue| queue.strong_count() > 0);
            let queue = Arc::new(Queue::default());
            queues.insert(key, Arc::downgrade(&queue));
            queue
        });
        Branch::new(mirror.clone(), name.clone(), queue)
    }

    /// Takes back the work trees directly below a directory that is about to be removed: what is still as it was
    /// checked out need not be written again for others. They may be gone from there afterwards. Blocks on files.
    pub fn take_back(&self, directory: &Path) {
        crate::template::take_back(self, directory);
    }

    pub(crate) fn mirrors(&self) -> &Path {
        &self.inner.mirrors
    }

    /// Opens a work tree that was checked out before, also by an earlier process or under another path.
    pub fn open(&self, directory: &Path) -> Result<crate::WorkTree, Error> {
        crate::WorkTree::open(self.inner.runner.clone(), &self.inner.mirrors, directory)
    }
}

fn lock(cache: &Path) -> Result<File, Error> {
    let path = cache.join("lock");
    let file = File::create(&path).map_err(Error::io(format!("make {}", path.display())))?;
    let given_up = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < given_up => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { place: cache.display().to_string() }),
            Err(TryLockError::Error(error)) => {
                return Err(Error::io(format!("lock {}", path.display()))(error));
            }
        }
    }
}

/// Removes keys (and scratch files beside them) that a crash left behind.
fn sweep(keys: &Path) -> Result<(), Error> {
    let failed = |error| Error::io(format!("sweep {}", keys.display()))(error);
    for entry in std::fs::read_dir(keys).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(failed)?;
    }
    Ok(())
}

/// Random bytes that last as long as the cache: mirrors keep their names over restarts.
fn salt(cache: &Path) -> Result<Vec<u8>, Error> {
    let path = cache.join("salt");
    let failed = |error| Error::io(format!("read {}", path.display()))(error);
    match std::fs::read(&path) {
        Ok(salt) if salt.len() == 32 => return Ok(salt),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut salt = vec![0; 32];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut salt)).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(cache).map_err(failed)?;
    std::io::Write::write_all(&mut file, &salt).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(salt)
}
