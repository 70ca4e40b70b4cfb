//! The real binary as a process: started, killed, ended in order.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use ferry_testkit::PATIENCE;

/// A running `ferry`.
pub struct Ferry {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

/// How a `ferry` ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Nothing of the machine's own settings.
    for name in ["KUBECONFIG", "FERRY_KUBECONFIG", "FERRY_DATA_DIR", "FERRY_LISTEN"] {
        command.env_remove(name);
    }
    command.env("HOME", "/nonexistent").env_remove("XDG_DATA_HOME");
    command
}

/// Runs a command to its end.
pub async fn ferry(arguments: &[&str]) -> Ended {
    ferry_with(arguments, &[]).await
}

/// The same with environment variables.
pub async fn ferry_with(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = command(arguments);
    command.envs(environment.iter().copied());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("ferry ends").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Ferry {
    /// Starts `ferry up` on a data directory; other arguments are added.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_with(data, more, &[])
    }

    fn start_with(data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut arguments = vec!["up", "--data-dir", data.to_str().unwrap()];
        arguments.extend(more);
        let mut child = command(&arguments).envs(environment.iter().copied()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err }
    }

    /// The same, alone with a stand-in on a free port, once it is ready.
    pub async fn alone(data: &Path) -> Self {
        let mut ferry = Self::start(data, &["--listen", "127.0.0.1:0", "--standin"]);
        ferry.ready().await;
        ferry
    }

    /// Alone with a stand-in, with failpoints armed: it may be dead before it is ready.
    pub async fn armed(data: &Path, environment: &[(&str, &str)]) -> Self {
        let mut ferry = Self::start_with(data, &["--listen", "127.0.0.1:0", "--standin"], environment);
        let _dead = tokio::time::timeout(PATIENCE, ferry.out.next_line()).await.expect("ready or dead");
        ferry
    }

    /// Resident memory in MiB, files that are mapped left out.
    pub fn anonymous(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Waits until it is dead, if that comes in time.
    pub async fn dies(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.child.wait()).await.is_ok()
    }

    /// The line that says it is ready.
    pub async fn ready(&mut self) -> String {
        if let Ok(Ok(Some(line))) = tokio::time::timeout(PATIENCE, self.out.next_line()).await {
            return line;
        }
        let _ = self.child.start_kill();
        let mut said = String::new();
        while let Ok(Some(line)) = self.err.next_line().await {
            said = format!("{said}{line}\n");
        }
        unreachable!("ferry is not ready: {said}")
    }

    /// The next line of its log that contains this.
    pub async fn says(&mut self, words: &str) -> String {
        let found = async {
            loop {
                let line = self.err.next_line().await.unwrap().expect("it still runs");
                if line.contains(words) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| unreachable!("it never says {words:?}"))
    }

    /// SIGKILL: nothing of it can be caught.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and how it ended.
    pub async fn terminate(self) -> ExitStatus {
        let Self { mut child, out, err } = self;
        let id = i32::try_from(child.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
        let (_out, _err) = tokio::join!(rest(out.into_inner()), rest(err.into_inner()));
        tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends").unwrap()
    }
}

async fn rest(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    all
}

/// A client by the kubeconfig of a data directory, over TLS.
pub async fn client_of(data: &Path) -> kube::Client {
    let _already = rustls::crypto::ring::default_provider().install_default();
    ferry_app::connect::by_kubeconfig(&data.join("kubeconfig")).await.unwrap()
}
