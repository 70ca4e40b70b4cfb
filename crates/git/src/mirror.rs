//! A repository as one credential may see it, kept on disk between requests: bare, incremental, never collected
//! (work trees borrow its objects). Reading always contacts the server first and yields a view.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_artifact::{BranchName, CommitId, CommitPrefix, TagName};
use ferry_lfs::Store;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::RwLock;

use crate::checkout::Checkout;
use crate::fetch::{Brought, Flight, Want};
use crate::invocation::{Invocation, Runner};
use crate::listing::Listing;
use crate::remote::Remote;
use crate::template::Ready;
use crate::work_tree::WorkTree;
use crate::{Error, Git, lfs, template};

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revision {
    /// The branch the remote's `HEAD` names.
    Default,
    /// A branch.
    Branch(BranchName),
    /// A tag; where there is none, a branch of that name (as recorded), or the commit of that whole id.
    Tag(TagName),
    /// A commit, by its id or the beginning of it; where there is none, a tag or branch of that name.
    Commit(CommitPrefix),
}

impl Revision {
    /// What to fetch for it.
    fn want(&self) -> Want {
        match self {
            Self::Default => Want::Head,
            Self::Branch(name) => Want::Branch(name.clone()),
            Self::Tag(name) => Want::Tag(name.clone()),
            Self::Commit(prefix) => match CommitId::parse(prefix.as_str()) {
                Ok(id) => Want::Commit(id),
                Err(_shortened) => Want::Everything,
            },
        }
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("the default branch"),
            Self::Branch(name) => write!(f, "branch {:?}", name.as_str()),
            Self::Tag(name) => write!(f, "tag or branch {:?}", name.as_str()),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}

/// What all users of one mirror share.
pub(crate) struct Shared {
    pub(crate) remote: Remote,
    pub(crate) directory: PathBuf,
    pub(crate) flight: Flight,
    /// Files that are lent to work trees, by their directory.
    pub(crate) templates: Mutex<HashMap<PathBuf, Arc<RwLock<template::At>>>>,
}

/// Shows no credential.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("url", &self.remote.shown).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(remote: Remote, mirrors: &Path) -> Self {
        let directory = mirrors.join(&remote.id);
        Self { remote, directory, flight: Flight::default(), templates: Mutex::default() }
    }
}

/// A repository as one credential may see it. Cheap to clone; nothing happens until something is asked.
#[derive(Clone, Debug)]
pub struct Mirror {
    git: Git,
    shared: Arc<Shared>,
}

/// What one successful request brought: proof that the server accepted the credential for it. Reads the mirror
/// without asking the server again.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) mirror: Mirror,
    pub(crate) brought: Arc<Brought>,
    /// Work trees for what will be checked out.
    pub(crate) ready: Arc<Ready>,
}

impl Mirror {
    pub(crate) fn new(git: Git, shared: Arc<Shared>) -> Self {
        Self { git, shared }
    }

