//! The steps on real work directories, and what the real program answered replayed on them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod archives;
mod argocd;
mod bench;
mod canary;
mod chart_folders;
mod chart_versions;
mod charts;
mod control;
mod examples;
mod fields;
mod files;
mod git;
mod git_lfs;
mod git_steps;
mod git_tls;
mod git_world;
mod http;
mod kargo_schemas;
mod links;
mod local;
mod near;
mod oci;
mod programs;
mod reach;
mod registry;
mod schema;
mod set_values;
mod signing;
mod yaml;
mod yaml_merge;
mod yaml_read;
mod yaml_rules;
