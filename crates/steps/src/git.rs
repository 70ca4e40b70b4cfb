//! What the steps that work with Git share: opening a work tree, credentials, authors, what errors mean.

use std::path::PathBuf;

use ferry_artifact::BranchName;
use ferry_engine::credentials;
use ferry_engine::work::{Kind, WorkDir, WorkPath};
use ferry_engine::world::CredentialType;
use ferry_engine::{StepContext, StepError};
use ferry_git::{
    Access, Credential, Error, Git, Identity, Integration, PushIntent, PushPolicy, RepoUrl, SigningKey,
    WorkTree,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::broke;
use crate::config::{Text, given};
use crate::email::Email;
use crate::field::Of as _;

/// The kind of the intents that are noted before a push.
pub(crate) const PUSH: &str = "push";

/// What a process has chosen for all steps that work with Git; a shared service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// How commits of others are integrated before a push.
    pub push_policy: PushPolicy,
}

/// Who makes a commit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Author {
    /// The name.
    name: Text,
    /// The e-mail address.
    email: Email,
    /// A private OpenPGP key without a passphrase, as `gpg --armor --export-secret-keys` writes it, to sign with.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    signing_key: Option<String>,
}

impl Author {
    /// The name and the address.
    pub fn identity(&self) -> Identity {
        Identity::new(&*self.name, self.email.address())
    }

    /// What to sign with. Nothing is ever left unsigned that was to be signed.
    pub fn signing_key(&self) -> Result<Option<SigningKey>, StepError> {
        let given = self.signing_key.as_deref().filter(|key| !key.trim().is_empty());
        given
            .map(SigningKey::parse)
            .transpose()
            .map_err(|e| StepError::Failed(format!("author.signingKey: {e}")))
    }
}

/// Who commits and with which key: the author that a step names, or who commits in this installation.
pub(crate) async fn committer(
    ctx: &StepContext,
    author: Option<&Author>,
) -> Result<(Option<Identity>, Option<SigningKey>), StepError> {
    if let Some(author) = author {
        return Ok((Some(author.identity()), author.signing_key()?));
    }
    let Some(client) = ctx.git_client().await? else { return Ok((None, None)) };
    let key = client.signing_key.as_deref().map(SigningKey::parse).transpose();
    let key = key.map_err(|e| StepError::Failed(format!("gitClient of ClusterConfig \"cluster\": {e}")))?;
    Ok((Some(Identity::new(client.name, client.email)), key))
}

/// What an error of Git means for the step: most things outside may be right another time.
pub(crate) fn failed(error: Error) -> StepError {
    match error {
        Error::HostileUrl(_)
        | Error::RebaseUnsafe { .. }
        | Error::Conflict { during: Integration::Merge, .. } => StepError::Failed(error.to_string()),
        other => StepError::Retryable(other.to_string()),
    }
}

/// A repository's URL; anything that is none is refused at once.
pub(crate) fn repo_url(text: &str) -> Result<RepoUrl, StepError> {
    RepoUrl::parse(text).map_err(|e| StepError::Failed(e.to_string()))
}

/// With what right and care this Promotion speaks to a repository.
pub(crate) async fn access(
    ctx: &StepContext,
    url: &RepoUrl,
    insecure_skip_tls_verify: bool,
    blobless: bool,
) -> Result<Access, StepError> {
    let credential = ctx.credential(CredentialType::Git, url.as_str()).await?.map(|found| match found {
        credentials::Credential::Basic { username, password } => Credential::Basic { username, password },
        credentials::Credential::SshKey { private_key } => Credential::SshKey { private_key },
    });
    Ok(Access { credential, insecure_skip_tls_verify, blobless })
}

/// Git of this process.
pub(crate) fn service(ctx: &StepContext) -> Result<Git, StepError> {
    ctx.service::<Git>().map(|git| (*git).clone())
}

/// What earlier attempts, or this one before a crash, noted before they pushed.
pub(crate) fn noted(ctx: &StepContext) -> Vec<PushIntent> {
    ctx.ledger.recorded(PUSH).into_iter().filter_map(|intent| serde_json::from_value(intent).ok()).collect()
}

/// Notes a push in the ledger before it happens.
pub(crate) async fn note(ctx: &StepContext, intent: &PushIntent) -> Result<(), StepError> {
    let intent = serde_json::to_value(intent).map_err(|e| StepError::Fatal(e.to_string()))?;
    ctx.ledger.record(PUSH, intent).await
}

/// A work tree that an earlier step checked out, and where it is: at `path`, or around it. Its `.git` may be changed
/// from here on.
pub(crate) async fn open(ctx: &StepContext, path: &WorkPath) -> Result<(WorkTree, WorkPath), StepError> {
    let git = service(ctx)?;
    let inside = path.clone();
    let found = ctx.work.blocking(move |work| Ok(writable(work, &inside))).await;
    let (directory, root) = found.map_err(broke)?.of("path")?;
    let tree = tokio::task::spawn_blocking(move || git.open(&directory))
        .await
        .map_err(|e| StepError::Fatal(e.to_string()))?
        .map_err(failed)?;
    Ok((tree, root))
}

fn writable(work: &WorkDir, path: &WorkPath) -> Result<(PathBuf, WorkPath), StepError> {
    let root = work_tree_around(work, path)?;
    let directory = work.materialize_read_only(&root).map_err(broke)?;
    work.materialize_git_dir(&dot_git(&root)?).map_err(broke)?;
    Ok((directory, root))
}

/// The nearest directory from `path` upwards that has a `.git`, as Git itself looks for it.
fn work_tree_around(work: &WorkDir, path: &WorkPath) -> Result<WorkPath, StepError> {
    let is_directory = |path: &WorkPath| Ok(work.kind_of_link(path).map_err(broke)? == Some(Kind::Directory));
    let mut next = Some(path.clone());
    while let Some(directory) = next {
        if is_directory(&dot_git(&directory)?)? {
            return Ok(directory);
        }
        // From a link upwards is somewhere else.
        next = if is_directory(&directory)? { directory.parent() } else { None };
    }
    let what = path.as_written();
    Err(StepError::Retryable(format!("{what:?} is no Git work tree: check one out with git-clone first")))
}

/// A branch as users write it, also with `refs/heads/` before it.
pub(crate) fn branch_name(text: &str) -> Result<BranchName, StepError> {
    let name = text.strip_prefix("refs/heads/").unwrap_or(text);
    if name.starts_with("refs/") {
        let why = format!("branch {text:?} is refused: a branch is given by its name, or as refs/heads/NAME");
        return Err(StepError::Retryable(why));
    }
    BranchName::parse(name).map_err(|e| StepError::Retryable(e.to_string()))
}

/// The `.git` of a work tree.
pub(crate) fn dot_git(path: &WorkPath) -> Result<WorkPath, StepError> {
    path.join(".git").map_err(|e| broke(e.into()))
}

/// Says in the digest of the work directory that a work tree's `.git` is at a commit: the rest of it is only a cache.
pub(crate) fn remember_head(work: &WorkDir, path: &WorkPath, head: &str) -> Result<(), StepError> {
    work.note(&dot_git(path)?, &format!("commit:{head}")).map_err(broke)
}
