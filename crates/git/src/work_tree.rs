//! A plain directory with files of a commit and a small `.git` of its own, which borrows the objects of a mirror.
//! It can be copied, renamed and opened again, also by a later process. Nothing in its `.git` is trusted: other
//! programs may have written there, so it is checked and its configuration put right before every use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_artifact::{BranchName, CommitId, RepoUrl};
use ferry_lfs::Store;

use crate::invocation::{Invocation, Runner};
use crate::settings::Identity;
use crate::sign::SigningKey;
use crate::state::{FILE, State};
use crate::{Error, lfs, nested};

/// A work tree. One operation at a time; nobody else may change it meanwhile.
#[derive(Clone, Debug)]
pub struct WorkTree {
    pub(crate) runner: Arc<Runner>,
    mirrors: PathBuf,
    directory: PathBuf,
    state: State,
}

/// A path that differs from the head commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The path in the work tree.
    pub path: String,
    /// Git's two letters: ` M`, ` D`, `??`, …
    pub code: String,
}

/// What `HEAD` says.
pub(crate) enum Head {
    Branch(BranchName),
    Detached(CommitId),
}

/// What may be in `.git`; the rest is none of our doing.
const KNOWN: &[&str] = &["HEAD", "config", FILE, SIGNING_KEY, "index", "info", "objects", "refs"];

/// The file in `.git` with the key that commits are signed with, sealed. It goes with the work tree.
pub(crate) const SIGNING_KEY: &str = "signing-key";

