//! What a program can and cannot do.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_exec::{Error, Limits, Programs, Run};

/// The example that is `ferry exec-child`; cargo builds it before tests run.
fn child() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/exec-child")
}

struct Desk {
    programs: Programs,
    temp: tempfile::TempDir,
}

impl Desk {
    fn new(limits: Limits) -> Self {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("folder")).unwrap();
        std::fs::write(temp.path().join("folder/in"), "inside").unwrap();
        std::fs::write(temp.path().join("secret"), "outside").unwrap();
        let programs = Programs::new(vec![child().into()], temp.path().join("scratch"), limits);
        Self { programs: programs.with("sh", "/bin/sh".into()), temp }
    }

    fn folder(&self) -> PathBuf {
        self.temp.path().join("folder")
    }

    async fn sh(&self, script: &str) -> Result<String, Error> {
        self.run(script, &self.folder(), b"", Duration::from_mins(1)).await
    }

    async fn run(
        &self,
        script: &str,
        directory: &Path,
        input: &[u8],
        time: Duration,
    ) -> Result<String, Error> {
        let run = Run {
            program: "sh",
            arguments: vec![OsString::from("-c"), script.into()],
            directory,
            reads: vec![
                "/usr/bin".into(),
                "/bin".into(),
                "/dev/zero".into(),
                self.temp.path().join("folder"),
            ],
            writes: vec![],
            input: input.to_vec(),
            time,
        };
        self.programs.run(run).await.map(|printed| String::from_utf8(printed).unwrap())
    }
}

#[tokio::test]
async fn a_program_sees_its_folder_and_nothing_else() {
    let desk = Desk::new(Limits::default());
    assert_eq!(desk.sh("/bin/cat in").await.unwrap(), "inside");
    let Err(Error::Failed { said, .. }) = desk.sh("/bin/cat ../secret").await else { panic!() };
    assert!(said.contains("Permission denied"), "{said}");
    desk.sh("/bin/cat /etc/passwd").await.unwrap_err();
    desk.sh("/bin/ls /").await.unwrap_err();
    // It only reads it.
    desk.sh("echo x > new").await.unwrap_err();
    desk.sh("/bin/rm in").await.unwrap_err();
    // Its home is its own, and goes with it.
    assert_eq!(desk.sh("echo y > $HOME/new; /bin/cat $TMPDIR/new").await.unwrap(), "y\n");
    assert_eq!(std::fs::read_dir(desk.temp.path().join("scratch")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_program_has_no_network_and_no_environment_of_ours() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let desk = Desk::new(Limits::default());
    let Err(Error::Failed { said, .. }) =
        desk.sh(&format!("/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'")).await
    else {
        panic!("connected")
    };
    assert!(said.contains("connect") || said.contains("Permission"), "{said}");
    let names = desk.sh("/usr/bin/env").await.unwrap();
    let mut names: Vec<_> =
        names.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["GOMEMLIMIT", "HOME", "LANG", "PATH", "TMPDIR"]);
}

#[tokio::test]
async fn a_program_has_limits() {
    let small = Limits { memory: 64 << 20, cpu: Duration::from_secs(1), processes: 16, file_size: 1 << 20 };
    let desk = Desk::new(small);
    let killed = |result: Result<String, Error>| match result {
        Err(Error::Killed { signal, .. }) => signal,
        other => panic!("{other:?}"),
    };
    assert_eq!(killed(desk.sh("while :; do :; done").await), "SIGKILL");
    let swollen = desk.sh("exec /usr/bin/tail /dev/zero").await;
    let Err(Error::Failed { said, .. }) = &swollen else { panic!("{swollen:?}") };
    assert!(said.contains("memory") || said.contains("allocate"), "{said}");
    assert_eq!(killed(desk.sh("exec /usr/bin/yes > $HOME/large").await), "SIGXFSZ");
    let large = desk.sh("/usr/bin/yes | /usr/bin/head -c 2000000").await;
    assert!(matches!(large, Err(Error::Large { most: 1_048_576, .. })), "{large:?}");
    desk.sh(
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do /bin/cat /dev/zero & done; wait",
    )
    .await
    .unwrap_err();
}

#[tokio::test]
async fn a_program_has_input_and_a_deadline() {
    let desk = Desk::new(Limits::default());
    let folder = desk.folder();
    let large = "x".repeat(1 << 20);
    let printed = desk.run("/bin/cat", &folder, large.as_bytes(), Duration::from_mins(1)).await.unwrap();
    assert_eq!(printed.len(), large.len());
    // What it does not want, it need not take.
    assert_eq!(desk.run("echo a", &folder, large.as_bytes(), Duration::from_mins(1)).await.unwrap(), "a\n");
    let endless = desk.run("/bin/sleep 1000 & wait", &folder, b"", Duration::from_millis(300)).await;
    assert!(matches!(endless, Err(Error::Time { .. })), "{endless:?}");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let desk = Desk::new(Limits::default());
    let run = |program| Run {
        program,
        arguments: Vec::new(),
        directory: Path::new("/"),
        reads: Vec::new(),
        writes: Vec::new(),
        input: Vec::new(),
        time: Duration::from_mins(1),
    };
    let missing = desk.programs.run(run("no-such-program")).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        "no-such-program is needed and not found; install it on the PATH, or say where it is with --no-such-program"
    );
    let Err(Error::Failed { said, .. }) = desk.sh("echo why >&2; exit 3").await else { panic!() };
    assert_eq!(said, "why");
    let Err(Error::Failed { said, .. }) = desk.sh("exit 3").await else { panic!() };
    assert_eq!(said, "exit status: 3");
    let programs = Programs::new(vec![child().into()], desk.temp.path().join("scratch"), Limits::default());
    let not_a_program = desk.temp.path().join("folder/in");
    let error = programs.with("x", not_a_program).run(run("x")).await.unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error}");
}
