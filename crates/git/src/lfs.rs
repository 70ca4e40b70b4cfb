//! Large files: Git keeps a pointer in their place, and another server has the content. The real `git-lfs` turns one into
//! the other where files are checked out and added (as a filter of `git`, without a network); what it needs is brought
//! before, and what it made is sent before a push, from here, since every address is judged here.
//!
//! Where there is no `git-lfs`, pointers are what is checked out, as with Git itself.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ferry_artifact::repo_url::Transport;
use ferry_artifact::{CommitId, RepoUrl};
use ferry_lfs::{Login, Operation, Pointer, Server, Store};
use serde::Deserialize;

use crate::classify;
use crate::invocation::Invocation;
use crate::mirror::Mirror;
use crate::remote::{self, Remote, encoded};
use crate::work_tree::WorkTree;
use crate::{Error, Settings};

/// No `.gitattributes` that is larger is looked into.
const ATTRIBUTES: u64 = 1 << 20;
/// Larger blobs are no pointers.
const POINTER: u64 = 1024;
/// How many blobs are read at a time.
const BLOBS: usize = 16 * 1024;

/// Where the contents of a mirror are kept.
pub(crate) fn store(mirror: &Path) -> Store {
    Store::new(mirror.join("lfs"))
}

/// What makes `git` ask `git-lfs` about the files that are its own: what is added becomes a pointer with its content in the
/// store; what is checked out stays a pointer, until its content was brought ([`Files::bring`]).
pub(crate) fn filter(settings: &Settings, store: &Store) -> Vec<(String, String)> {
    let Some(program) = &settings.lfs else { return Vec::new() };
    let filter = [
        (PROCESS, format!("{} --skip", process(program))),
        ("filter.lfs.required", "true".to_owned()),
        ("lfs.storage", store.directory().display().to_string()),
        // It has no server, so it asks none.
        ("lfs.url", "https://none.invalid".to_owned()),
    ];
    filter.map(|(key, value)| (key.to_owned(), value)).into()
}

/// What it is called in Git's configuration.
const PROCESS: &str = "filter.lfs.process";

fn process(program: &Path) -> String {
    format!("'{}' filter-process", program.display().to_string().replace('\'', "'\\''"))
}

/// Files that were just checked out.
pub(crate) struct Files<'a> {
    mirror: &'a Mirror,
    directory: &'a Path,
    /// Where they belong to; otherwise they are nobody's and have their index elsewhere.
    tree: Option<&'a WorkTree>,
    index: PathBuf,
}

impl<'a> Files<'a> {
    /// Those of a work tree.
    pub(crate) fn of(tree: &'a WorkTree, mirror: &'a Mirror) -> Self {
        Self { mirror, directory: tree.directory(), tree: Some(tree), index: PathBuf::new() }
    }

    /// Those of a mirror in any directory.
    pub(crate) fn exported(mirror: &'a Mirror, directory: &'a Path, index: PathBuf) -> Self {
        Self { mirror, directory, tree: None, index }
    }

