//! What the stand-in needs of Git, and ferry-git as the one who gives it.

use std::path::Path;

use async_trait::async_trait;
use ferry_git::{Access, Checkout, CommitPrefix, Git, Mirror, RepoUrl, Revision};

use super::directory::File;
use super::revision::Ref;

/// Why Git gave no answer; the text says what and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Repositories, read only.
#[async_trait]
pub trait Repositories: Send + Sync + 'static {
    /// The remote's references as they are now, `HEAD` among them; annotated tags lead to their commits.
    async fn refs(&self, url: &str) -> Result<Vec<Ref>, Error>;

    /// The full id of the commit that begins so.
    async fn commit(&self, url: &str, prefix: &str) -> Result<String, Error>;

    /// The files of a directory at a commit, with paths from there, sorted; those of directories below it only where
    /// `recurse`. `None`: there is no such directory.
    async fn files(
        &self,
        url: &str,
        commit: &str,
        path: &str,
        recurse: bool,
    ) -> Result<Option<Vec<File>>, Error>;
}

/// Repositories that anybody may read.
#[async_trait]
impl Repositories for Git {
    async fn refs(&self, url: &str) -> Result<Vec<Ref>, Error> {
        let listing = open(self, url)?.list().await.map_err(told)?;
        let head = listing.head.map(|commit| ("HEAD".to_owned(), commit.to_string()));
        let named = listing.refs.into_iter().map(|r| (r.name, r.peeled.unwrap_or(r.id).to_string()));
        Ok(head.into_iter().chain(named).collect())
    }

    async fn commit(&self, url: &str, prefix: &str) -> Result<String, Error> {
        let id = open(self, url)?.resolve(&revision(prefix)?).await.map_err(told)?;
        Ok(id.to_string())
    }

    async fn files(
        &self,
        url: &str,
        commit: &str,
        path: &str,
        recurse: bool,
    ) -> Result<Option<Vec<File>>, Error> {
        let directory = tempfile::tempdir().map_err(told)?;
        let mut checkout = Checkout::of(revision(commit)?);
        if !path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            checkout.sparse = vec![path.to_owned()];
        }
        open(self, url)?.check_out(directory.path(), &checkout).await.map_err(told)?;
        let root = directory.path().canonicalize().map_err(told)?;
        let Ok(below) = root.join(path).canonicalize() else { return Ok(None) };
        if !below.starts_with(&root) || !below.is_dir() {
            return Ok(None);
        }
        let mut files = Vec::new();
        read(&below, "", recurse, &mut files).map_err(told)?;
        files.sort();
        Ok(Some(files))
    }
}

fn open(git: &Git, url: &str) -> Result<Mirror, Error> {
    let url = RepoUrl::parse(url).map_err(told)?;
    git.mirror(&url, &Access::default()).map_err(told)
}

fn revision(commit: &str) -> Result<Revision, Error> {
    CommitPrefix::parse(commit).map(Revision::Commit).map_err(told)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: impl ToString) -> Error {
    Error(error.to_string())
}

/// Collects plain files; links are not followed, they could lead anywhere.
fn read(directory: &Path, prefix: &str, recurse: bool, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let path = format!("{prefix}{name}");
        if kind.is_file() {
            files.push((path, std::fs::read(entry.path())?));
        } else if kind.is_dir() && recurse && name != ".git" {
            read(&entry.path(), &format!("{path}/"), recurse, files)?;
        }
    }
    Ok(())
}
