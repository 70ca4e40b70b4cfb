//! `yaml-merge`: merge YAML files into one.

use std::fmt::Write as _;

use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::AtLeastOne;
use crate::field::Of as _;
use crate::{broke, yaml};

/// Merge YAML files into one.
///
/// Each file is merged into what the files before it became. Maps are merged key by key, and null removes a key;
/// everything else, lists too, replaces what was there. In Kubernetes' own kinds, lists as `containers` and `env` are
/// merged by their names. `$patch: replace` and `$patch: delete` in a map replace or remove it; alone in an element of
/// such a list they do so with the list. What the later files do not speak of stays as the first file has it: comments,
/// order, quotes, anchors, line ends and further documents. Of a later file only the first document counts. With `ignoreMissingFiles`, files that are not there are passed over. The
/// output is `commitMessage`, which tells what was merged.
/// ```yaml
/// - uses: yaml-merge
///   as: merge
///   config:
///     inFiles:
///     - src/charts/app/values.yaml
///     - src/charts/app/values-test.yaml
///     outFile: out/values.yaml
///     ignoreMissingFiles: true
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct YamlMerge {
    /// The files, the one that the others are merged into first.
    in_files: AtLeastOne<String>,
    /// The file that is written.
    out_file: WorkPath,
    /// Whether a file that is not there is passed over.
    #[serde(default)]
    ignore_missing_files: bool,
}

impl Step for YamlMerge {
    const KIND: &'static str = "yaml-merge";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let merged = ctx.work.blocking(move |work| Ok(self.merge(work))).await;
        let output = match merged.map_err(broke)?? {
            Some(message) => Output::values([("commitMessage", message)]),
            None => Output::none(),
        };
        Ok(Outcome::Succeeded(output))
    }
}

impl YamlMerge {
    /// What was merged; nothing where all the files are missing.
    fn merge(&self, work: &WorkDir) -> Result<Option<String>, StepError> {
        let mut merged: Option<String> = None;
        let mut found = Vec::new();
        for (i, path) in self.in_files.iter().enumerate() {
            let field = format!("inFiles[{i}]");
            let path = WorkPath::parse(path).map_err(|e| StepError::Retryable(e.to_string())).of(&field)?;
            let text = match work.read_text(&path) {
                Err(e) if e.is_missing() && self.ignore_missing_files => continue,
                text => text.of(&field)?,
            };
            let after = yaml::merge(merged.as_deref().unwrap_or_default(), &text).map_err(|e| {
                StepError::Retryable(format!("{field}: cannot merge {:?}: {e}", path.as_written()))
            })?;
            merged = Some(after);
            found.push(path);
        }
        if let Some(parent) = self.out_file.parent().filter(|parent| !parent.is_root()) {
            work.create_dir_all(&parent).of("outFile")?;
        }
        work.write(&self.out_file, merged.unwrap_or_default().as_bytes()).of("outFile")?;
        let out = self.out_file.as_written();
        Ok(match found.as_slice() {
            [] => None,
            [one] => Some(format!("Wrote {} to {out}", one.as_written())),
            several => {
                let mut message = format!("Merged {} YAML files to {out}", several.len());
                for path in several {
                    let _ = write!(message, "\n- {}", path.as_written());
                }
                Some(message)
            }
        })
    }
}
