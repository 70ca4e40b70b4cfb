//! `ferry backup` and `ferry restore`: a copy of the database while Ferry works, and a data directory made of one.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

/// Copy the database of a data directory into a new file, also while Ferry runs on it
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; it must not be there yet. Secrets are plain in it
    file: PathBuf,
    /// The data directory
    #[arg(long, env = "FERRY_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// Make a data directory from a copy that `ferry backup` wrote
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The copy
    file: PathBuf,
    /// The data directory to make; it must not have a database
    #[arg(long, env = "FERRY_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Backup {
    pub(crate) fn run(self) -> Result<()> {
        let directory = directory(self.data_dir)?;
        Ok(ferry_store::backup(&directory, &self.file)?)
    }
}

impl Restore {
    pub(crate) fn run(self) -> Result<()> {
        let directory = directory(self.data_dir)?;
        Ok(ferry_store::restore(&self.file, &directory)?)
    }
}

fn directory(given: Option<PathBuf>) -> Result<PathBuf> {
    Ok(given.map_or_else(crate::config::default_data_dir, Ok)?)
}
