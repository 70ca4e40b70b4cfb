//! How every `git` is started: nothing inherited, no configuration but ours, no hooks, no prompts, no transport but
//! http(s) and ssh, credentials only in the environment of this one process.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_net::Http;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::classify;
use crate::process::{self, Failure, Finished};
use crate::reach::{self, Pin};
use crate::redirect;
use crate::remote::{Login, Remote, encoded};
use crate::seal::Seal;
use crate::{Error, Settings};

/// Configuration of every run; it beats what a repository's own `config` says.
const CONFIG: &[(&str, &str)] = &[
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("protocol.ssh.allow", "always"),
    // Where a server sends us is judged first (`redirect.rs`).
    ("http.followRedirects", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.quotePath", "false"),
    // A second name for a file changes this time and nothing else of the file.
    ("core.trustctime", "false"),
    ("core.pager", "cat"),
    ("core.logAllRefUpdates", "false"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("diff.ignoreSubmodules", "all"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
];

/// Answers `git`'s question for a login from two variables of that `git` alone: it asks where the login was not sent
/// unasked, or was refused.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$FERRY_USERNAME\" \"$FERRY_PASSWORD\"; }; f";

/// How often a server that is busy is asked.
const TRIES: u32 = 4;

/// Starts `git`s.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) settings: Settings,
    /// For what `git` itself does not fetch.
    pub(crate) http: Http,
    /// For what lies in work trees and is not for their readers.
    pub(crate) seal: Seal,
    /// Empty; nobody's home.
    pub(crate) home: PathBuf,
    /// Where SSH keys lie while a command runs.
    pub(crate) keys: PathBuf,
}

/// One command to run.
pub(crate) struct Invocation<'a> {
    runner: &'a Runner,
    /// For messages: a verb.
    operation: &'static str,
    /// For messages: where.
    place: String,
    directory: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    remote: Option<&'a Remote>,
    input: Vec<u8>,
    /// Configuration of this command.
    config: Vec<(String, String)>,
    /// It changes nothing on the server, so it may be run again where that is busy.
    reads: bool,
    /// What is started in the place of `git`.
    program: Option<&'static str>,
    deadline: Duration,
    /// A place to pass once it has been started.
    point: &'static str,
}

/// What a command needs to prove who we are.
#[derive(Default)]
struct Proof {
    environment: Vec<(&'static str, String)>,
    config: Vec<(String, String)>,
    /// How `ssh` is started.
    ssh: String,
    /// Lives as long as the command.
    key: Option<NamedTempFile>,
}

/// How a command ended.
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// Without secrets.
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }
}

impl Runner {
    /// A command in a repository (`git_dir`), without a work tree.
    pub(crate) fn bare<'a>(&'a self, operation: &'static str, git_dir: &Path) -> Invocation<'a> {
        let place = git_dir.display().to_string();
        let environment = vec![("GIT_DIR".into(), git_dir.into())];
        Invocation {
            runner: self,
            operation,
            place,
            directory: self.home.clone(),
            arguments: Vec::new(),
            environment,
            remote: None,
            input: Vec::new(),
            config: Vec::new(),
            reads: false,
            program: None,
            deadline: self.settings.local_deadline,
            point: "",
        }
    }

    /// A command in the work tree `directory` with its own `.git`.
    pub(crate) fn in_tree<'a>(&'a self, operation: &'static str, directory: &Path) -> Invocation<'a> {
        let git_dir = directory.join(".git");
        let mut invocation = self.bare(operation, &git_dir);
        invocation.place = directory.display().to_string();
        directory.clone_into(&mut invocation.directory);
        // The common directory is named too: a file in `.git` must not be able to name another.
        invocation.env("GIT_COMMON_DIR", &git_dir).env("GIT_WORK_TREE", directory)
    }
}

