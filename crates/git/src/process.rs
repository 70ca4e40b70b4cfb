//! One child process in a group of its own: bounded in time and output, and killed with all its children when the
//! time is up, when the caller goes away, or when anything fails. Those of a process that was killed itself are ended
//! by the next one ([`end_leftovers`]).

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// What is kept of the end of the error output.
const STDERR_KEPT: usize = 16 * 1024;

/// A process that ended by itself.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// The last part of it.
    pub(crate) stderr: Vec<u8>,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be started or spoken to.
    Io(std::io::Error),
    /// It did not end in time.
    Deadline,
    /// It printed too much.
    Output,
}

/// Kills the group when dropped before `disarm`.
struct Group(Option<Pid>);

impl Group {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that nobody of the group is left.
            let _gone = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Runs to the end. The group id stays ours while the group is armed: as long as its leader is not waited for, or
/// a child of it still holds a pipe, the kernel does not give the number to anybody else.
pub(crate) async fn run(
    mut command: Command,
    input: &[u8],
    deadline: Duration,
    limit: usize,
    point: &str,
) -> Result<Finished, Failure> {
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(Failure::Io)?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    if !point.is_empty() {
        ferry_failpoint::point!("{point}");
    }
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that does not want the rest says by its exit status whether that matters.
            let _broken = stdin.write_all(input).await;
        }
        Ok(())
    };
    let work = async {
        let pipes = async { tokio::try_join!(feed, whole(stdout, limit), tail(stderr)) };
        let ((), stdout, stderr) = pipes.await?;
        let status = child.wait().await.map_err(Failure::Io)?;
        Ok(Finished { status, stdout, stderr })
    };
    let result = tokio::time::timeout(deadline, work).await.unwrap_or(Err(Failure::Deadline));
    if result.is_ok() {
        group.disarm();
        return result;
    }
    drop(group);
    // The leader is dead or dying: take its exit status, so that no zombie remains.
    let _reaped = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
    result
}

/// Kills what an earlier process with this home started and could not end: a push at work would arrive after all, when
/// its Promotion has ended or goes on. Only Linux tells who they are; elsewhere they end by themselves.
pub(crate) fn end_leftovers(home: &Path) {
    let wanted = [b"HOME=", home.as_os_str().as_bytes()].concat();
    let is_ours = |id: i32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for id in ids.filter(|id| is_ours(*id)) {
        tracing::info!(id, "ending a git that an earlier process left at work");
        // An error means that it has ended by itself.
        let _gone = kill(Pid::from_raw(id), Signal::SIGKILL);
    }
}

async fn whole(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut read = Vec::new();
    if let Some(pipe) = pipe {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        pipe.take(most).read_to_end(&mut read).await.map_err(Failure::Io)?;
    }
    if read.len() > limit { Err(Failure::Output) } else { Ok(read) }
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Failure> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(kept) };
    let mut chunk = [0; 4096];
    loop {
        let count = pipe.read(&mut chunk).await.map_err(Failure::Io)?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if kept.len() > 2 * STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    /// A second is far from any deadline used here.
    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn input_output_and_status_come_through() {
        let finished = run(shell("cat; echo no >&2; exit 3"), b"yes", LONG, 100, "").await.unwrap();
        assert_eq!((finished.stdout, finished.stderr), (b"yes".to_vec(), b"no\n".to_vec()));
        assert_eq!(finished.status.code(), Some(3));
    }

    #[tokio::test]
    async fn too_much_output_ends_it() {
        let result = run(shell("while :; do echo y; done"), b"", LONG, 1000, "").await;
        assert!(matches!(result, Err(Failure::Output)), "{result:?}");
    }

    #[tokio::test]
    async fn only_the_end_of_errors_is_kept() {
        let finished = run(shell("seq 1 100000 >&2"), b"", LONG, 0, "").await.unwrap();
        assert!(finished.stderr.ends_with(b"100000\n") && finished.stderr.len() <= 2 * STDERR_KEPT);
    }

    /// Its grandchild writes its id and would live for an hour.
    const FAMILY: &str = "sleep 3600 & echo $! >\"$PIDFILE\"; wait";

    async fn grandchild(pidfile: &std::path::Path) -> i32 {
        loop {
            if let Ok(pid) = std::fs::read_to_string(pidfile).unwrap_or_default().trim().parse() {
                return pid;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn gone(pid: i32) {
        let stat = format!("/proc/{pid}/stat");
        // A zombie (its adoptive parent has not looked yet) runs no more.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn fm_37_the_deadline_kills_the_whole_family() {
        let place = tempfile::tempdir().unwrap();
        let pidfile = place.path().join("pid");
        let mut command = shell(FAMILY);
        command.env("PIDFILE", &pidfile);
        let result = run(command, b"", Duration::from_millis(300), 1000, "").await;
        assert!(matches!(result, Err(Failure::Deadline)), "{result:?}");
        gone(grandchild(&pidfile).await).await;
    }

    #[tokio::test]
    async fn fm_37_a_caller_that_goes_away_kills_the_whole_family() {
        let place = tempfile::tempdir().unwrap();
        let pidfile = place.path().join("pid");
        let mut command = shell(FAMILY);
        command.env("PIDFILE", &pidfile);
        let running = tokio::spawn(async move { run(command, b"", LONG, 1000, "").await.map(drop) });
        let pid = grandchild(&pidfile).await;
        running.abort();
        gone(pid).await;
    }
}
