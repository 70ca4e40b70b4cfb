//! The stand-ins as their users see them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod argocd;
mod git_server;
