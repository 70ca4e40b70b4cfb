//! What somebody who starts the stand-in may choose.

use std::time::Duration;

/// How the stand-in behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The namespace that Argo CD itself would run in; AppProjects live there.
    pub namespace: String,
    /// How often an Application is compared again without being asked to.
    pub refresh_interval: Duration,
    /// How long after an operation the status still shows the comparison from before it, with a new `reconciledAt`
    /// already: the real controller does so more often than not. Zero: never.
    pub stale: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "argocd".to_owned(),
            refresh_interval: Duration::from_mins(3),
            stale: Duration::from_millis(70),
        }
    }
}
