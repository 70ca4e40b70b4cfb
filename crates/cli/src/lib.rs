//! The command line: one verb per file.

pub mod crds;
