//! A stand-in for Argo CD's application controller: obeys `.operation` and the refresh annotation of Applications,
//! applies plain manifests from Git, and moves their status by the laws that the recordings of the real one show.
//!
//! What is decided is pure ([`step`], [`comparison`], [`operation`]); [`controller`] and [`worker`] are the shell around it. It
//! knows neither Helm nor Kustomize nor server-side apply, and nobody moves the workloads that it makes ([`KINDS`]): it is
//! for demos and tests.

mod application;
mod cluster;
mod comparison;
mod controller;
mod crds;
mod directory;
mod execution;
mod health;
mod kinds;
mod merge;
mod observation;
mod operation;
mod repository;
mod resource;
mod revision;
mod settings;
mod spec;
mod step;
mod sync;
mod unwritten;
mod windows;
mod worker;

#[cfg(test)]
mod tests;

pub use controller::run;
pub use crds::crds;
pub use directory::File;
pub use kinds::{KINDS, Kind};
pub use repository::{Error as RepositoryError, Repositories};
pub use revision::Ref;
pub use settings::Settings;
