//! Checking out: a fresh directory with the files of a commit, made from the mirror's objects.

use std::path::Path;

use ferry_artifact::{BranchName, CommitId, CommitPrefix, TagName};
use jiff::Timestamp;

use crate::commit::Header;
use crate::fetch::Want;
use crate::lfs::Files;
use crate::mirror::{Mirror, Revision, View};
use crate::remote::Extent;
use crate::settings::Identity;
use crate::sign::SigningKey;
use crate::state::{State, sparse_directories};
use crate::work_tree::{SIGNING_KEY, WorkTree, replace};
use crate::{Error, partial, submodule, template};

/// What to check out and how.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// What.
    pub revision: Revision,
    /// Make the branch if the remote does not have it: without history, with an empty first commit. It is not
    /// pushed by this.
    pub create: bool,
    /// Directories to restrict the files to; empty = everything.
    pub sparse: Vec<String>,
    /// Bring files of submodules too.
    pub recurse_submodules: bool,
    /// Who commits in this work tree; default: the service's identity.
    pub identity: Option<Identity>,
    /// What commits are signed with in this work tree.
    pub signing_key: Option<SigningKey>,
}

impl Checkout {
    /// Everything of a revision.
    pub fn of(revision: Revision) -> Self {
        Self {
            revision,
            create: false,
            sparse: Vec::new(),
            recurse_submodules: false,
            identity: None,
            signing_key: None,
        }
    }
}

/// A fresh work tree.
#[derive(Clone, Debug)]
pub struct CheckedOut {
    /// The work tree.
    pub work_tree: WorkTree,
    /// Its head commit.
    pub head: CommitId,
    /// The branch that commits go to, if a branch was checked out.
    pub branch: Option<BranchName>,
    /// Whether the branch was made because the remote does not have it; it exists nowhere else yet.
    pub created: bool,
}

/// What a revision is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) commit: CommitId,
    pub(crate) branch: Option<BranchName>,
}

impl Mirror {
    /// Fetches a revision and checks it out into a directory that is empty or not there.
    pub async fn check_out(&self, directory: &Path, checkout: &Checkout) -> Result<CheckedOut, Error> {
        let view = self.fetch_checkouts(std::slice::from_ref(checkout)).await?;
        view.check_out(directory, checkout).await
    }
}