impl<'a> Invocation<'a> {
    /// What it works on, for messages: where that is on this machine is nobody's business.
    pub(crate) fn on(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Where it runs.
    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    pub(crate) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    pub(crate) fn config(mut self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        self.config.extend(settings);
        self
    }

    /// Runs again where the server is busy.
    pub(crate) fn reading(mut self) -> Self {
        self.reads = true;
        self
    }

    /// Starts something else than `git`, which speaks to the remote as `git` would (`GIT_SSH_COMMAND`).
    pub(crate) fn program(mut self, program: &'static str) -> Self {
        self.program = Some(program);
        self
    }

    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Passes this failpoint while it runs.
    pub(crate) fn passing(mut self, point: &'static str) -> Self {
        self.point = point;
        self
    }

    /// Speaks to a server; errors are about it.
    pub(crate) fn remote(mut self, remote: &'a Remote) -> Self {
        self.place.clone_from(&remote.shown);
        self.remote = Some(remote);
        self
    }

    /// Runs, and takes any failure as an error.
    pub(crate) async fn success(self) -> Result<Output, Error> {
        let (operation, place) = (self.operation, self.place.clone());
        let remote = self.remote.is_some();
        let output = self.run().await?;
        if output.success {
            return Ok(output);
        }
        let detail = classify::essence(&output.stderr);
        if remote {
            return Err(classify::remote(operation, &place, &output.stderr));
        }
        Err(Error::Git { operation: operation.to_owned(), place, detail })
    }

    /// Runs; a failure of `git` itself is for the caller to judge.
    pub(crate) async fn run(self) -> Result<Output, Error> {
        let output = self.patiently().await?;
        let Some(remote) = self.remote.filter(|_| !output.success) else { return Ok(output) };
        if remote.moved().is_some() && classify::is_elsewhere(&output.stderr) {
            // It has moved on, or back.
            remote.moves(None);
            return Box::pin(self.run()).await;
        }
        // A server's first answer tells: nothing else was sent yet.
        if remote.moved().is_some() || !classify::redirected(&output.stderr) {
            return Ok(output);
        }
        remote.moves(Some(redirect::followed(remote, self.runner).await?));
        self.patiently().await
    }

    async fn patiently(&self) -> Result<Output, Error> {
        let mut tries = 1;
        loop {
            let output = self.once().await?;
            if output.success || !self.reads || tries == TRIES || !classify::is_busy(&output.stderr) {
                return Ok(output);
            }
            // How long the server wants to be left alone, this Git does not tell.
            tokio::time::sleep(self.runner.settings.backoff.after(tries, 1.0)).await;
            tries += 1;
        }
    }

    async fn once(&self) -> Result<Output, Error> {
        let limit = self.runner.settings.output_limit;
        let mut proof = self.prove()?;
        if let Some(remote) = self.remote {
            let moved = remote.moved();
            let address = moved.as_deref().unwrap_or(&remote.address);
            match reach::judge(address, &self.runner.settings).await? {
                Pin::None => {}
                Pin::Http(resolved) => proof.config.push(("http.curloptResolve".to_owned(), resolved)),
                Pin::Ssh(address) => proof.ssh.extend([" -o HostName=", &address.to_string()]),
            }
            if let Some(to) = moved {
                proof.config.push((format!("url.{to}.insteadOf"), remote.address.clone()));
            }
            proof
                .environment
                .extend([("GIT_SSH_COMMAND", proof.ssh.clone()), ("GIT_SSH_VARIANT", "ssh".to_owned())]);
        }
        let finished =
            process::run(self.command(&proof), &self.input, self.deadline, limit, self.point).await;
        finished.map(|finished| self.output(finished)).map_err(|failure| self.failure(failure, limit))
    }

    /// The login, where `git` finds it.
    fn prove(&self) -> Result<Proof, Error> {
        let mut proof = Proof::default();
        let Some(remote) = self.remote else { return Ok(proof) };
        let settings = &self.runner.settings;
        let stall = settings.stall.as_secs().max(1).to_string();
        proof
            .environment
            .extend([("GIT_HTTP_LOW_SPEED_LIMIT", "1".to_owned()), ("GIT_HTTP_LOW_SPEED_TIME", stall)]);
        if remote.insecure_skip_tls_verify {
            proof.config.push(("http.sslVerify".into(), "false".into()));
        }
        let mut ssh = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o LogLevel=ERROR -o ForwardAgent=no -o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none"
            .to_owned();
        match &remote.login {
            Login::Anonymous => {}
            Login::Basic { scope, username, password } => {
                proof.config.push((format!("credential.{scope}.helper"), HELPER.into()));
                proof.environment.push(("FERRY_USERNAME", username.clone()));
                proof.environment.push(("FERRY_PASSWORD", password.clone()));
                // Spares the round in which the server asks for it.
                let header = format!("Authorization: Basic {}", encoded(username, password));
                proof.config.push((format!("http.{scope}.extraHeader"), header));
            }
            Login::SshKey { private_key } => {
                let file = key_file(&self.runner.keys, private_key)?;
                let path = file.path().to_string_lossy().replace('\'', "'\\''");
                ssh = format!("{ssh} -o IdentitiesOnly=yes -o IdentityAgent=none -i '{path}'");
                proof.key = Some(file);
            }
        }
        proof.ssh = ssh;
        Ok(proof)
    }

    fn command(&self, proof: &Proof) -> Command {
        let settings = &self.runner.settings;
        let program = self.program.map_or(settings.program.as_path(), Path::new);
        let mut command = Command::new(program);
        command.args(&self.arguments).current_dir(&self.directory).env_clear();
        command.env("PATH", &settings.search_path).env("HOME", &self.runner.home);
        command.env("XDG_CONFIG_HOME", &self.runner.home).env("LANG", "C").env("LC_ALL", "C");
        command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", ""),
            ("SSH_ASKPASS", ""),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_EDITOR", "false"),
        ]);
        let ours = CONFIG.iter().map(|(key, value)| (*key, *value));
        let own = self.config.iter().map(|(key, value)| (&**key, &**value));
        let all = ours.chain(own).chain(proof.config.iter().map(|(key, value)| (&**key, &**value)));
        let mut count = 0;
        for (key, value) in all {
            command
                .env(format!("GIT_CONFIG_KEY_{count}"), key)
                .env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.envs(proof.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn output(&self, finished: Finished) -> Output {
        let stderr = String::from_utf8_lossy(&finished.stderr);
        let stderr = classify::redacted(&stderr, &self.remote.map(Remote::secrets).unwrap_or_default());
        let (success, code) = (finished.status.success(), finished.status.code());
        Output { success, code, stdout: finished.stdout, stderr }
    }

    fn failure(&self, failure: Failure, limit: usize) -> Error {
        let (operation, place) = (self.operation.to_owned(), self.place.clone());
        match failure {
            Failure::Deadline => Error::Timeout { operation, place, after: self.deadline },
            Failure::Output => Error::TooMuchOutput { operation, place, limit },
            Failure::Io(error) => {
                let program = self.runner.settings.program.display();
                Error::Io { what: format!("run {program} to {operation} {place}"), detail: error.to_string() }
            }
        }
    }
}

/// A file only we can read, removed when dropped (leftovers of a crash are swept at the next start).
fn key_file(directory: &Path, private_key: &str) -> Result<NamedTempFile, Error> {
    let mut file = tempfile::Builder::new()
        .prefix("key-")
        .tempfile_in(directory)
        .map_err(Error::io("make a key file"))?;
    let mut text = private_key.replace("\r\n", "\n").trim().to_owned();
    text.push('\n');
    std::io::Write::write_all(file.as_file_mut(), text.as_bytes()).map_err(Error::io("write a key file"))?;
    Ok(file)
}
