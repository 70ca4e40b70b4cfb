//! `git-push`: push the commits of a work tree to a branch.

use std::time::Duration;

use ferry_artifact::schema::at_most_one;
use ferry_artifact::{BranchName, CommitId, TagName, git_name};
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_git::{Mirror, Push, PushError, PushIntent, PushMode, PushTag, Pushed, Recorder, WorkTree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::broke;
use crate::commit_url::{Provider, commit_url};
use crate::config::{given, whole};
use crate::field::Of as _;
use crate::git::{self, Defaults, failed};

const ATTEMPTS: u32 = 10;

/// Push the commits of a work tree to a branch.
///
/// To the branch that is checked out, to `targetBranch`, or with `generateTargetBranch` to a branch of the
/// Promotion's own. If others have pushed meanwhile, their commits are integrated first and the push is tried again;
/// nobody's commit is lost, unless `force` is set. With `tag` only that tag is pushed, which `git-tag` has made; one that
/// the repository has already under that name is never replaced. At most one of `targetBranch`, `generateTargetBranch`
/// and `tag` may be given. The outputs are `commit`, `branch`, and `commitURL`
/// for known hosts.
/// ```yaml
/// - uses: git-push
///   as: push
///   config:
///     path: out
///     targetBranch: env/test
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("allOf" = exclusive()))]
pub struct GitPush {
    /// The work tree, or a directory in it.
    path: WorkPath,
    /// Push to a branch of the Promotion's own, `kargo/promotion/<name>`, whatever it held.
    #[serde(default)]
    generate_target_branch: bool,
    /// The branch to push to.
    #[serde(default)]
    target_branch: String,
    /// The tag to push.
    #[serde(default)]
    tag: String,
    /// Replace what the branch has.
    #[serde(default)]
    force: bool,
    /// How often to try where others push at the same time; 10 if not given.
    #[serde(default, deserialize_with = "whole")]
    #[schemars(with = "u32", range(min = 1, max = 2_147_483_647))]
    max_attempts: Option<u32>,
    /// What kind of host the repository is on; otherwise its name tells.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Provider")]
    provider: Option<Provider>,
}

impl Step for GitPush {
    const KIND: &'static str = "git-push";

    fn check(&self) -> Result<(), String> {
        let chosen = [self.generate_target_branch, !self.target_branch.is_empty(), !self.tag.is_empty()];
        if chosen.into_iter().filter(|given| *given).count() > 1 {
            return Err("give at most one of targetBranch, generateTargetBranch and tag".to_owned());
        }
        if self.force && !self.tag.is_empty() {
            return Err("force and tag exclude each other".to_owned());
        }
        if self.max_attempts.is_some_and(|n| n == 0 || n > 2_147_483_647) {
            return Err("maxAttempts must be between 1 and 2147483647".to_owned());
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let (tree, root) = git::open(ctx, &self.path).await?;
        let url = tree.url().map_err(failed)?;
        let git = git::service(ctx)?;
        let access = git::access(ctx, &url, tree.insecure_skip_tls_verify(), tree.blobless()).await?;
        let mirror = git.mirror(&url, &access).map_err(failed)?;
        let noted = git::noted(ctx);
        if !self.tag.is_empty() {
            return self.push_tag(ctx, (&tree, &root), &mirror, &noted).await;
        }
        let branch = self.branch(ctx, &tree)?;
        let policy = ctx.service::<Defaults>().map(|defaults| defaults.push_policy).unwrap_or_default();
        let force = self.force || self.generate_target_branch;
        let push = Push {
            mode: if force { PushMode::Force } else { PushMode::Integrate(policy) },
            max_attempts: self.max_attempts.unwrap_or(ATTEMPTS),
            deadline: time_left(ctx),
            previously_recorded: &noted,
            ..Push::of(&tree)
        };
        let pushed = git.branch(&mirror, &branch).push(&push, &mut Notes { ctx, path: &root }).await;
        let Pushed { commit, branch, .. } = pushed.map_err(not_pushed)?;
        git::remember_head(&ctx.work, &root, commit.as_str())?;
        Ok(Outcome::Succeeded(self.output(&commit, Some(&branch), url.as_str())))
    }
}

impl GitPush {
    /// Pushes the tag alone; commits that it needs go along.
    async fn push_tag(
        &self,
        ctx: &StepContext,
        (tree, path): (&WorkTree, &WorkPath),
        mirror: &Mirror,
        noted: &[PushIntent],
    ) -> StepResult {
        let name = TagName::parse(&self.tag).map_err(|e| unfit(&e)).of("tag")?;
        let max_attempts = self.max_attempts.unwrap_or(ATTEMPTS);
        let push = PushTag { work_tree: tree, name: &name, max_attempts, previously_recorded: noted };
        let pushed = mirror.push_tag(&push, &mut Notes { ctx, path }).await;
        pushed.map_err(not_pushed)?;
        let (commit, branch) = (tree.head().map_err(failed)?, tree.current_branch().map_err(failed)?);
        Ok(Outcome::Succeeded(self.output(&commit, branch.as_ref(), tree.url().map_err(failed)?.as_str())))
    }

