//! `git-clear`: remove all files of a work tree, so that what later steps put there replaces them.

use ferry_engine::work::{self, Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{broke, git};

/// Remove all files of a work tree, so that what later steps put there replaces them.
///
/// `.git` stays, and so do work trees inside this one. There is no output.
/// ```yaml
/// - uses: git-clear
///   config:
///     path: out
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitClear {
    /// The work tree.
    path: WorkPath,
}

impl Step for GitClear {
    const KIND: &'static str = "git-clear";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let tree = git::open(ctx, &self.path).await?;
        let head = tree.head().map_err(git::failed)?;
        git::remember_head(&ctx.work, &self.path, head.as_str())?;
        ctx.work.blocking(move |work| clear(work, &self.path)).await.map_err(broke)?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// Removes what is in a directory but work trees and what leads to them.
fn clear(work: &WorkDir, directory: &WorkPath) -> work::Result<()> {
    for entry in work.entries(directory)? {
        if entry.path.file_name() == Some(".git") {
            continue;
        }
        let mut has_tree = false;
        if entry.kind == Kind::Directory {
            work.walk(&entry.path, |inner| {
                has_tree |= inner.path.file_name() == Some(".git");
                !has_tree
            })?;
        }
        if !has_tree {
            work.remove(&entry.path)?;
        } else if work.kind_of_link(&entry.path.join(".git")?)?.is_none() {
            clear(work, &entry.path)?;
        }
    }
    Ok(())
}
