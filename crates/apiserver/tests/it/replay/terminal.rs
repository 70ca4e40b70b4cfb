//! Calls of the real kubectl, against our server over TLS, in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use ferry_apiserver::{Certificates, Limits, kubeconfig, serve};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

const PATIENCE: Duration = Duration::from_mins(1);

/// A served API and the folder in which kubectl runs.
pub struct Terminal {
    program: PathBuf,
    folder: PathBuf,
    url: String,
    watches: watch::Receiver<usize>,
    _stop: DropGuard,
}

/// What a call came to.
pub struct Result {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The pinned kubectl, which `make test` builds.
pub fn program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/kubectl");
    let there = program.exists();
    assert!(
        there || std::env::var("CI").is_err(),
        "no target/tools/kubectl: `make test` builds it (needs Go)"
    );
    there.then_some(program)
}

impl Terminal {
    pub async fn open(router: Router, directory: &Path) -> Option<Self> {
        let program = program()?;
        let folder = directory.join("terminal");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(directory.join("tls")).unwrap();
        let certificates = Certificates::open(&directory.join("tls"), &[]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let config = kubeconfig(&url, &certificates.authority, "admintoken");
        std::fs::write(directory.join("kubeconfig"), config).unwrap();
        let (count, watches) = watch::channel(0_usize);
        let router = router.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                count.send_modify(|n| *n += 1);
            }
            next.run(request)
        }));
        let stop = CancellationToken::new();
        let serving = serve(router, listener, Some(certificates.config), Limits::default(), stop.clone());
        tokio::spawn(serving);
        Some(Self { program, folder, url, watches, _stop: stop.drop_guard() })
    }

    /// Waits until kubectl watches something that it did not watch before.
    pub async fn watching(&self) {
        let mut watches = self.watches.clone();
        watches.mark_unchanged();
        let _closed = watches.changed().await;
    }

    /// Runs one recorded call.
    pub async fn run(&self, call: &Value) -> Result {
        for (name, content) in call["files"].as_object().into_iter().flatten() {
            std::fs::write(self.folder.join(name), content.as_str().unwrap_or_default()).unwrap();
        }
        let home = self.folder.parent().unwrap();
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut command = Command::new(&self.program);
        command
            .args(texts(&call["argv"]))
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("TMPDIR", &self.folder)
            .env("KUBECONFIG", home.join("kubeconfig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in call["env"].as_object().into_iter().flatten() {
            command.env(name, value.as_str().unwrap_or_default());
        }
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who does not read its input closes it.
        let _closed = stdin.write_all(call["stdin"].as_str().unwrap_or_default().as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace(&self.folder.display().to_string(), "<tmp>");
            text.replace(&self.url, "<server>")
        };
        Result { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// `describe` prints versions, which the recording holds as they were.
pub fn without_versions(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.trim_start().starts_with("Resource Version:")).collect()
}
