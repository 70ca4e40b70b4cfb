//! `git-tag`: tag the commit that a work tree is at.

use ferry_artifact::TagName;
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_git::{Error, Tag, WorkTree};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Text;
use crate::field::Of as _;
use crate::git::{self, failed};

/// Tag the commit that a work tree is at.
///
/// The tag has a message and an author of its own, who the checkout says; `git-push` with `tag` sends it. A tag of that
/// name, there or at the remote, is an error; with `force` one there is replaced, but one at the remote never is. The
/// output is `commit`, the id of the commit.
/// ```yaml
/// - uses: git-tag
///   as: tag
///   config:
///     path: out
///     tag: v${{ vars.version }}
///     message: Release ${{ vars.version }}
/// ```
// Fields that do not exist are passed over, as Kargo does with this step alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitTag {
    /// The work tree, or a directory in it.
    path: WorkPath,
    /// The tag's name.
    tag: Text,
    /// Its message.
    message: Text,
    /// Replace a tag of that name in the work tree.
    #[serde(default)]
    force: bool,
}

impl Step for GitTag {
    const KIND: &'static str = "git-tag";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let name = TagName::parse(&self.tag).map_err(|e| StepError::Retryable(e.to_string())).of("tag")?;
        let (tree, _) = git::open(ctx, &self.path).await?;
        if !self.force {
            refuse_taken(ctx, &tree, &name).await?;
        }
        let tag = Tag {
            name,
            message: self.message.to_string(),
            force: self.force,
            tagger: None,
            time: ctx.started_at,
        };
        let commit = tree.tag(&tag).await.map_err(failed)?;
        Ok(Outcome::Succeeded(Output::values([("commit", commit.as_str())])))
    }
}

/// A tag that could not be pushed is better not made.
async fn refuse_taken(ctx: &StepContext, tree: &WorkTree, name: &TagName) -> Result<(), StepError> {
    let url = tree.url().map_err(failed)?;
    let access = git::access(ctx, &url, tree.insecure_skip_tls_verify(), tree.blobless()).await?;
    let mirror = git::service(ctx)?.mirror(&url, &access).map_err(failed)?;
    let listing = mirror.list_tags().await.map_err(failed)?;
    let reference = name.full();
    // One cannot be a directory of another.
    let is_in =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let taken = |found: &str| found == reference || is_in(found, &reference) || is_in(&reference, found);
    if let Some(found) = listing.refs.iter().find(|found| taken(&found.name)) {
        let tag = found.name.strip_prefix("refs/tags/").unwrap_or(&found.name).to_owned();
        return Err(failed(Error::TagExists { tag, place: url.to_string() }));
    }
    Ok(())
}
