//! A `ferry` in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ferry_app::{connect, manifests};
use kube::Client;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::figures::mib;

/// Running, with a data directory; both end with it.
pub struct Ferry {
    child: Child,
    directory: tempfile::TempDir,
    /// From the start of the process to the line that says it is ready.
    pub ready_after: Duration,
    /// Its administrator, over the socket.
    pub client: Client,
}

impl Ferry {
    /// Starts it alone, with an empty data directory.
    pub async fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_in(program, arguments, tempfile::tempdir()?).await
    }

    /// Starts it on a data directory.
    pub async fn start_in(program: &Path, arguments: &[&str], directory: tempfile::TempDir) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--credentials-over-http",
                "--log-level",
                "warn",
                "--data-dir",
            ])
            .arg(directory.path())
            .args(arguments)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let out = child.stdout.take().context("it has no output")?;
        let line =
            tokio::time::timeout(Duration::from_secs(30), BufReader::new(out).lines().next_line()).await??;
        if line.is_none() {
            bail!("ferry ended at once");
        }
        let ready_after = started.elapsed();
        let client = connect::by_kubeconfig(&directory.path().join("kubeconfig")).await?;
        Ok(Self { child, directory, ready_after, client })
    }

    /// Makes objects.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        manifests::apply(&self.client, yaml).await
    }

    /// Resident memory, in MiB.
    pub fn resident(&self) -> Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(mib(kib * 1024))
    }

    /// Time on a processor so far.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        let (_, after) = stat.rsplit_once(')').context("no command in stat")?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        // Linux counts these in hundredths of a second for programs.
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    /// Waits until it has nothing to do any more.
    pub async fn quiet(&self) -> Result<()> {
        let begun = Instant::now();
        let mut before = self.cpu()?;
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.cpu()?;
            if now.saturating_sub(before) <= Duration::from_millis(10) {
                return Ok(());
            }
            ensure!(begun.elapsed() < Duration::from_mins(2), "ferry is busy with nothing to do");
            before = now;
        }
    }

    fn read(&self, file: &str) -> Result<String> {
        let id = self.child.id().context("it has ended")?;
        let path = PathBuf::from(format!("/proc/{id}/{file}"));
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// The database with its log, in MiB.
    pub fn database(&self) -> Result<f64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.directory.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(".db") {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(mib(bytes))
    }

    /// Requests to its API server so far, its own included.
    pub async fn requests(&self) -> Result<f64> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        let text = self.client.request_text(request).await?;
        let of = |line: &str| line.strip_prefix("ferry_apiserver_requests_total").map(str::to_owned);
        let values = text.lines().filter_map(of);
        Ok(values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Kills it, and gives the data directory.
    pub async fn kill(mut self) -> Result<tempfile::TempDir> {
        self.child.kill().await?;
        Ok(self.directory)
    }
}
