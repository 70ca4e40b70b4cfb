//! `copy`: copy a file or a directory inside the work directory.

use ferry_engine::work::{Entry, Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::broke;
use crate::config::{Text, given};
use crate::field::Of as _;
use crate::ignored::Ignored;

/// Copy a file or a directory inside the work directory.
///
/// A directory is copied into the other: what is there already and has no namesake stays. Symbolic links in a
/// directory are left out, and so is everything called `.git`; `ignore` leaves out more, in the syntax of
/// `.gitignore`, counted from `inPath`. There is no output.
/// ```yaml
/// - uses: copy
///   config:
///     inPath: src/overlays/test
///     outPath: out
///     ignore: |
///       # only what is deployed
///       *.md
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Copy {
    /// The file or directory to copy.
    in_path: WorkPath,
    /// The file or directory to make.
    out_path: WorkPath,
    /// Patterns, one a line, of what is left out of a directory; the syntax is that of `.gitignore`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    ignore: Option<Text>,
}

impl Step for Copy {
    const KIND: &'static str = "copy";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let ignored = Ignored::read_as_written(self.ignore.as_deref().unwrap_or_default())?;
        if self.lies_in_itself(&ignored) {
            return Err(StepError::Retryable(format!(
                "cannot copy {:?} into itself: outPath {:?} lies inside inPath; ignore it or choose another",
                self.in_path.as_written(),
                self.out_path.as_written(),
            )));
        }
        let copied = ctx.work.blocking(move |work| Ok(self.copy(work, &ignored))).await;
        copied.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl Copy {
    fn copy(&self, work: &WorkDir, ignored: &Ignored) -> Result<(), StepError> {
        match work.kind(&self.in_path).of("inPath")? {
            Some(Kind::Directory) => {}
            Some(_) => return work.copy_file(&self.in_path, &self.out_path).of("outPath"),
            // Whatever it says of it is about what is missing.
            None => return work.copy_file(&self.in_path, &self.out_path).of("inPath"),
        }
        let entries = work.walk(&self.in_path, |entry| {
            entry.kind != Kind::Link && !is_ignored(ignored, &self.in_path, entry)
        });
        let entries = entries.of("inPath")?;
        work.create_dir_all(&self.out_path).of("outPath")?;
        for entry in entries {
            let below = entry.path.relative_to(&self.in_path).unwrap_or_default();
            let target = self.out_path.join(below).map_err(|e| broke(e.into()))?;
            match entry.kind {
                Kind::Directory => work.create_dir_all(&target).of("outPath")?,
                _ => work.copy_file(&entry.path, &target).of("outPath")?,
            }
        }
        Ok(())
    }

    /// Whether what is made would be part of what is copied.
    fn lies_in_itself(&self, ignored: &Ignored) -> bool {
        let Some(below) = self.out_path.relative_to(&self.in_path) else { return false };
        !below.is_empty() && !is_git(below) && !ignored.has_with_parents(below, true)
    }
}

fn is_ignored(ignored: &Ignored, base: &WorkPath, entry: &Entry) -> bool {
    let below = entry.path.relative_to(base).unwrap_or_default();
    is_git(below) || ignored.has(below, entry.kind == Kind::Directory)
}

fn is_git(below: &str) -> bool {
    below.split('/').any(|name| name == ".git")
}
