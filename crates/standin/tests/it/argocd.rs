//! The stand-in for Argo CD on a real API server, with repositories in memory: what watchers of an Application see.

mod contested;
mod healing;
mod laws;
mod real_git;
mod recorded;
mod refusals;
mod repositories;
mod syncing;
mod world;
