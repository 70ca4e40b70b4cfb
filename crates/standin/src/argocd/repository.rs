//! What the stand-in needs of Git, and ferry-git as the one who gives it.

use async_trait::async_trait;

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
