//! What the steps that work with Argo CD share: the connection, and what ends a wait.

use std::sync::Arc;

use ferry_argocd::update;
use ferry_engine::applications::{Applications, ArgoCd};
use ferry_engine::{StepContext, StepError, Wake};

/// The Applications of this installation.
pub fn connection(ctx: &StepContext) -> Result<Arc<dyn Applications>, StepError> {
    let connection = ctx.service::<ArgoCd>().ok().and_then(|argocd| argocd.applications.clone());
    connection.ok_or_else(|| StepError::Retryable(update::Error::Disabled.to_string()))
}

/// A wait for Applications, in the engine's words.
pub fn wake(wake: update::Wake) -> Wake {
    Wake {
        after: None,
        applications: wake.applications.into_iter().map(|app| (app.namespace, app.name)).collect(),
        application_namespaces: wake.namespaces,
    }
}
