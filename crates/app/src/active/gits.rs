//! Git for this process, and for the stand-in, which is an outsider and has one of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ferry_git::{Git, Identity, Settings as GitSettings};

use crate::config::Settings;

/// The Git services of this process: each holds its cache directory as long as it lives.
#[derive(Clone)]
pub struct Gits {
    /// Steps and Warehouses.
    pub own: Arc<Git>,
    /// The stand-in for Argo CD.
    pub standin: Option<Arc<Git>>,
}

impl Gits {
    /// Opens the caches in the data directory.
    pub fn open(settings: &Settings) -> Result<Self> {
        let lfs = settings.git_lfs.as_deref().map(whole_path).transpose()?;
        let open = |directory: &Path| -> Result<Arc<Git>> {
            let usual = GitSettings::default().with_found_lfs();
            let (name, email) = settings.git_committer.clone();
            let usual_committer = usual.identity.clone();
            let chosen = GitSettings {
                identity: Identity::new(
                    name.unwrap_or(usual_committer.name),
                    email.unwrap_or(usual_committer.email),
                ),
                lfs: lfs.clone().or(usual.lfs),
                lfs_limit: settings.lfs_bytes.unwrap_or(usual.lfs_limit),
                allow_credentials_over_http: settings.credentials_over_http,
                egress: Some(settings.egress.clone()),
                ..usual
            };
            Ok(Arc::new(Git::new(directory, chosen)?))
        };
        let own = open(&settings.data_dir.join("git"))?;
        let standin = settings.standin.then(|| open(&settings.data_dir.join("standin/cache"))).transpose()?;
        Ok(Self { own, standin })
    }
}

/// What is started in a work tree must not be looked for there.
fn whole_path(program: &Path) -> Result<PathBuf> {
    program
        .canonicalize()
        .with_context(|| format!("--git-lfs names {}, which cannot be used", program.display()))
}