    /// A command that knows of these files.
    pub(crate) fn command(&self, operation: &'static str) -> Invocation<'_> {
        if let Some(tree) = self.tree {
            return tree.command(operation);
        }
        let command = self.mirror.command(operation).directory(self.directory);
        let command = command.env("GIT_WORK_TREE", self.directory).env("GIT_INDEX_FILE", &self.index);
        command.config(filter(&self.mirror.runner().settings, &self.store()))
    }

    fn store(&self) -> Store {
        store(&self.mirror.shared().directory)
    }

    /// Puts the large files of this commit into the place of their pointers.
    pub(crate) async fn bring(&self, commit: &CommitId) -> Result<(), Error> {
        self.bring_within(&[String::new()], commit).await
    }

    /// The same for files at or below these paths; the empty one is all of them.
    pub(crate) async fn bring_within(&self, within: &[String], commit: &CommitId) -> Result<(), Error> {
        let settings = &self.mirror.runner().settings;
        if within.is_empty() || !self.has_large_files().await? {
            return Ok(());
        }
        let Some(program) = &settings.lfs else {
            let url = self.mirror.url();
            tracing::warn!(url, "large files are checked out as pointers: git-lfs is not installed");
            return Ok(());
        };
        let configured = Configured::read(self, commit).await?;
        let mut files = self.pointers(&configured).await?;
        files.retain(|(file, _)| within.iter().any(|path| file.starts_with(path)));
        if files.is_empty() {
            return Ok(());
        }
        let store = self.store();
        let missing: BTreeMap<_, _> =
            files.iter().filter(|(_, p)| !store.has(p)).map(|(path, p)| (p.clone(), path)).collect();
        let size = missing.keys().fold(0_u64, |sum, pointer| sum.saturating_add(pointer.size()));
        if size > settings.lfs_limit {
            return Err(self.failed(format!(
                "its files of {} MiB are more than the {} MiB that one checkout may bring: leave some out (`sparse`, \
                 or lfs.fetchexclude in .lfsconfig), or allow more",
                size >> 20,
                settings.lfs_limit >> 20
            )));
        }
        if !missing.is_empty() {
            let server = server(self.mirror, configured.url.as_deref(), Operation::Download).await?;
            let pointers: Vec<_> = missing.keys().cloned().collect();
            let came = server.download(&store, &pointers).await;
            came.map_err(|e| self.failed(told(&e, |oid| named(&missing, oid))))?;
        }
        self.put(program, files.into_iter().map(|(path, _)| path).collect()).await
    }

    /// Whether any file is one of `git-lfs`.
    async fn has_large_files(&self) -> Result<bool, Error> {
        let attributes = self.command("list attributes of").args(["ls-files", "-z", "--"]);
        let attributes = paths(&attributes.arg(":(glob)**/.gitattributes").success().await?.stdout);
        let directory = self.directory.to_owned();
        let look = move || attributes.iter().any(|path| names_filter(&directory, path));
        tokio::task::spawn_blocking(look).await.map_err(|e| self.failed(e.to_string()))
    }

    /// The files whose pointers were checked out, but for those that the repository itself does not want to be brought.
    async fn pointers(&self, configured: &Configured) -> Result<Vec<(PathBuf, Pointer)>, Error> {
        const OURS: &str = ":(attr:filter=lfs)";
        let list = || self.command("list large files of").args(["ls-files", "-z", "--cached"]);
        let mut found = paths(&list().args(["--", OURS]).success().await?.stdout);
        for (patterns, wanted) in [(&configured.include, true), (&configured.exclude, false)] {
            if !patterns.is_empty() {
                let exclude = patterns.iter().map(|pattern| format!("--exclude={pattern}"));
                let matching = list().arg("--ignored").args(exclude).args(["--", OURS]).success().await?;
                let matching: HashSet<_> = paths(&matching.stdout).into_iter().collect();
                found.retain(|path| matching.contains(path) == wanted);
            }
        }
        let directory = self.directory.to_owned();
        let read = move || found.into_iter().filter_map(|path| pointer_at(&directory, path)).collect();
        tokio::task::spawn_blocking(read).await.map_err(|e| self.failed(e.to_string()))
    }

    /// Has `git` write these files once more, now that there is something to write.
    async fn put(&self, program: &Path, files: Vec<PathBuf>) -> Result<(), Error> {
        let input = files.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"].concat()).collect();
        let directory = self.directory.to_owned();
        // A file that looks as the index says it should would be left alone.
        let remove = move || files.iter().try_for_each(|path| std::fs::remove_file(directory.join(path)));
        let removed = tokio::task::spawn_blocking(remove).await.map_err(std::io::Error::other).flatten();
        removed.map_err(Error::io("remove a pointer"))?;
        let filter = [(PROCESS.to_owned(), process(program))];
        let command = self.command("check out large files into").config(filter);
        let command = command.args(["checkout-index", "--force", "--index", "-z", "--stdin"]).input(input);
        command.success().await.map(drop)
    }

    fn failed(&self, detail: impl AsRef<str>) -> Error {
        failed(self.mirror, detail)
    }
}

/// Sends what the commits of a work tree up to this one point to, where the server does not have it.
pub(crate) async fn send(mirror: &Mirror, tree: &WorkTree, tip: &CommitId) -> Result<(), Error> {
    let store = tree.lfs_store();
    // Without `git-lfs` no content was ever made here.
    if mirror.runner().settings.lfs.is_none() || !store.is_used() {
        return Ok(());
    }
    let pointers = new_pointers(tree, tip).await?;
    if pointers.is_empty() {
        return Ok(());
    }
    let configured = Configured::read(&Files::of(tree, mirror), tip).await?;
    let url = configured.push_url.or(configured.url);
    let server = server(mirror, url.as_deref(), Operation::Upload).await?;
    let all: Vec<_> = pointers.keys().cloned().collect();
    let sent = server.upload(&store, &all).await;
    sent.map_err(|e| failed(mirror, told(&e, |oid| named(&pointers, oid))))
}

/// Pointers in commits that did not come from the server, each with a path it is at.
async fn new_pointers(tree: &WorkTree, tip: &CommitId) -> Result<BTreeMap<Pointer, PathBuf>, Error> {
    let theirs = tree.mirror_command("list the refs of").args(["for-each-ref", "--format=^%(objectname)"]);
    let revisions = format!("{tip}\n{}\n", theirs.success().await?.text());
    let list = tree.command("list new files of").args(["rev-list", "--objects", "--stdin"]);
    let limit = format!("--filter=combine:object:type=blob+blob:limit={}", POINTER + 1);
    let output = list.arg(limit).input(revisions.into_bytes()).success().await?.stdout;
    let blobs: Vec<(&[u8], &[u8])> = output
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split_at_checked(line.iter().position(|byte| *byte == b' ')?))
        .map(|(id, path)| (id, path.get(1..).unwrap_or_default()))
        .collect();
    let mut pointers = BTreeMap::new();
    for some in blobs.chunks(BLOBS) {
        let ids = some.iter().flat_map(|(id, _)| [id, &b"\n"[..]].concat()).collect();
        let read = tree.command("read new files of").args(["cat-file", "--batch"]).input(ids);
        let read = read.success().await?.stdout;
        for (content, (_, path)) in contents(&read).zip(some) {
            if let Some(pointer) = Pointer::parse(content) {
                pointers.insert(pointer, PathBuf::from(OsStr::from_bytes(path)));
            }
        }
    }
    Ok(pointers)
}

