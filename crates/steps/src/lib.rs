//! The built-in promotion steps: one file each, one table.

mod archive;
mod argocd_update;
mod commit_url;
mod compose_output;
mod config;
mod copy;
mod delete;
mod extract;
mod fail;
mod file_write;
pub mod git;
mod git_clear;
mod git_clone;
mod git_commit;
mod git_push;
mod ignored;
pub mod json;
mod json_parse;
mod json_update;
pub mod key_path;
mod tar;
pub mod toml;
mod toml_parse;
mod toml_update;
mod untar;
mod update;
pub mod yaml;
mod yaml_parse;
mod yaml_update;

use ferry_engine::{StepDef, StepError, work};

/// All built-in steps. A new one is a file and a row here.
pub static BUILTIN: &[StepDef] = &[
    StepDef::of::<argocd_update::ArgoCdUpdate>(),
    StepDef::of::<compose_output::ComposeOutput>(),
    StepDef::of::<copy::Copy>(),
    StepDef::of::<delete::Delete>(),
    StepDef::of::<fail::Fail>(),
    StepDef::of::<file_write::FileWrite>(),
    StepDef::of::<git_clear::GitClear>(),
    StepDef::of::<git_clone::GitClone>(),
    StepDef::of::<git_commit::GitCommit>(),
    StepDef::of::<git_push::GitPush>(),
    StepDef::of::<json_parse::JsonParse>(),
    StepDef::of::<json_update::JsonUpdate>(),
    StepDef::of::<tar::Tar>(),
    StepDef::of::<toml_parse::TomlParse>(),
    StepDef::of::<toml_update::TomlUpdate>(),
    StepDef::of::<untar::Untar>(),
    StepDef::of::<yaml_parse::YamlParse>(),
    StepDef::of::<yaml_update::YamlUpdate>(),
];

/// What went wrong with a file is an error of the attempt: a later one may find the file as it should be.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broke(e: work::Error) -> StepError {
    StepError::Retryable(e.to_string())
}
