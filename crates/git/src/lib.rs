//! Git: a mirror per repository and credential, working trees, commits, pushes that swap the expected head.
//!
//! [`Git`] is made once per process. [`Git::mirror`] names a repository as one credential may see it; reading it
//! always asks the server first ([`Mirror::fetch`]) and yields a [`View`] of what that request brought. A
//! [`WorkTree`] is a plain directory checked out of the mirror's objects; its commits go out through a [`Branch`],
//! which queues pushes, records them before they happen and swaps exactly the head it has seen.
//!
//! No caller sees a path inside a mirror or a `git` command line.

mod aside;
mod branch;
mod checkout;
mod classify;
mod commit;
mod credential;
mod diff;
mod error;
mod fetch;
mod history;
mod integrate;
mod invocation;
mod lfs;
mod listing;
mod message;
mod mirror;
mod nested;
mod partial;
mod process;
mod push;
mod queue;
mod reach;
mod redirect;
mod remote;
mod seal;
mod service;
mod settings;
mod sign;
mod state;
mod submodule;
mod tagging;
mod tags;
mod template;
mod work_tree;

pub use branch::{Branch, Push, PushError, PushIntent, PushMode, PushPolicy, Pushed, Recorder, Unrecorded};
pub use checkout::{CheckedOut, Checkout};
pub use commit::{Author, Commit, Committed};
pub use credential::{Access, Credential};
pub use diff::FileChange;
pub use error::{Error, Integration};
pub use fetch::Want;
pub use history::{CommitInfo, Log};
pub use listing::{Listing, RemoteRef};
pub use mirror::{Mirror, Revision, View};
pub use service::Git;
pub use settings::{Backoff, Identity, Settings};
pub use sign::SigningKey;
pub use tagging::{PushTag, PushedTag, Tag};
pub use tags::TagInfo;
pub use work_tree::{Status, WorkTree};

pub use ferry_artifact::{BranchName, CommitId, CommitPrefix, RepoUrl, TagName};