/// What `cat-file --batch` says, one after the other: a line that ends in the size, so many bytes, a line end.
fn contents(mut output: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (line, rest) = output.split_at_checked(output.iter().position(|byte| *byte == b'\n')? + 1)?;
        let size = std::str::from_utf8(line).ok()?.trim_end().rsplit_once(' ')?.1.parse().ok()?;
        let (content, rest) = rest.split_at_checked(size)?;
        output = rest.get(1..).unwrap_or_default();
        Some(content)
    })
}

/// What the repository says in `.lfsconfig`, as far as it concerns us.
#[derive(Debug, Default)]
struct Configured {
    url: Option<String>,
    push_url: Option<String>,
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Configured {
    async fn read(files: &Files<'_>, commit: &CommitId) -> Result<Self, Error> {
        let command = files.command("read .lfsconfig of").args(["config", "--no-includes", "-z", "--list"]);
        let output = command.arg("--blob").arg(format!("{commit}:.lfsconfig")).run().await?;
        let mut configured = Self::default();
        // Mostly there is none.
        if !output.success {
            return Ok(configured);
        }
        let list =
            |value: &str| value.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        let text = String::from_utf8_lossy(&output.stdout);
        for (key, value) in text.split_terminator('\0').filter_map(|entry| entry.split_once('\n')) {
            match key {
                "lfs.url" => configured.url = Some(value.to_owned()),
                "lfs.pushurl" => configured.push_url = Some(value.to_owned()),
                "lfs.fetchinclude" => configured.include = list(value),
                "lfs.fetchexclude" => configured.exclude = list(value),
                _ => {}
            }
        }
        Ok(configured)
    }
}

/// Who has the contents of a repository: the server it names, or else the one that has the repository. The login goes to
/// the repository's own server only.
async fn server(mirror: &Mirror, named: Option<&str>, operation: Operation) -> Result<Server, Error> {
    let service = mirror.service();
    let (remote, is_named) = match named {
        Some(url) => {
            let url = RepoUrl::parse(url).map_err(|e| failed(mirror, format!(".lfsconfig: {e}")))?;
            (mirror.shared().remote.sibling(&url, service.settings(), service.salt())?, true)
        }
        None => (mirror.shared().remote.clone(), false),
    };
    let transport = RepoUrl::parse(&remote.address)?.transport();
    let (url, headers) = match transport {
        Transport::Ssh => authenticate(mirror, &remote, operation).await?,
        Transport::Http | Transport::Https if is_named => (remote.address.clone(), Vec::new()),
        Transport::Http | Transport::Https => (api_of(&remote.address), Vec::new()),
    };
    let login = remote.basic().map(|(scope, username, password)| Login {
        origin: scope.to_owned(),
        authorization: format!("Basic {}", encoded(username, password)),
    });
    let settings = service.settings();
    Ok(Server {
        http: mirror.runner().http.clone(),
        url: url.trim_end_matches('/').to_owned(),
        login,
        headers,
        insecure: remote.insecure_skip_tls_verify,
        deadline: settings.fetch_deadline,
        stall: settings.stall,
    })
}

/// Where the API is that belongs to a repository.
fn api_of(address: &str) -> String {
    let address = address.trim_end_matches('/');
    format!("{}.git/info/lfs", address.strip_suffix(".git").unwrap_or(address))
}

/// What a server says over SSH of where its contents are.
#[derive(Deserialize)]
struct Authenticated {
    #[serde(default)]
    href: String,
    #[serde(default)]
    header: BTreeMap<String, String>,
}

/// Asks over SSH where the API is and what it wants to see.
async fn authenticate(
    mirror: &Mirror,
    remote: &Remote,
    operation: Operation,
) -> Result<(String, Vec<(String, String)>), Error> {
    let target =
        remote::ssh_target(&remote.address).ok_or_else(|| failed(mirror, "the address names no path"))?;
    let port = target.port.map(|port| vec!["-p".to_owned(), port.to_string()]).unwrap_or_default();
    let path = target.path.replace('\'', "'\\''");
    let ask = format!("git-lfs-authenticate '{path}' {}", operation.as_str());
    // As `git` itself starts it.
    let command = mirror.command("ask for the large files of").remote(remote).program("/bin/sh");
    let command = command.args(["-c", r#"eval "$GIT_SSH_COMMAND \"\$@\"""#, "ssh"]).args(port);
    let output =
        command.args([&target.host, &ask]).deadline(mirror.runner().settings.list_deadline).success().await?;
    let answer: Authenticated = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(mirror, "what the server says to git-lfs-authenticate is not readable"))?;
    let host = target.host.rsplit_once('@').map_or(&*target.host, |(_, host)| host);
    let url = if answer.href.is_empty() {
        api_of(&format!("https://{host}/{}", target.path.trim_start_matches('/')))
    } else {
        answer.href
    };
    Ok((url, answer.header.into_iter().collect()))
}

fn failed(mirror: &Mirror, detail: impl AsRef<str>) -> Error {
    let detail = classify::redacted(detail.as_ref(), &mirror.shared().remote.secrets());
    Error::Lfs { url: mirror.url().to_owned(), detail }
}

/// An error with the file that it is about.
fn told(error: &ferry_lfs::Error, path_of: impl Fn(&str) -> Option<String>) -> String {
    match error {
        ferry_lfs::Error::Object { oid, why } => {
            path_of(oid).map_or_else(|| error.to_string(), |path| format!("{path}: {why} (object {oid})"))
        }
        _ => error.to_string(),
    }
}

fn named(files: &BTreeMap<Pointer, impl AsRef<Path>>, oid: &str) -> Option<String> {
    let found = files.iter().find(|(pointer, _)| pointer.oid() == oid);
    found.map(|(_, path)| path.as_ref().display().to_string())
}

fn paths(output: &[u8]) -> Vec<PathBuf> {
    let paths = output.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect()
}

/// A file where Git has one, and nothing that leads elsewhere on the way.
fn plain_file(directory: &Path, path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut whole = directory.to_owned();
    for part in path.parent()?.components() {
        whole.push(part);
        if !std::fs::symlink_metadata(&whole).ok()?.is_dir() {
            return None;
        }
    }
    whole.push(path.file_name()?);
    let found = std::fs::symlink_metadata(&whole).ok()?;
    (found.is_file() && found.len() <= most).then(|| std::fs::read(&whole).ok()).flatten()
}

fn names_filter(directory: &Path, attributes: &Path) -> bool {
    let text = plain_file(directory, attributes, ATTRIBUTES).unwrap_or_default();
    text.windows(10).any(|part| part == b"filter=lfs")
}

fn pointer_at(directory: &Path, path: PathBuf) -> Option<(PathBuf, Pointer)> {
    let pointer = Pointer::parse(&plain_file(directory, &path, POINTER)?)?;
    Some((path, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_beside_the_repository() {
        for address in ["https://h/a/b", "https://h/a/b/", "https://h/a/b.git", "https://h/a/b.git/"] {
            assert_eq!(api_of(address), "https://h/a/b.git/info/lfs", "{address}");
        }
    }

    #[test]
    fn blobs_are_read_by_their_size() {
        let output = b"aaaa blob 3\na\nb\nbbbb blob 0\n\ncccc blob 1\nx\n";
        assert_eq!(contents(output).collect::<Vec<_>>(), [&b"a\nb"[..], b"", b"x"]);
        assert_eq!(contents(b"aaaa blob 9\nshort").count(), 0);
    }

    #[test]
    fn nothing_is_read_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("in"), place.path().join("out"));
        std::fs::create_dir_all(inside.join("d")).and_then(|()| std::fs::create_dir(&outside)).unwrap();
        std::fs::write(outside.join("x"), "secret")
            .and_then(|()| std::fs::write(inside.join("d/x"), "own"))
            .unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("l")).unwrap();
        std::os::unix::fs::symlink(outside.join("x"), inside.join("d/l")).unwrap();
        let read = |path: &str| plain_file(&inside, Path::new(path), 100);
        assert_eq!(read("d/x").as_deref(), Some(&b"own"[..]));
        for path in ["l/x", "d/l", "d", "none", "d/x/y"] {
            assert_eq!(read(path), None, "{path}");
        }
        assert_eq!(plain_file(&inside, Path::new("d/x"), 2), None, "too large");
    }
}
