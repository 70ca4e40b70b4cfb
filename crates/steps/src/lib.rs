//! The built-in promotion steps: one file each, one table.

mod archive;
mod argocd;
mod argocd_update;
mod argocd_wait;
mod chart;
mod commit_url;
mod compose_output;
mod config;
mod copy;
mod delete;
mod download;
mod email;
mod extract;
mod fail;
mod field;
mod file_write;
pub mod git;
mod git_clear;
mod git_clone;
mod git_commit;
mod git_push;
mod git_tag;
mod go_json;
mod helm_template;
mod helm_update_chart;
mod http;
mod http_download;
mod ignored;
pub mod json;
mod json_parse;
mod json_update;
pub mod key_path;
mod kustomize_build;
mod kustomize_set_image;
mod lent;
mod library;
mod manifests;
mod oci;
mod oci_download;
mod oci_push;
mod set_freight_alias;
mod set_metadata;
mod tar;
pub mod toml;
mod toml_parse;
mod toml_update;
mod untar;
mod update;
pub mod yaml;
mod yaml_merge;
mod yaml_parse;
mod yaml_update;

use std::time::Duration;

use ferry_engine::{Outcome, Output, StepDef, StepError, Wake, work};

/// All built-in steps. A new one is a file and a row here.
pub static BUILTIN: &[StepDef] = &[
    StepDef::of::<argocd_update::ArgoCdUpdate>(),
    StepDef::of::<argocd_wait::ArgoCdWait>(),
    StepDef::of::<compose_output::ComposeOutput>(),
    StepDef::of::<copy::Copy>(),
    StepDef::of::<delete::Delete>(),
    StepDef::of::<fail::Fail>(),
    StepDef::of::<file_write::FileWrite>(),
    StepDef::of::<git_clear::GitClear>(),
    StepDef::of::<git_clone::GitClone>(),
    StepDef::of::<git_commit::GitCommit>(),
    StepDef::of::<git_push::GitPush>(),
    StepDef::of::<git_tag::GitTag>(),
    StepDef::of::<helm_template::HelmTemplate>(),
    StepDef::of::<helm_update_chart::HelmUpdateChart>(),
    StepDef::of::<http::Http>(),
    StepDef::of::<http_download::HttpDownload>(),
    StepDef::of::<json_parse::JsonParse>(),
    StepDef::of::<json_update::JsonUpdate>(),
    StepDef::of::<kustomize_build::KustomizeBuild>(),
    StepDef::of::<kustomize_set_image::KustomizeSetImage>(),
    StepDef::of::<oci_download::OciDownload>(),
    StepDef::of::<oci_push::OciPush>(),
    StepDef::of::<set_freight_alias::SetFreightAlias>(),
    StepDef::of::<set_metadata::SetMetadata>(),
    StepDef::of::<tar::Tar>(),
    StepDef::of::<toml_parse::TomlParse>(),
    StepDef::of::<toml_update::TomlUpdate>(),
    StepDef::of::<untar::Untar>(),
    StepDef::of::<yaml_merge::YamlMerge>(),
    StepDef::of::<yaml_parse::YamlParse>(),
    StepDef::of::<yaml_update::YamlUpdate>(),
];

/// What went wrong with a file is an error of the attempt: a later one may find the file as it should be.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broke(e: work::Error) -> StepError {
    StepError::Retryable(e.to_string())
}

/// When to try again where there was no answer at all.
const AGAIN: Duration = Duration::from_secs(15);

/// A wait for what did not answer: that may heal, and is no error of the step's.
fn again(why: String) -> Outcome {
    let wake = Wake { after: Some(AGAIN), ..Wake::default() };
    Outcome::Waiting { why, wake, output: Output::none() }
}
