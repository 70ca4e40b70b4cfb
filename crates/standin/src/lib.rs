//! What the demo and the tests have instead of a cluster with Argo CD: a stand-in controller and a loopback Git server.

pub mod argocd;
pub mod git_server;