    fn branch(&self, ctx: &StepContext, tree: &WorkTree) -> Result<BranchName, StepError> {
        if self.generate_target_branch {
            let name = format!("kargo/promotion/{}", ctx.promotion);
            return BranchName::parse(&name).map_err(|e| unfit(&e)).of("generateTargetBranch");
        }
        if self.target_branch.is_empty() {
            return tree.current_branch().map_err(failed)?.ok_or_else(|| {
                let path = self.path.as_written();
                StepError::Retryable(format!(
                    "{path:?} has a tag or commit checked out, no branch: give targetBranch"
                ))
            });
        }
        git::branch_name(&self.target_branch).of("targetBranch")
    }

    fn output(&self, commit: &CommitId, branch: Option<&BranchName>, url: &str) -> Output {
        let commit = commit.as_str();
        let mut values = Map::new();
        values.insert("commit".to_owned(), Value::from(commit));
        if let Some(branch) = branch {
            values.insert("branch".to_owned(), Value::from(branch.as_str()));
        }
        if let Some(url) = commit_url(url, self.provider, commit) {
            values.insert("commitURL".to_owned(), Value::from(url));
        }
        Output { values: Some(values), ..Output::none() }
    }
}

fn unfit(error: &git_name::Error) -> StepError {
    StepError::Retryable(error.to_string())
}

fn not_pushed(error: PushError<StepError>) -> StepError {
    match error {
        PushError::Git(error) => failed(error),
        PushError::Record(error) => error,
    }
}

/// What is left of the step's time.
fn time_left(ctx: &StepContext) -> Option<Duration> {
    ctx.deadline.map(|end| Duration::try_from(end.duration_since(ctx.now())).unwrap_or_default())
}

/// Where it goes is said once, and a tag is not forced.
fn exclusive() -> Value {
    json!([
        {"allOf": at_most_one(&["targetBranch", "generateTargetBranch", "tag"])},
        {"allOf": at_most_one(&["force", "tag"])},
    ])
}

/// Notes each push before it happens, and keeps the work tree's files before they change.
struct Notes<'a> {
    ctx: &'a StepContext,
    path: &'a WorkPath,
}

impl Recorder for Notes<'_> {
    type Error = StepError;

    async fn record(&mut self, intent: &PushIntent) -> Result<(), StepError> {
        git::note(self.ctx, intent).await
    }

    async fn advancing(&mut self, paths: &[String]) -> Result<(), StepError> {
        let (path, paths) = (self.path.clone(), paths.to_vec());
        self.ctx.work.blocking(move |work| work.materialize_work_tree(&path, &paths)).await.map_err(broke)?;
        Ok(())
    }
}
