//! `git-clone`: check out branches, tags and commits of a repository.

use std::collections::HashSet;

use ferry_artifact::schema::at_most_one;
use ferry_artifact::{CommitPrefix, TagName};
use ferry_engine::work::{self, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_git::{
    Branch, CheckedOut, Checkout as Request, Mirror, Push, PushError, PushIntent, PushMode, PushPolicy,
    Recorder, Revision, View,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::broke;
use crate::config::{AtLeastOne, Text, given};
use crate::field::Of;
use crate::git::{self, Author, failed};

/// Check out branches, tags and commits of a repository.
///
/// Each entry of `checkout` puts the files of one revision at one path: a `branch`, a `tag`, a `commit`, or without
/// any of them the default branch. With `create`, a branch that the repository does not have yet is made, without
/// history and with an empty first commit. `sparse` names the directories that are wanted, all files in them and in
/// the directories above. Large files of Git LFS are in the place of their pointers where `git-lfs` is installed; what is
/// committed of them is sent before the push. The output is `commits`, the id of each checked out commit by `as` or by path.
/// ```yaml
/// - uses: git-clone
///   as: clone
///   config:
///     repoURL: https://github.com/example/shop.git
///     checkout:
///     - branch: main
///       path: src
///     - branch: env/test
///       create: true
///       path: out
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitClone {
    /// The repository.
    #[serde(rename = "repoURL")]
    repo_url: Text,
    /// Accept any certificate of the server.
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure_skip_tls_verify: bool,
    /// Bring files of submodules too; of their commits no history, where the server can leave it out.
    #[serde(default)]
    recurse_submodules: bool,
    /// Bring contents of files only when they are needed, where the server can do that: less to begin with, where
    /// a repository's history is large.
    #[serde(default)]
    blobless: bool,
    /// Who makes commits in these work trees, where the committing step does not say; otherwise `gitClient` of the
    /// ClusterConfig.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Author")]
    author: Option<Author>,
    /// What to check out, and where.
    checkout: AtLeastOne<Checkout>,
}

/// One revision at one path. At most one of `branch`, `commit` and `tag`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("allOf" = at_most_one(&["branch", "commit", "tag"])))]
struct Checkout {
    /// Where the files go: a path that is empty or not there.
    path: WorkPath,
    /// The name of the commit in the output; otherwise the path.
    #[serde(default, rename = "as")]
    alias: String,
    /// A branch.
    #[serde(default)]
    branch: String,
    /// A commit, by its id or the beginning of it; a tag's or branch's name does too.
    #[serde(default)]
    commit: String,
    /// A tag; a branch's name or a commit's whole id does too.
    #[serde(default)]
    tag: String,
    /// Make the branch where the repository does not have it.
    #[serde(default)]
    create: bool,
    /// The directories that are wanted.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "AtLeastOne<Text>")]
    sparse: Option<AtLeastOne<Text>>,
}

impl Step for GitClone {
    const KIND: &'static str = "git-clone";

    fn check(&self) -> Result<(), String> {
        let mut aliases = HashSet::new();
        for (i, checkout) in self.checkout.iter().enumerate() {
            let given = [&checkout.branch, &checkout.commit, &checkout.tag];
            if given.iter().filter(|text| !text.is_empty()).count() > 1 {
                return Err(format!("checkout[{i}]: give at most one of branch, commit and tag"));
            }
        }
        for (i, checkout) in self.checkout.iter().enumerate() {
            if !checkout.alias.is_empty() && !aliases.insert(&checkout.alias) {
                return Err(format!("checkout[{i}].as: {:?} is used twice", checkout.alias));
            }
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        let creates = self.checkout.iter().any(|checkout| checkout.create && !checkout.branch.is_empty());
        if creates { Effect::Writes } else { Effect::Reads }
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let url = git::repo_url(&self.repo_url).of("repoURL")?;
        let (identity, signing_key) = git::committer(ctx, self.author.as_ref()).await?;
        let git = git::service(ctx)?;
        let access = git::access(ctx, &url, self.insecure_skip_tls_verify, self.blobless).await?;
        let mirror = git.mirror(&url, &access).map_err(failed)?;
        let mut requests = Vec::new();
        for (i, checkout) in self.checkout.iter().enumerate() {
            let request = self.request(checkout, checkout.revision(&field(i))?);
            requests.push(Request {
                identity: identity.clone(),
                signing_key: signing_key.clone(),
                ..request
            });
        }
        let view = mirror.fetch_checkouts(&requests).await.map_err(failed)?;
        let mut heads = Vec::new();
        for (i, (checkout, request)) in self.checkout.iter().zip(&requests).enumerate() {
            heads.push(check_out(ctx, &view, checkout.path.clone(), request, &field(i)).await?);
        }
        let mut commits = Map::new();
        for (checkout, head) in self.checkout.iter().zip(heads) {
            // Nobody hears of a new branch before everything is here.
            if let (true, Some(branch)) = (head.created, &head.branch) {
                publish(ctx, &mirror, &git.branch(&mirror, branch), &head).await?;
            }
            let name = if checkout.alias.is_empty() { checkout.path.as_written() } else { &checkout.alias };
            commits.insert(name.to_owned(), Value::from(head.head.as_str()));
        }
        Ok(Outcome::Succeeded(Output::values([("commits", Value::Object(commits))])))
    }
}

impl GitClone {
    fn request(&self, checkout: &Checkout, revision: Revision) -> Request {
        let sparse =
            checkout.sparse.iter().flat_map(|list| list.iter()).map(|path| path.to_string()).collect();
        Request {
            create: checkout.create,
            sparse,
            recurse_submodules: self.recurse_submodules,
            ..Request::of(revision)
        }
    }
}

impl Checkout {
    /// `field` is where this entry is in the config.
    fn revision(&self, field: &str) -> Result<Revision, StepError> {
        if !self.branch.is_empty() {
            git::branch_name(&self.branch).map(Revision::Branch).of(format!("{field}.branch"))
        } else if !self.tag.is_empty() {
            named(&self.tag).of(format!("{field}.tag"))
        } else if !self.commit.is_empty() {
            let by_id = CommitPrefix::parse(&self.commit).map(Revision::Commit);
            let neither = |_| {
                let text = &self.commit;
                StepError::Retryable(format!(
                    "{text:?} is refused: give a commit's id or its first digits (4 at least), or the name of a tag or branch"
                ))
            };
            by_id.or_else(|_| named(&self.commit).map_err(neither)).of(format!("{field}.commit"))
        } else {
            Ok(Revision::Default)
        }
    }
}

/// What a name says where Git takes any: a tag, or else a branch.
fn named(text: &str) -> Result<Revision, StepError> {
    for heads in ["refs/heads/", "heads/"] {
        if let Some(name) = text.strip_prefix(heads) {
            return git::branch_name(name).map(Revision::Branch);
        }
    }
    let name = ["refs/tags/", "tags/"].iter().find_map(|tags| text.strip_prefix(tags)).unwrap_or(text);
    TagName::parse(name).map(Revision::Tag).map_err(|e| StepError::Retryable(e.to_string()))
}

/// Where an entry is in the config.
fn field(i: usize) -> String {
    format!("checkout[{i}]")
}

async fn check_out(
    ctx: &StepContext,
    view: &View,
    path: WorkPath,
    request: &Request,
    field: &str,
) -> Result<CheckedOut, StepError> {
    let at = path.clone();
    let directory = ctx.work.blocking(move |work| vacate(work, &at)).await.of(format!("{field}.path"))?;
    let Some(directory) = directory else {
        let text = format!(
            "{field}.path: {:?} already exists in the work directory: choose another path",
            path.as_written()
        );
        return Err(StepError::Retryable(text));
    };
    let head = view.check_out(&directory, request).await.map_err(failed).of(field)?;
    ctx.work.note(&path, &format!("commit:{}", head.head)).map_err(broke)?;
    Ok(head)
}

/// Makes room for a checkout; none where something is there already.
fn vacate(work: &WorkDir, path: &WorkPath) -> work::Result<Option<std::path::PathBuf>> {
    let is_empty = match work.kind(path)? {
        None => !work.exists(path)?,
        Some(work::Kind::Directory) => work.entries(path)?.is_empty(),
        Some(_) => false,
    };
    if is_empty { work.materialize_new(path).map(Some) } else { Ok(None) }
}

/// Pushes a branch that was made here, so that everybody has it.
async fn publish(
    ctx: &StepContext,
    mirror: &Mirror,
    branch: &Branch,
    head: &CheckedOut,
) -> Result<(), StepError> {
    struct Notes<'a>(&'a StepContext);
    impl Recorder for Notes<'_> {
        type Error = StepError;

        async fn record(&mut self, intent: &PushIntent) -> Result<(), StepError> {
            git::note(self.0, intent).await
        }
    }
    tracing::debug!(url = mirror.url(), branch = branch.name().as_str(), "pushing a new branch");
    let noted = git::noted(ctx);
    let mode = PushMode::Integrate(PushPolicy::None);
    let push = Push { mode, previously_recorded: &noted, ..Push::of(&head.work_tree) };
    match branch.push(&push, &mut Notes(ctx)).await {
        Ok(_) => Ok(()),
        Err(PushError::Git(error)) => Err(failed(error)),
        Err(PushError::Record(error)) => Err(error),
    }
}
