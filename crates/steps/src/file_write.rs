//! `file-write`: write a text into a new file.

use std::borrow::Cow;

use ferry_engine::work::{Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::broke;
use crate::config::given;
use crate::field::Of;

/// The mode of the file where nothing is said.
const MODE: u32 = 0o600;
/// The mode of directories that are made for it.
const DIRECTORY_MODE: u32 = 0o700;
/// Bits that no file may have: it could be executed, or written by everybody.
const REFUSED: u32 = 0o113;

/// Write a text into a new file.
///
/// The path is relative, lies in the work directory, outside of its `.git`, and goes through no symbolic link. A file
/// that is there is replaced only with `overwrite`. `permissions` are octal, `0600` where they are not given; a file
/// that can be executed, or written by everybody, is refused. Missing directories are made, for the owner alone. There
/// is no output.
/// ```yaml
/// - uses: file-write
///   config:
///     path: out/release.txt
///     contents: |
///       ${{ ctx.targetFreight.name }}
///     permissions: "0644"
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileWrite {
    /// The file.
    path: WorkPath,
    /// What it will hold.
    contents: String,
    /// Who may do what with it, octal: `0600`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Permissions")]
    permissions: Option<Permissions>,
    /// Whether a file that is there is replaced.
    #[serde(default)]
    overwrite: bool,
}

/// Permission bits, as `0644`.
#[derive(Clone, Copy, Debug)]
struct Permissions(u32);

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octal = text.len() == 4 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        let bits = u32::from_str_radix(&text, 8).ok().filter(|_| octal);
        bits.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not like \"0644\"")))
    }
}

impl JsonSchema for Permissions {
    fn schema_name() -> Cow<'static, str> {
        "Permissions".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^0[0-7]{3}$"})
    }
}

impl Step for FileWrite {
    const KIND: &'static str = "file-write";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let written = ctx.work.blocking(move |work| Ok(self.write(work))).await;
        written.map_err(broke)??;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl FileWrite {
    fn write(&self, work: &WorkDir) -> Result<(), StepError> {
        let mode = self.permissions.map_or(MODE, |permissions| permissions.0);
        if mode & REFUSED != 0 {
            return Err(StepError::Failed(format!(
                "permissions {mode:04o} are refused: a file must not be executable or writable by everybody"
            )));
        }
        self.judge(work).of("path")?;
        if let Some(parent) = self.path.parent().filter(|parent| !parent.is_root()) {
            work.create_dir_all_with_mode(&parent, DIRECTORY_MODE).of("path")?;
        }
        work.write_with_mode(&self.path, self.contents.as_bytes(), mode).of("path")
    }

    /// Whether the file may be there.
    fn judge(&self, work: &WorkDir) -> Result<(), StepError> {
        let path = self.path.as_written();
        let refused = |why: String| Err(StepError::Failed(format!("{path:?} {why}")));
        if path.starts_with('/') {
            return refused("is absolute; write it relative to the work directory".to_owned());
        }
        if self.path.as_str().split('/').next() == Some(".git") {
            return refused("is in .git, where nothing may be written".to_owned());
        }
        if let Some(link) = self.link(work) {
            return refused(format!("goes through the symbolic link {link:?}"));
        }
        if !self.overwrite && work.exists(&self.path).map_err(broke)? {
            return refused("is there already; set overwrite to replace it".to_owned());
        }
        Ok(())
    }

    /// The first part of the path that is a link.
    fn link(&self, work: &WorkDir) -> Option<String> {
        let mut at = Some(self.path.clone());
        let mut found = None;
        while let Some(path) = at.filter(|path| !path.is_root()) {
            // Below a link or a file there is nothing to be found; what is above it is looked at next.
            if matches!(work.kind_of_link(&path), Ok(Some(Kind::Link))) {
                found = Some(path.as_str().to_owned());
            }
            at = path.parent();
        }
        found
    }
}
