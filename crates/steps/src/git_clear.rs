//! `git-clear`: remove all files of a work tree, so that what later steps put there replaces them.

use std::collections::BTreeSet;

use ferry_engine::work::{self, Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{broke, git};

/// Remove all files of a work tree, so that what later steps put there replaces them.
///
/// `.git` stays, and so do what `.gitignore` leaves out and work trees inside this one. There is no output.
/// ```yaml
/// - uses: git-clear
///   config:
///     path: out
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitClear {
    /// The work tree, or a directory in it, which alone is cleared then.
    path: WorkPath,
}

impl Step for GitClear {
    const KIND: &'static str = "git-clear";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let (tree, root) = git::open(ctx, &self.path).await?;
        let head = tree.head().map_err(git::failed)?;
        git::remember_head(&ctx.work, &root, head.as_str())?;
        let ignored = tree.ignored().await.map_err(git::failed)?;
        let kept = ignored.iter().filter_map(|path| root.join(path).ok()).collect();
        ctx.work.blocking(move |work| clear(work, &self.path, &kept)).await.map_err(broke)?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

/// Removes what is in a directory but what is to be kept, work trees, and what leads to them.
fn clear(work: &WorkDir, directory: &WorkPath, kept: &BTreeSet<WorkPath>) -> work::Result<()> {
    for entry in work.entries(directory)? {
        if entry.path.file_name() == Some(".git") || kept.contains(&entry.path) {
            continue;
        }
        let mut is_needed = false;
        if entry.kind == Kind::Directory {
            work.walk(&entry.path, |inner| {
                is_needed |= inner.path.file_name() == Some(".git") || kept.contains(&inner.path);
                !is_needed
            })?;
        }
        if !is_needed {
            work.remove(&entry.path)?;
        } else if work.kind_of_link(&entry.path.join(".git")?)?.is_none() {
            clear(work, &entry.path, kept)?;
        }
    }
    Ok(())
}
