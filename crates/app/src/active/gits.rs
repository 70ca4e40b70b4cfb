//! Git for this process, and for the stand-in, which is an outsider and has one of its own.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use ferry_git::{Git, Settings as GitSettings};

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
        let open = |directory: &Path| -> Result<Arc<Git>> {
            let chosen = GitSettings {
                allow_credentials_over_http: settings.credentials_over_http,
                egress: Some(settings.egress.clone()),
                ..GitSettings::default()
            };
            Ok(Arc::new(Git::new(directory, chosen)?))
        };
        let own = open(&settings.data_dir.join("git"))?;
        let standin = settings.standin.then(|| open(&settings.data_dir.join("standin/cache"))).transpose()?;
        Ok(Self { own, standin })
    }
}
