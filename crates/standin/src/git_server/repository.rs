//! A served repository seen from inside: make it, add commits to it as somebody else would, read what is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Error;
use super::import::{Change, stream};

/// A bare repository below the server's root. All calls run `git` in it directly, not through the network.
#[derive(Clone, Debug)]
pub struct Repository {
    directory: PathBuf,
}

/// A branch as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The full commit id.
    pub commit: String,
    /// Path → content (lossy UTF-8) of every file of the head commit.
    pub tree: BTreeMap<String, String>,
}

/// A tag as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The commit it names in the end.
    pub commit: String,
    /// The message and tagger (`name <email>`) of an annotated tag.
    pub annotation: Option<(String, String)>,
}

/// A commit in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The full commit id.
    pub id: String,
    /// Its parents' ids.
    pub parents: Vec<String>,
    /// `name <email>`
    pub author: String,
    /// `name <email>`
    pub committer: String,
    /// The message without line ends after it.
    pub message: String,
}

impl Repository {
    pub(super) fn at(root: &Path, name: &str) -> Result<Self, Error> {
        let fine = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
        };
        if !name.split('/').all(fine) {
            return Err(Error::Name(name.to_owned()));
        }
        Ok(Self { directory: root.join(format!("{name}.git")) })
    }

    pub(super) async fn create(root: &Path, name: &str, branch: &str) -> Result<Self, Error> {
        let repository = Self::at(root, name)?;
        let io = |source| Error::Io { what: format!("make {}", repository.directory.display()), source };
        tokio::fs::create_dir_all(&repository.directory).await.map_err(io)?;
        if repository.directory.join("HEAD").exists() {
            return Ok(repository);
        }
        let head = format!("--initial-branch={branch}");
        repository.git(&["init", "--quiet", "--bare", "--template=", &head, "."], &[]).await?;
        // Pushes come without a user of the operating system; partial clones and single commits may be asked for.
        for setting in ["http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            repository.git(&["config", setting, "true"], &[]).await?;
        }
        Ok(repository)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds a commit to a branch, as somebody else's push would, and returns its id.
    pub async fn commit(&self, change: &Change<'_>) -> Result<String, Error> {
        let parent = match change.parent() {
            Some(branch) => self.head(branch).await?,
            None => None,
        };
        let input = stream(change, parent.as_deref());
        let said = self.git(&["fast-import", "--quiet", "--force"], &input).await?;
        Ok(said.trim().to_owned())
    }

    /// The commit a branch points to, `None` if there is no such branch.
    pub async fn head(&self, branch: &str) -> Result<Option<String>, Error> {
        let reference = format!("refs/heads/{branch}");
        let said = self.git(&["for-each-ref", "--format=%(objectname) %(refname)", &reference], &[]).await?;
        let exact = said.lines().filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == reference);
        Ok(exact.map(|(id, _)| id.to_owned()))
    }

    /// Points a branch to a commit that is there, or removes it.
    pub async fn set_branch(&self, branch: &str, commit: Option<&str>) -> Result<(), Error> {
        let reference = format!("refs/heads/{branch}");
        let arguments: &[&str] = match commit {
            Some(commit) => &["update-ref", &reference, commit],
            None => &["update-ref", "-d", &reference],
        };
        self.git(arguments, &[]).await.map(drop)
    }

    /// Tags a commit: annotated (with a message) or not. An existing tag is replaced.
    pub async fn tag(
        &self,
        name: &str,
        commit: &str,
        message: Option<&str>,
        date: Option<&str>,
    ) -> Result<(), Error> {
        let mut arguments = vec!["tag", "--force"];
        if let Some(message) = message {
            arguments.extend(["--annotate", "--message", message]);
        }
        arguments.extend(["--", name, commit]);
        self.git_at(&arguments, &[], date).await.map(drop)
    }

    /// Every branch with its files.
    pub async fn branches(&self) -> Result<BTreeMap<String, Branch>, Error> {
        let said =
            self.git(&["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/"], &[]).await?;
        let mut branches = BTreeMap::new();
        for (commit, reference) in said.lines().filter_map(|line| line.split_once(' ')) {
            let name = reference.trim_start_matches("refs/heads/").to_owned();
            let tree = self.tree(commit).await?;
            branches.insert(name, Branch { commit: commit.to_owned(), tree });
        }
        Ok(branches)
    }

    /// Every tag.
    pub async fn tags(&self) -> Result<BTreeMap<String, Tag>, Error> {
        let format = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(taggername) %(taggeremail)%00%(contents:subject)";
        let said = self.git(&["for-each-ref", format, "refs/tags/"], &[]).await?;
        let mut tags = BTreeMap::new();
        for line in said.lines() {
            let mut fields = line.split('\0');
            let mut next = || fields.next().unwrap_or_default().to_owned();
            let (name, object, peeled, tagger, message) = (next(), next(), next(), next(), next());
            let annotated = !peeled.is_empty();
            let tag = Tag {
                commit: if annotated { peeled } else { object },
                annotation: annotated.then_some((message, tagger)),
            };
            tags.insert(name.trim_start_matches("refs/tags/").to_owned(), tag);
        }
        Ok(tags)
    }

    /// The files of a branch or commit: path → content (lossy UTF-8; a symlink's content is its target).
    pub async fn tree(&self, revision: &str) -> Result<BTreeMap<String, String>, Error> {
        let listed =
            self.git(&["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", revision], &[]).await?;
        let mut files = BTreeMap::new();
        for entry in listed.split_terminator('\0') {
            let Some((meta, path)) = entry.split_once('\t') else { continue };
            let mut fields = meta.split(' ').skip(1);
            let (Some("blob"), Some(id)) = (fields.next(), fields.next()) else { continue };
            files.insert(path.to_owned(), self.git(&["cat-file", "blob", id], &[]).await?);
        }
        Ok(files)
    }

    /// The commits of a branch or commit, oldest first, all parents.
    pub async fn log(&self, revision: &str) -> Result<Vec<LogEntry>, Error> {
        let format = "--format=%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%B%x01";
        let said = self
            .git(&["log", "--topo-order", "--reverse", format, "--end-of-options", revision, "--"], &[])
            .await?;
        let mut entries = Vec::new();
        for entry in said.split_terminator('\u{1}') {
            let mut fields = entry.trim_start_matches('\n').splitn(5, '\0');
            let mut next = || fields.next().unwrap_or_default().to_owned();
            let (id, parents, author, committer, message) = (next(), next(), next(), next(), next());
            if id.is_empty() {
                continue;
            }
            let parents = parents.split_whitespace().map(str::to_owned).collect();
            entries.push(LogEntry { id, parents, author, committer, message: message.trim_end().to_owned() });
        }
        Ok(entries)
    }

    /// Refuses every push from now on with this text (a `pre-receive` hook); `None` accepts again.
    pub fn refuse_pushes(&self, text: Option<&str>) -> Result<(), Error> {
        let hook = self.hook();
        let Some(text) = text else {
            return match std::fs::remove_file(&hook) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::Io { what: format!("remove {}", hook.display()), source })
                }
                _ => Ok(()),
            };
        };
        let mut script = String::new();
        for line in text.lines() {
            script.extend(["echo '", &line.replace('\'', ""), "' >&2\n"]);
        }
        script.push_str("exit 1\n");
        self.install_hook(&script)
    }

    /// Refuses every push from now on that would put a file of this path on a branch.
    pub fn refuse_file(&self, path: &str) -> Result<(), Error> {
        let path = path.replace('\'', "");
        self.install_hook(&format!(
            "while read old new reference; do\n\
             git cat-file -e \"$new:\"'{path}' 2>/dev/null && echo '{path} is not wanted' >&2 && exit 1\n\
             done\nexit 0\n"
        ))
    }

    fn hook(&self) -> PathBuf {
        self.directory.join("hooks/pre-receive")
    }

    fn install_hook(&self, script: &str) -> Result<(), Error> {
        let hook = self.hook();
        let io = |source| Error::Io { what: format!("write {}", hook.display()), source };
        std::fs::create_dir_all(self.directory.join("hooks")).map_err(io)?;
        let script = format!("#!/bin/sh\n{script}");
        // Written aside and renamed: a script open for writing cannot be executed.
        let aside = hook.with_extension("new");
        std::fs::write(&aside, script).map_err(io)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&aside, mode).map_err(io)?;
        std::fs::rename(&aside, &hook).map_err(io)
    }

    async fn git(&self, arguments: &[&str], input: &[u8]) -> Result<String, Error> {
        self.git_at(arguments, input, None).await
    }

    async fn git_at(&self, arguments: &[&str], input: &[u8], date: Option<&str>) -> Result<String, Error> {
        let io = |source| Error::Io { what: format!("run git in {}", self.directory.display()), source };
        let mut command = Command::new(super::program());
        command.args(arguments).current_dir(&self.directory).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs([("LANG", "C"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
        command.envs([
            ("GIT_DIR", "."),
            ("GIT_COMMITTER_NAME", "Dev"),
            ("GIT_COMMITTER_EMAIL", "dev@example.test"),
        ]);
        if let Some(date) = date {
            command.env("GIT_COMMITTER_DATE", date);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(io)?;
        let mut stdin = child.stdin.take();
        let feed = async {
            if let Some(stdin) = stdin.as_mut() {
                // What it did not want to read is its own affair: its exit status says whether that matters.
                let _broken = stdin.write_all(input).await;
            }
            drop(stdin);
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        let output = output.map_err(io)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Git {
            command: arguments.first().copied().unwrap_or_default().to_owned(),
            repository: self.directory.display().to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
