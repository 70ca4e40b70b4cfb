//! The steps on real work directories, and what the real program answered replayed on them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod argocd;
mod bench;
mod local;
mod schema;
mod yaml;
mod yaml_rules;
