//! The parent's side: which programs there are, and one run of one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::child::NOT_BECOME;
use crate::order::{Limits, Order};

/// How much of what a program says of its errors is kept.
const WORDS: u64 = 16 << 10;

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("{0} is needed and not found; install it on the PATH, or say where it is with --{0}")]
    Missing(String),
    /// It could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It could not be confined.
    #[error("cannot confine {program}: {said}")]
    Confine {
        /// The program.
        program: String,
        /// What the child said.
        said: String,
    },
    /// It took too long.
    #[error("{program} took longer than {} s and was ended", .after.as_secs())]
    Time {
        /// The program.
        program: String,
        /// How long it had.
        after: Duration,
    },
    /// It printed too much.
    #[error("{program} printed more than {} MiB", .most >> 20)]
    Large {
        /// The program.
        program: String,
        /// The most bytes there may be.
        most: u64,
    },
    /// It was ended: by a limit, mostly.
    #[error("{program} was ended by {signal}{}", because(.signal, .limits))]
    Killed {
        /// The program.
        program: String,
        /// The name of the signal.
        signal: &'static str,
        /// What it was allowed.
        limits: Limits,
    },
    /// It needs more memory than it may have.
    #[error("{program} needs more than {} MiB of memory; --program-memory gives it more", .most >> 20)]
    Memory {
        /// The program.
        program: String,
        /// How much it may have.
        most: u64,
    },
    /// It failed.
    #[error("{program}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
}

fn because(signal: &str, limits: &Limits) -> String {
    match signal {
        "SIGXCPU" | "SIGKILL" => format!("; it may use {} s of a processor", limits.cpu.as_secs()),
        "SIGXFSZ" => format!("; a file may have {} MiB", limits.file_size >> 20),
        _ => format!("; it may use {} MiB of memory", limits.memory >> 20),
    }
}

/// The programs there are, and how they are run.
#[derive(Debug)]
pub struct Programs {
    child: Vec<OsString>,
    scratch: PathBuf,
    limits: Limits,
    paths: BTreeMap<String, PathBuf>,
}

/// One run of a program.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Its name.
    pub program: &'a str,
    /// Its arguments. Everybody on the machine can see them.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub directory: &'a Path,
    /// What it may read; the program itself and the system's libraries are always there.
    pub reads: Vec<PathBuf>,
    /// What it may change.
    pub writes: Vec<PathBuf>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub time: Duration,
}

impl Programs {
    /// `child` is the command that becomes a program: `ferry exec-child`. `scratch` is a directory for what programs keep
    /// while they run; it is made when it is first needed.
    pub fn new(child: Vec<OsString>, scratch: PathBuf, limits: Limits) -> Self {
        Self { child, scratch, limits, paths: BTreeMap::new() }
    }

    /// Says where a program is; others are looked for on the PATH.
    #[must_use]
    pub fn with(mut self, name: &str, path: PathBuf) -> Self {
        self.paths.insert(name.to_owned(), path);
        self
    }

    /// Where a program is.
    pub fn find(&self, name: &str) -> Result<PathBuf, Error> {
        let missing = || Error::Missing(name.to_owned());
        if let Some(path) = self.paths.get(name) {
            return if is_program(path) { Ok(path.clone()) } else { Err(missing()) };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|directory| directory.join(name));
        places.find(|place| place.is_absolute() && is_program(place)).ok_or_else(missing)
    }

    /// An empty folder beside those of the runs, for what a run is given or makes. It goes with the value.
    pub fn folder(&self) -> io::Result<TempDir> {
        std::fs::create_dir_all(&self.scratch)?;
        tempfile::Builder::new().prefix("run-").tempdir_in(&self.scratch)
    }

    /// Runs a program to its end; what it printed. It ends where the future is dropped.
    pub async fn run(&self, run: Run<'_>) -> Result<Vec<u8>, Error> {
        let program = run.program.to_owned();
        let start = |source: io::Error| Error::Start { program: program.clone(), source };
        let path = self.find(run.program)?;
        let home = self.folder().map_err(start)?;
        let mut child = self.command(&run, &path, home.path()).map_err(start)?.spawn().map_err(start)?;
        let group = Group::of(&child);
        tracing::debug!(program, "started");
        let ended = tokio::time::timeout(run.time, self.ended(&mut child, &run)).await;
        drop(group);
        let (status, printed, said) =
            ended.map_err(|_| Error::Time { program: program.clone(), after: run.time })??;
        self.judge(program, status, &said).map(|()| printed)
    }

    fn command(&self, run: &Run<'_>, path: &Path, home: &Path) -> io::Result<Command> {
        let mut writes = run.writes.clone();
        writes.push(home.to_owned());
        let parent = i32::try_from(std::process::id()).unwrap_or_default();
        let order = Order { parent, limits: self.limits, reads: run.reads.clone(), writes };
        let order = serde_json::to_string(&order).map_err(io::Error::other)?;
        let (first, rest) = self.child.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg(order)
            .arg(path)
            .args(&run.arguments)
            .current_dir(run.directory)
            .env_clear()
            .env("PATH", "/nowhere")
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("LANG", "C.UTF-8")
            // Go collects garbage in time where it knows how much there may be.
            .env("GOMEMLIMIT", (self.limits.memory / 4 * 3).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Feeds the child and listens to it until it ends.
    async fn ended(&self, child: &mut Child, run: &Run<'_>) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), Error> {
        let most = self.limits.file_size;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A program that does not want it closes it.
                let _closed = stdin.write_all(&run.input).await;
            }
        };
        let (printed, said, ()) = tokio::join!(up_to(stdout, most), first(stderr), feed);
        let start = |source| Error::Start { program: run.program.to_owned(), source };
        let printed = printed.map_err(start)?;
        let large = || Error::Large { program: run.program.to_owned(), most };
        let printed = printed.ok_or_else(large)?;
        let status = child.wait().await.map_err(start)?;
        Ok((status, printed, said.map_err(start)?))
    }

    fn judge(&self, program: String, status: ExitStatus, said: &[u8]) -> Result<(), Error> {
        use std::os::unix::process::ExitStatusExt as _;
        let said = String::from_utf8_lossy(said).trim().to_owned();
        if status.success() {
            return Ok(());
        }
        if status.code() == Some(i32::from(NOT_BECOME)) {
            return Err(Error::Confine { program, said });
        }
        if let Some(signal) = status.signal() {
            let signal = Signal::try_from(signal).map_or("a signal", Signal::as_str);
            return Err(Error::Killed { program, signal, limits: self.limits });
        }
        // As a runtime itself says it, and as it tells what the system answered.
        let memory = ["out of memory", "cannot allocate memory"];
        if said.lines().take(2).any(|line| memory.iter().any(|told| line.contains(told))) {
            return Err(Error::Memory { program, most: self.limits.memory });
        }
        let said = if said.is_empty() { status.to_string() } else { said };
        Err(Error::Failed { program, said })
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A child's process group, which ends with us.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended itself.
            let _gone = killpg(group, Signal::SIGKILL);
        }
    }
}

/// All that comes; none where that is more than `most` bytes.
async fn up_to(from: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    let Some(from) = from else { return Ok(Some(all)) };
    from.take(most.saturating_add(1)).read_to_end(&mut all).await?;
    Ok(Some(all).filter(|all| u64::try_from(all.len()).is_ok_and(|length| length <= most)))
}

/// The beginning of what comes, which is where the cause is; the rest is heard and forgotten.
async fn first(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return Ok(kept) };
    (&mut from).take(WORDS).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}
