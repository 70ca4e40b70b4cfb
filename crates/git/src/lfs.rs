//! Large files: Git keeps a pointer in their place, and another server has the content. The real `git-lfs` turns one into
//! the other where files are checked out and added (as a filter of `git`, without a network); what it needs is brought
//! before, and what it made is sent before a push, from here, since every address is judged here.
//!
//! Where there is no `git-lfs`, pointers are what is checked out, as with Git itself.

mod endpoint;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ferry_artifact::CommitId;
use ferry_lfs::{Operation, Pointer, Store};

use self::endpoint::{Configured, server};
use crate::classify;
use crate::invocation::Invocation;
use crate::mirror::Mirror;
use crate::work_tree::WorkTree;
use crate::{Error, Settings, template};

/// No `.gitattributes` that is larger is looked into.
const ATTRIBUTES: u64 = 1 << 20;
/// Larger blobs are no pointers.
const POINTER: u64 = 1024;
/// How many blobs are read at a time.
const BLOBS: usize = 16 * 1024;

/// Where the contents of a mirror are kept: beside the mirrors, since one that is damaged is made anew, and what was not
/// pushed yet is nowhere else.
pub(crate) fn store(mirrors: &Path, mirror: &str) -> Store {
    Store::new(mirrors.with_file_name("lfs").join(mirror))
}

/// Removes what a killed process left on its way into any store, and what a machine that went down left damaged.
pub(crate) fn sweep(mirrors: &Path) -> std::io::Result<()> {
    let place = mirrors.with_file_name("lfs");
    let note = place.join(BOOT);
    let boot = template::boot();
    let is_same = std::fs::read_to_string(&note).is_ok_and(|noted| noted == boot && !boot.is_empty());
    std::fs::create_dir_all(&place)?;
    for entry in std::fs::read_dir(&place)?.flatten().filter(|entry| entry.path().is_dir()) {
        let store = Store::new(entry.path());
        store.sweep()?;
        if !is_same {
            store.heal()?;
        }
    }
    if is_same { Ok(()) } else { std::fs::write(note, boot) }
}

/// The file that says which boot of the machine the stores were last used in.
const BOOT: &str = "boot";

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

    /// That of the mirror whose objects are borrowed; who pushes may be somebody else.
    fn store(&self) -> Store {
        self.tree.map_or_else(|| self.mirror.lfs_store(), WorkTree::lfs_store)
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
        let within: HashSet<&Path> = within.iter().map(Path::new).collect();
        files.retain(|(file, _)| file.ancestors().any(|path| within.contains(path)));
        if files.is_empty() {
            return Ok(());
        }
        let store = self.store();
        let missing: BTreeMap<_, _> =
            files.iter().filter(|(_, p)| !store.has(p)).map(|(path, p)| (p.clone(), path)).collect();
        // One content may be at many paths.
        let size = files.iter().fold(0_u64, |sum, (_, pointer)| sum.saturating_add(pointer.size()));
        if size > settings.lfs_limit {
            return Err(self.failed(format!(
                "its files of {} MiB are more than the {} MiB that one checkout may have: leave some out (`sparse`, \
                 or lfs.fetchexclude in .lfsconfig), or allow more",
                size >> 20,
                settings.lfs_limit >> 20
            )));
        }
        if !missing.is_empty() {
            let server = server(self.mirror, configured.url.as_deref(), Operation::Download).await;
            let server = server.map_err(|e| self.failed(e.to_string()))?;
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
        let age = move || files.iter().try_for_each(|path| age(&directory.join(path)));
        let aged = tokio::task::spawn_blocking(age).await.map_err(std::io::Error::other).flatten();
        aged.map_err(|e| self.failed(format!("a pointer cannot be replaced: {e}")))?;
        let filter = [(PROCESS.to_owned(), process(program))];
        let command = self.command("check out large files into").config(filter);
        let command = command.args(["checkout-index", "--force", "--index", "-z", "--stdin"]).input(input);
        command.success().await.map(drop).map_err(|e| self.failed(e.to_string()))
    }

    fn failed(&self, detail: impl AsRef<str>) -> Error {
        failed(self.mirror, detail)
    }
}

/// Sends what the commits of a work tree up to this one point to, where the server does not have it.
pub(crate) async fn send(mirror: &Mirror, tree: &WorkTree, tip: &CommitId) -> Result<(), Error> {
    let files = Files::of(tree, mirror);
    // Without `git-lfs` no content was ever made here.
    if mirror.runner().settings.lfs.is_none() || !files.has_large_files().await? {
        return Ok(());
    }
    let pointers = new_pointers(tree, tip).await?;
    if pointers.is_empty() {
        return Ok(());
    }
    let configured = Configured::read(&files, tip).await?;
    let url = configured.push_url.or(configured.url);
    let server = server(mirror, url.as_deref(), Operation::Upload).await;
    let server = server.map_err(|e| failed(mirror, e.to_string()))?;
    let all: Vec<_> = pointers.keys().cloned().collect();
    let sent = server.upload(&files.store(), &all).await;
    sent.map_err(|e| failed(mirror, told(&e, |oid| named(&pointers, oid))))
}

/// Pointers in commits that did not come from the server, each with a path it is at.
async fn new_pointers(tree: &WorkTree, tip: &CommitId) -> Result<BTreeMap<Pointer, PathBuf>, Error> {
    let theirs = tree.mirror_command("list the refs of").args(["for-each-ref", "--format=^%(objectname)"]);
    let revisions = format!("{tip}\n{}\n", theirs.success().await?.text());
    let list = tree.command("list new files of");
    let list = list.args(["rev-list", "--objects", "--missing=allow-any", "--stdin"]);
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

fn failed(mirror: &Mirror, detail: impl AsRef<str>) -> Error {
    let detail = classify::redacted(detail.as_ref(), &mirror.shared().remote.secrets());
    Error::Lfs { url: mirror.url().to_owned(), detail }
}

/// An error with the file that it is about.
fn told(error: &ferry_lfs::Error, path_of: impl Fn(&str) -> Option<String>) -> String {
    match error {
        ferry_lfs::Error::Object { oid, why, .. } => {
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

/// Makes a file look older than the index says it is.
fn age(file: &Path) -> std::io::Result<()> {
    std::fs::File::open(file)?.set_modified(SystemTime::UNIX_EPOCH)
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
