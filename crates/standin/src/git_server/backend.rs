//! One request through `git http-backend` (CGI): the request body streams in, the answer streams out, and the
//! children are ended when the connection ends or the time is up: as a web server does it, with time to clean up, so
//! that a client which goes away leaves no lock in the repository.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::counts::Open;

/// A request that takes longer is cut.
const DEADLINE: Duration = Duration::from_mins(10);
/// CGI headers are a few lines.
const HEADER_LIMIT: usize = 64 * 1024;

/// How long it may go on once nobody listens to it any more.
const GRACE: Duration = Duration::from_secs(5);

/// The running back end; dropping it ends its whole process group.
struct Backend {
    /// `None` once it has ended. The request is open until nothing of the group is at work any more.
    at_work: Option<(Child, Open)>,
    output: ChildStdout,
    input: JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.input.abort();
        if let Some((child, open)) = self.at_work.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(end(child, open));
        }
    }
}

/// Its pipes are closed: it has all of the request and ends its work, or it misses the rest and gives up. A signal would
/// do with less patience, but Git that meets one between making a lock and noting it leaves the lock. What does not end
/// is killed.
async fn end(mut child: Child, open: Open) {
    let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) else { return };
    let ended = async {
        let _status = child.wait().await;
        // Nothing tells when the last of a group has ended; its number is nobody else's before.
        while killpg(group, None).is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        let _gone = killpg(group, Signal::SIGKILL);
        let _status = child.wait().await;
    }
    drop(open);
}

/// Answers one request, which is `open` as long as anything is at work for it.
pub(super) async fn run(root: &Path, request: Request, open: Open) -> Response {
    let failed = |error: std::io::Error| {
        tracing::warn!(%error, "git http-backend failed");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("git http-backend failed: {error}\n")).into_response()
    };
    let answered = tokio::time::timeout(DEADLINE, async {
        let mut backend = start(root, request, open)?;
        let (status, headers, rest) = read_headers(&mut backend.output).await?;
        Ok((backend, status, headers, rest))
    });
    let (backend, status, headers, rest) = match answered.await {
        Err(_late) => return StatusCode::GATEWAY_TIMEOUT.into_response(),
        Ok(Err(error)) => return failed(error),
        Ok(Ok(answer)) => answer,
    };
    let first = futures::stream::iter((!rest.is_empty()).then_some(Ok(rest)));
    let mut answer = Response::new(Body::from_stream(first.chain(output_of(backend))));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn start(root: &Path, request: Request, open: Open) -> std::io::Result<Backend> {
    let (parts, body) = request.into_parts();
    let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let mut command = Command::new(super::program());
    command.arg("http-backend").env_clear().current_dir(root);
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs([("LANG", "C"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
    // The root may belong to another user than ours (a mounted directory); it was given to us to be served.
    command.envs([
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "safe.directory"),
        ("GIT_CONFIG_VALUE_0", "*"),
    ]);
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "stand-in");
    command.env("REMOTE_ADDR", "127.0.0.1").env("REQUEST_METHOD", parts.method.as_str());
    let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    command.env("PATH_INFO", path).env("QUERY_STRING", parts.uri.query().unwrap_or_default());
    let passed = [
        ("CONTENT_TYPE", header(CONTENT_TYPE)),
        ("CONTENT_LENGTH", header(CONTENT_LENGTH)),
        ("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING)),
        ("GIT_PROTOCOL", header(HeaderName::from_static("git-protocol"))),
    ];
    command.envs(passed.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("no pipes"));
    };
    Ok(Backend { at_work: Some((child, open)), output, input: tokio::spawn(feed(body, input)) })
}

/// Copies the request body; an error of either side ends it, which the back end sees as the end of its input.
async fn feed(body: Body, mut input: ChildStdin) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        if input.write_all(&chunk).await.is_err() {
            return;
        }
    }
    let _closed = input.shutdown().await;
}

async fn read_headers(output: &mut ChildStdout) -> std::io::Result<(StatusCode, HeaderMap, Bytes)> {
    let mut read = BytesMut::with_capacity(8 * 1024);
    let (end, skip) = loop {
        if let Some(found) = end_of_headers(&read) {
            break found;
        }
        if read.len() > HEADER_LIMIT || output.read_buf(&mut read).await? == 0 {
            return Err(std::io::Error::other("it ended before its headers did"));
        }
    };
    let head = read.split_to(end);
    let rest = read.split_off(skip).freeze();
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in String::from_utf8_lossy(&head).lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse::<u16>().ok());
            status = code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(status);
        } else if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    Ok((status, headers, rest))
}

/// Where the headers end, and how many bytes the empty line takes.
fn end_of_headers(read: &[u8]) -> Option<(usize, usize)> {
    let at = |needle: &[u8]| read.windows(needle.len()).position(|window| window == needle);
    match (at(b"\r\n\r\n"), at(b"\n\n")) {
        (Some(crlf), Some(lf)) if lf < crlf => Some((lf, 2)),
        (Some(crlf), _) => Some((crlf, 4)),
        (None, lf) => lf.map(|lf| (lf, 2)),
    }
}

fn output_of(backend: Backend) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    futures::stream::unfold(Some(backend), move |backend| async move {
        let mut backend = backend?;
        let mut chunk = BytesMut::with_capacity(32 * 1024);
        match tokio::time::timeout_at(deadline, backend.output.read_buf(&mut chunk)).await {
            Ok(Ok(0)) => {
                if let Some((child, _)) = &mut backend.at_work {
                    let _status = child.wait().await;
                }
                backend.at_work = None;
                None
            }
            Ok(Ok(_)) => Some((Ok(chunk.freeze()), Some(backend))),
            Ok(Err(error)) => Some((Err(error), None)),
            Err(late) => Some((Err(late.into()), None)),
        }
    })
}
