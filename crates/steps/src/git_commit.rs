//! `git-commit`: commit everything that changed in a work tree.

use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepResult};
use ferry_git::Commit;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Text, given};
use crate::git::{self, Author, failed};

/// Commit everything that changed in a work tree.
///
/// New, changed and removed files of the whole work tree become one commit, but for those that `.gitignore` leaves out. It is signed where its
/// author, or without one that of the checkout, has a `signingKey`. Lines `Co-authored-by: Name <address>` at the end of
/// the message name co-authors. Where nothing changed the step is skipped. The output is `commit`, the id of the new
/// commit or else of the one that is checked out.
/// ```yaml
/// - uses: git-commit
///   as: commit
///   config:
///     path: out
///     message: ${{ outputs.update.commitMessage }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitCommit {
    /// The work tree, or a directory in it.
    path: WorkPath,
    /// The message.
    message: Text,
    /// Who makes the commit; otherwise who the checkout says.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Author")]
    author: Option<Author>,
}

impl Step for GitCommit {
    const KIND: &'static str = "git-commit";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let author = match &self.author {
            Some(author) => {
                Some(ferry_git::Author { identity: author.identity(), signing_key: author.signing_key()? })
            }
            None => None,
        };
        let (tree, root) = git::open(ctx, &self.path).await?;
        let commit = Commit { message: self.message.to_string(), author, time: ctx.started_at };
        let committed = tree.commit(&commit).await.map_err(failed)?;
        git::remember_head(&ctx.work, &root, committed.id.as_str())?;
        let output = Output::values([("commit", committed.id.as_str())]);
        if committed.changed {
            return Ok(Outcome::Succeeded(output));
        }
        Ok(Outcome::Skipped(format!("nothing to commit in {:?}", self.path.as_written()), output))
    }
}
