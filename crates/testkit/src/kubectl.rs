//! The real `kubectl`, which `make test` builds into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A `kubectl` and the cluster it talks to.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    /// Where it keeps what it has learnt about servers.
    cache: PathBuf,
}

/// The `kubectl` to test with. Without one the test says so and is over; under `CI=true` that is a failure.
pub fn kubectl(kubeconfig: &Path) -> Result<Option<Kubectl>> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/kubectl");
    if !program.exists() {
        let why = "no target/tools/kubectl: `make test` builds it (needs Go)";
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!("{why}");
        }
        notice(why);
        return Ok(None);
    }
    let cache = kubeconfig.with_file_name("kubectl-cache");
    Ok(Some(Kubectl { program, kubeconfig: kubeconfig.to_owned(), cache }))
}

#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn notice(why: &str) {
    eprintln!("left out: {why}");
}

impl Kubectl {
    /// Runs it; standard output, or an error with what it said.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with(arguments, "").await
    }

    /// Runs it with text on standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = tokio::time::timeout(crate::PATIENCE, child.wait_with_output()).await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(text)
    }
}