impl View {
    /// Checks out a revision of this view (`Mirror::fetch_checkouts`) into a directory that is empty or not there.
    pub async fn check_out(&self, directory: &Path, checkout: &Checkout) -> Result<CheckedOut, Error> {
        let sparse = sparse_directories(&checkout.sparse)?;
        let settings = &self.mirror.runner().settings;
        let identity = checkout.identity.as_ref().unwrap_or(&settings.identity).checked()?;
        vacant(directory)?;
        let located = match self.locate(&checkout.revision).await {
            Ok(located) => Some(self.with_default_branch(located, &checkout.revision).await?),
            Err(Error::RefNotFound { .. } | Error::Empty { .. })
                if checkout.create && creatable(checkout) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let shared = self.mirror.shared();
        let state = State {
            mirror: shared.remote.id.clone(),
            url: shared.remote.address.clone(),
            identity,
            insecure_skip_tls_verify: shared.remote.insecure_skip_tls_verify,
            blobless: shared.remote.extent == Extent::Blobless,
            sparse,
        };
        let mirrors = shared.directory.parent().unwrap_or(&shared.directory);
        let tree = WorkTree::new(self.mirror.runner().clone(), mirrors, directory, state);
        let branch = match (&located, &checkout.revision) {
            (Some(located), _) => located.branch.clone(),
            (None, Revision::Branch(name)) => Some(name.clone()),
            (None, _) => None,
        };
        lay_out(&tree, branch.as_ref(), located.as_ref().map(|located| &located.commit))?;
        if let Some(key) = &checkout.signing_key {
            let sealed = self.mirror.runner().seal.close(key.armored())?;
            replace(&tree.git().join(SIGNING_KEY), &sealed)?;
        }
        ferry_failpoint::point!("checkout.laid-out");
        let created = located.is_none();
        let head = match located {
            Some(located) => {
                if !template::lend(&self.mirror, &tree, &located.commit, &self.ready).await? {
                    partial::files(&self.mirror, &tree, &located.commit).await?;
                    fill(&tree, &located.commit).await?;
                    Files::of(&tree, &self.mirror).bring(&located.commit).await?;
                }
                located.commit
            }
            None => begin(&tree).await?,
        };
        // A branch that was just made is empty.
        if checkout.recurse_submodules && !created {
            submodule::fill(&self.mirror, tree.directory(), &head).await?;
        }
        ferry_failpoint::point!("checkout.filled");
        Ok(CheckedOut { work_tree: tree, head, branch, created })
    }

    /// Which commit, and which branch, a revision is.
    pub(crate) async fn locate(&self, revision: &Revision) -> Result<Located, Error> {
        let found = match revision {
            Revision::Default => self.find(&Want::Head).await?.map(|commit| Located { commit, branch: None }),
            Revision::Branch(name) => self.find_branch(name).await?,
            Revision::Tag(name) => self.find_tag(name).await?,
            Revision::Commit(prefix) => self.find_commit_or_name(prefix).await?,
        };
        match found {
            Some(located) => Ok(located),
            None => Err(self.mirror.absent(revision).await),
        }
    }

    async fn find_branch(&self, name: &BranchName) -> Result<Option<Located>, Error> {
        let commit = self.find(&Want::Branch(name.clone())).await?;
        Ok(commit.map(|commit| Located { commit, branch: Some(name.clone()) }))
    }

    /// A tag; where there is none, a branch of that name.
    async fn find_tag(&self, name: &TagName) -> Result<Option<Located>, Error> {
        if let Some(commit) = self.find(&Want::Tag(name.clone())).await? {
            return Ok(Some(Located { commit, branch: None }));
        }
        let branch = BranchName::parse(name.as_str())?;
        let view = self.mirror.fetch([Want::Branch(branch.clone())]).await?;
        if let Some(located) = view.find_branch(&branch).await? {
            return Ok(Some(located));
        }
        let Ok(id) = CommitId::parse(name.as_str()) else { return Ok(None) };
        let view = self.mirror.fetch([Want::Commit(id.clone())]).await?;
        let commit = view.find_commit(&id.into()).await?;
        Ok(commit.map(|commit| Located { commit, branch: None }))
    }

    /// A commit; where there is none, a tag or a branch whose name looks like one.
    async fn find_commit_or_name(&self, prefix: &CommitPrefix) -> Result<Option<Located>, Error> {
        if let Some(commit) = self.find_commit(prefix).await? {
            return Ok(Some(Located { commit, branch: None }));
        }
        let name = TagName::parse(prefix.as_str())?;
        self.mirror.fetch([Want::Tag(name.clone())]).await?.find_tag(&name).await
    }

    /// The default branch has a name, which only a listing tells.
    async fn with_default_branch(&self, located: Located, revision: &Revision) -> Result<Located, Error> {
        if *revision != Revision::Default {
            return Ok(located);
        }
        let branch = self.mirror.list_head().await?.default_branch;
        Ok(Located { branch, ..located })
    }
}

/// Only a branch can be made.
fn creatable(checkout: &Checkout) -> bool {
    matches!(checkout.revision, Revision::Branch(_))
}

fn vacant(directory: &Path) -> Result<(), Error> {
    let failed = |error| Error::io(format!("read {}", directory.display()))(error);
    match std::fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Exists { directory: directory.to_owned() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(directory).map_err(failed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Error::Exists { directory: directory.to_owned() })
        }
        Err(error) => Err(failed(error)),
    }
}

/// Makes `.git`. The state comes last: without it the directory is no work tree.
pub(crate) fn lay_out(
    tree: &WorkTree,
    branch: Option<&BranchName>,
    commit: Option<&CommitId>,
) -> Result<(), Error> {
    let git = tree.git();
    for part in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
        let path = git.join(part);
        std::fs::create_dir_all(&path).map_err(Error::io(format!("make {}", path.display())))?;
    }
    match (branch, commit) {
        (Some(branch), _) => replace(&git.join("HEAD"), &format!("ref: {}\n", branch.full()))?,
        (None, Some(commit)) => replace(&git.join("HEAD"), &format!("{commit}\n"))?,
        (None, None) => {}
    }
    if let (Some(branch), Some(commit)) = (branch, commit) {
        replace(&git.join(branch.full()), &format!("{commit}\n"))?;
    }
    for (file, content) in tree.files() {
        replace(&git.join(file), &content)?;
    }
    Ok(())
}

async fn fill(tree: &WorkTree, commit: &CommitId) -> Result<(), Error> {
    tree.command("check out into").args(["read-tree", "--reset", "-u", commit.as_str()]).success().await?;
    Ok(())
}

/// An empty first commit, without a parent.
async fn begin(tree: &WorkTree) -> Result<CommitId, Error> {
    let empty = tree.command("write an empty tree in").args(["hash-object", "-t", "tree", "-w", "--stdin"]);
    let empty = empty.success().await?.text();
    let identity = tree.identity();
    let signing_key = tree.signing_key()?;
    let time = Timestamp::now();
    let header = Header { author: identity, committer: identity, time, signing_key: signing_key.as_ref() };
    let id = header.write(tree, &empty, None, "Initial commit\n").await?;
    tree.set_head(&id)?;
    fill(tree, &id).await?;
    Ok(id)
}