impl WorkTree {
    pub(crate) fn open(runner: Arc<Runner>, mirrors: &Path, directory: &Path) -> Result<Self, Error> {
        let missing = || Error::NotAWorkTree { directory: directory.to_owned() };
        let git = directory.join(".git");
        if !std::fs::symlink_metadata(&git).is_ok_and(|found| found.is_dir()) {
            return Err(missing());
        }
        let file = git.join(FILE);
        if !std::fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
            return Err(missing());
        }
        let text = std::fs::read_to_string(&file).map_err(Error::io(format!("read {}", file.display())))?;
        let tampered =
            || Error::Tampered { directory: directory.to_owned(), what: format!("the file {FILE}") };
        let state = State::parse(&text).ok_or_else(tampered)?;
        RepoUrl::parse(&state.url)?;
        let tree = Self { runner, mirrors: mirrors.to_owned(), directory: directory.to_owned(), state };
        tree.secure()?;
        if !tree.mirrors.join(&tree.state.mirror).join("objects").is_dir() {
            return Err(Error::Lost { directory: directory.to_owned() });
        }
        Ok(tree)
    }

    pub(crate) fn new(runner: Arc<Runner>, mirrors: &Path, directory: &Path, state: State) -> Self {
        Self { runner, mirrors: mirrors.to_owned(), directory: directory.to_owned(), state }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// A work tree of the same kind in another place.
    pub(crate) fn elsewhere(&self, directory: PathBuf) -> Self {
        Self { directory, ..self.clone() }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The repository's URL, without user and password: look its credential up anew to push.
    pub fn url(&self) -> Result<RepoUrl, Error> {
        Ok(RepoUrl::parse(&self.state.url)?)
    }

    /// Whether any certificate of the server was accepted, as it then has to be for a push.
    pub fn insecure_skip_tls_verify(&self) -> bool {
        self.state.insecure_skip_tls_verify
    }

    /// Whether contents of files come only when they are needed, as they then have to for a push.
    pub fn blobless(&self) -> bool {
        self.state.blobless
    }

    /// Who commits here where nobody else is named.
    pub fn identity(&self) -> &Identity {
        &self.state.identity
    }

    /// What commits are signed with here where nobody else is named.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, Error> {
        let file = self.git().join(SIGNING_KEY);
        match std::fs::read_to_string(&file) {
            Ok(sealed) => {
                let tampered = || self.tampered(format!("the file {SIGNING_KEY}"));
                SigningKey::parse(&self.runner.seal.open(&sealed).ok_or_else(tampered)?).map(Some)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(format!("read {}", file.display()))(e)),
        }
    }

    /// The head commit.
    pub fn head(&self) -> Result<CommitId, Error> {
        self.secure()?;
        self.head_commit()
    }

    /// The branch that commits go to; `None` after the checkout of a tag or commit.
    pub fn current_branch(&self) -> Result<Option<BranchName>, Error> {
        self.secure()?;
        match self.head_name()? {
            Head::Branch(name) => Ok(Some(name)),
            Head::Detached(_) => Ok(None),
        }
    }

    /// What differs from the head commit, ignored files left out.
    pub async fn status(&self) -> Result<Vec<Status>, Error> {
        self.secure()?;
        let command =
            self.command("read the status of").args(["status", "--porcelain=v1", "-z", "--no-renames"]);
        let command = command.args(["--untracked-files=all", "--ignore-submodules=all", "--"]);
        let output = command.args(nested::pathspecs(&self.directory).await?).success().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let entry = |entry: &str| {
            let (code, path) = (entry.get(..2)?, entry.get(3..)?);
            Some(Status { path: path.to_owned(), code: code.to_owned() })
        };
        Ok(text.split_terminator('\0').filter_map(entry).collect())
    }

    /// Whether nothing differs from the head commit.
    pub async fn is_clean(&self) -> Result<bool, Error> {
        Ok(self.status().await?.is_empty())
    }

    /// What is ignored: files, and directories that hold nothing else.
    pub async fn ignored(&self) -> Result<Vec<String>, Error> {
        self.secure()?;
        let command = self.command("list the ignored files of");
        let command =
            command.args(["ls-files", "--others", "--ignored", "--exclude-standard", "--directory"]);
        let output =
            command.args(["-z", "--"]).args(nested::pathspecs(&self.directory).await?).success().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split_terminator('\0').map(|path| path.trim_end_matches('/').to_owned()).collect())
    }

    /// Removes every file and directory but `.git`.
    pub fn clear(&self) -> Result<(), Error> {
        self.secure()?;
        let failed = |error| Error::io(format!("clear {}", self.directory.display()))(error);
        for entry in std::fs::read_dir(&self.directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == ".git" {
                continue;
            }
            let removed = match entry.file_type() {
                Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
                Ok(_) => std::fs::remove_file(entry.path()),
                Err(error) => Err(error),
            };
            removed.map_err(failed)?;
        }
        Ok(())
    }

    pub(crate) fn command(&self, operation: &'static str) -> Invocation<'_> {
        let place = format!("the work tree of {}", self.state.url);
        let command = self.runner.in_tree(operation, &self.directory).on(place);
        command.config(lfs::filter(&self.runner.settings, &self.lfs_store()))
    }

    /// A command in its mirror.
    pub(crate) fn mirror_command(&self, operation: &'static str) -> Invocation<'_> {
        self.runner.bare(operation, &self.mirrors.join(&self.state.mirror)).on(self.state.url.as_str())
    }

    /// Where the large files of its mirror are.
    pub(crate) fn lfs_store(&self) -> Store {
        lfs::store(&self.mirrors, &self.state.mirror)
    }

    pub(crate) fn git(&self) -> PathBuf {
        self.directory.join(".git")
    }

    fn tampered(&self, what: impl std::fmt::Display) -> Error {
        Error::Tampered { directory: self.directory.clone(), what: what.to_string() }
    }

    pub(crate) fn head_name(&self) -> Result<Head, Error> {
        let path = self.git().join("HEAD");
        let text = std::fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))?;
        let text = text.trim_end();
        if let Some(name) = text.strip_prefix("ref: refs/heads/") {
            return BranchName::parse(name).map(Head::Branch).map_err(|error| self.tampered(error));
        }
        CommitId::parse(text).map(Head::Detached).map_err(|error| self.tampered(error))
    }

    pub(crate) fn head_commit(&self) -> Result<CommitId, Error> {
        let name = match self.head_name()? {
            Head::Detached(id) => return Ok(id),
            Head::Branch(name) => name,
        };
        let path = self.git().join(name.full());
        let text = std::fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))?;
        CommitId::parse(text.trim_end()).map_err(|error| self.tampered(error))
    }

    /// Points the current branch (or a detached `HEAD`) to a commit.
    pub(crate) fn set_head(&self, id: &CommitId) -> Result<(), Error> {
        let path = match self.head_name()? {
            Head::Branch(name) => self.git().join(name.full()),
            Head::Detached(_) => self.git().join("HEAD"),
        };
        replace(&path, &format!("{id}\n"))
    }

    /// Checks that `.git` holds nothing but plain files of ours, and writes what follows from the state anew: what
    /// anybody else wrote there has no effect. Leftovers of a killed command go.
    pub(crate) fn secure(&self) -> Result<(), Error> {
        let git = self.git();
        if !std::fs::symlink_metadata(&git).is_ok_and(|found| found.is_dir()) {
            return Err(Error::NotAWorkTree { directory: self.directory.clone() });
        }
        let failed = |error| Error::io(format!("read {}", git.display()))(error);
        for entry in std::fs::read_dir(&git).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy();
            if !KNOWN.contains(&&*name) && !name.ends_with(".lock") {
                return Err(self.tampered(format!("there is {name:?}")));
            }
        }
        self.check(&git)?;
        for (file, content) in self.files() {
            let path = git.join(file);
            if std::fs::read_to_string(&path).ok().as_deref() != Some(&*content) {
                replace(&path, &content)?;
            }
        }
        for file in ["objects/info/http-alternates", "info/attributes", "info/exclude", "info/grafts"] {
            if git.join(file).exists() {
                return Err(self.tampered(format!("there is {file:?}")));
            }
        }
        Ok(())
    }

    /// The files whose content follows from the state.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        let objects = self.mirrors.join(&self.state.mirror).join("objects");
        let mut files = vec![
            ("config", self.state.config()),
            ("objects/info/alternates", format!("{}\n", objects.display())),
            (FILE, self.state.text()),
        ];
        files.extend(self.state.sparse_patterns().map(|patterns| ("info/sparse-checkout", patterns)));
        files
    }

    fn check(&self, directory: &Path) -> Result<(), Error> {
        let failed = |error| Error::io(format!("read {}", directory.display()))(error);
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name();
            if kind.is_dir() {
                self.check(&entry.path())?;
            } else if !kind.is_file() {
                return Err(self.tampered(format!("{} is no plain file", name.display())));
            } else if Path::new(&name).extension().is_some_and(|extension| extension == "lock") {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Writes a file whole or not at all, making its directory.
pub(crate) fn replace(path: &Path, content: &str) -> Result<(), Error> {
    let failed = |error| Error::io(format!("write {}", path.display()))(error);
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(failed)?;
    // Ends in `.lock`, so that a leftover is taken for what it is.
    let mut file =
        tempfile::Builder::new().prefix("new-").suffix(".lock").tempfile_in(parent).map_err(failed)?;
    std::io::Write::write_all(&mut file, content.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
