//! What the other crates name things by: repository URLs and their normal forms, Git names, versions and
//! constraints, name and path patterns; and which addresses requests may go to. Pure text work: any crate may use it.

pub mod egress;
pub mod git_name;
pub mod pattern;
pub mod repo_url;
pub mod schema;
pub mod semver;
pub mod urls;

pub use git_name::{BranchName, CommitId, CommitPrefix, GitRef, TagName};
pub use repo_url::RepoUrl;