    pub(crate) fn service(&self) -> &Git {
        &self.git
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where its large files are.
    pub(crate) fn lfs_store(&self) -> Store {
        lfs::store(self.git.mirrors(), &self.shared.remote.id)
    }

    pub(crate) fn runner(&self) -> &Arc<Runner> {
        self.git.runner()
    }

    /// The URL, without user and password.
    pub fn url(&self) -> &str {
        &self.shared.remote.shown
    }

    pub(crate) fn command(&self, operation: &'static str) -> Invocation<'_> {
        self.runner().bare(operation, &self.shared.directory).on(self.url())
    }

    /// Whether it is the same repository by the same credential.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Copies a commit of a work tree, and what it needs beyond `base`, into the mirror, where nothing points to it.
    /// What is read is hashed anew on its way, so a damaged work tree cannot damage the mirror.
    pub(crate) async fn take(
        &self,
        tree: &WorkTree,
        commit: &CommitId,
        base: Option<&CommitId>,
    ) -> Result<(), Error> {
        let without = base.map(|base| format!("^{base}\n")).unwrap_or_default();
        let pack = tree.command("pack the commits of").args(["pack-objects", "--revs", "--stdout", "-q"]);
        let pack = pack.arg("--delta-base-offset").input(format!("{commit}\n{without}").into_bytes());
        let pack = pack.success().await?.stdout;
        let unpack = self.command("take commits into").args(["unpack-objects", "-q"]);
        unpack.input(pack).success().await.map(|_| ())
    }

    /// Fetches what is wanted. Callers that ask while a fetch runs share the next one; what is not there on the
    /// remote is no error here, but when it is asked for.
    pub async fn fetch(&self, wants: impl IntoIterator<Item = Want>) -> Result<View, Error> {
        let brought = crate::fetch::join(self, wants.into_iter().collect()).await?;
        Ok(View { mirror: self.clone(), brought, ready: Arc::default() })
    }

    /// Fetches what is to be checked out, so that the view can check out all of it. Work trees that came back are put
    /// right meanwhile.
    pub async fn fetch_checkouts(&self, checkouts: &[Checkout]) -> Result<View, Error> {
        let ready = Arc::new(Ready::begin(self, checkouts));
        let view = self.fetch(checkouts.iter().map(|checkout| checkout.revision.want())).await?;
        Ok(View { ready, ..view })
    }

    /// Fetches a revision and says which commit it is.
    pub async fn fetch_revision(&self, revision: &Revision) -> Result<(View, CommitId), Error> {
        let view = self.fetch([revision.want()]).await?;
        let id = view.resolve(revision).await?;
        Ok((view, id))
    }

    /// Which commit a revision is now.
    pub async fn resolve(&self, revision: &Revision) -> Result<CommitId, Error> {
        self.fetch_revision(revision).await.map(|(_, id)| id)
    }

    /// Why a revision is not there: it is missing, or there is nothing at all.
    pub(crate) async fn absent(&self, revision: &Revision) -> Error {
        let url = self.url().to_owned();
        match self.list().await {
            Ok(Listing { refs, .. }) if refs.is_empty() => Error::Empty { url },
            Ok(_) => Error::RefNotFound { url, what: revision.to_string() },
            Err(error) => error,
        }
    }
}

impl View {
    /// Its mirror.
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Which commit a revision of this view is.
    pub async fn resolve(&self, revision: &Revision) -> Result<CommitId, Error> {
        self.locate(revision).await.map(|located| located.commit)
    }

    /// The commit of something that was wanted; `None` if the remote does not have it.
    pub async fn find(&self, want: &Want) -> Result<Option<CommitId>, Error> {
        if self.brought.missing.contains(want) {
            return Ok(None);
        }
        match want.local() {
            Some(reference) => self.verify(&format!("{reference}^{{commit}}")).await,
            None => Ok(None),
        }
    }

    /// A commit by its id or the beginning of it (if only one begins so).
    pub(crate) async fn find_commit(&self, prefix: &CommitPrefix) -> Result<Option<CommitId>, Error> {
        if let Some(id) = self.complete(prefix).await? {
            return Ok(Some(id));
        }
        // The server may not give single commits: look in all branches and tags.
        self.mirror.fetch([Want::Everything]).await?.complete(prefix).await
    }

    /// Asks for objects, not for revisions: a branch may be named like the beginning of an id.
    async fn complete(&self, prefix: &CommitPrefix) -> Result<Option<CommitId>, Error> {
        let command = self.mirror.command("look up a commit in").arg("rev-parse");
        let objects = command.arg(format!("--disambiguate={prefix}")).success().await?.text();
        let command = self.mirror.command("look up a commit in").args(["cat-file", "--batch-check"]);
        let known = command.input((objects + "\n").into_bytes()).success().await?.text();
        let mut commits = known.lines().filter_map(|line| line.split_once(" commit ")).map(|(id, _)| id);
        match (commits.next(), commits.next()) {
            (Some(id), None) => Ok(CommitId::parse(id).ok()),
            _ => Ok(None),
        }
    }

    pub(crate) async fn has_commit(&self, id: &CommitId) -> Result<bool, Error> {
        let command = self.mirror.command("look up a commit in").args(["cat-file", "-e"]);
        Ok(command.arg(format!("{id}^{{commit}}")).run().await?.success)
    }

    async fn verify(&self, expression: &str) -> Result<Option<CommitId>, Error> {
        let command = self.mirror.command("resolve a revision of");
        let output =
            command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", expression]).run().await?;
        Ok(output.success.then(|| output.text()).and_then(|text| CommitId::parse(&text).ok()))
    }
}

/// A name of our own for a remote's ref: `a` and `a/b` can both be kept, though Git could not at one time.
pub(crate) fn kept_as(kind: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name.as_bytes()));
    format!("refs/kept/{kind}/{}", hash.get(..40).unwrap_or_default())
}
