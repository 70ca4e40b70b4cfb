//! The command line as a whole: which verbs there are.

use clap::{Parser, Subcommand};

use crate::{config, verbs};

/// Moves Freight through Stages, and drives Argo CD Applications on the way.
#[derive(Debug, Parser)]
#[command(name = "ferry", version, propagate_version = true)]
pub(crate) struct Ferry {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start Ferry: alone with an API server of its own, or on a cluster (--kubeconfig, --in-cluster)
    Up(Box<config::Flags>),
    /// See it work: a commit on its way from test over uat to prod
    Demo(verbs::demo::Demo),
    /// List Projects, Warehouses, Freight, Stages, Promotions
    Get(ferry_cli::get::Get),
    /// Promote Freight to a Stage, or to all that follow one; or stop a Promotion
    Promote(Box<ferry_cli::promote::Promote>),
    /// Tell where a Promotion stands, on what it waits, and what would let it go on
    Explain(ferry_cli::explain::Explain),
    /// List the promotion steps, or show the reference of one
    Steps(ferry_cli::steps::Steps),
    /// Copy the database of a data directory into a new file, also while Ferry runs on it
    Backup(verbs::backup::Backup),
    /// Make a data directory from a copy that `ferry backup` wrote
    Restore(verbs::backup::Restore),
    /// Confine this process and become a program: how steps run helm and kustomize
    #[command(hide = true)]
    ExecChild(verbs::exec_child::ExecChild),
    /// Print Ferry's CustomResourceDefinitions as YAML
    Crds,
}
