//! Who commits where a step names nobody: what the ClusterConfig says, for all Projects.

use crate::{StepContext, StepError};

/// The key of the Secret that holds what commits are signed with.
const SIGNING_KEY: &str = "signingKey";

/// Who commits.
#[derive(Clone, PartialEq, Eq)]
pub struct GitClient {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// A private OpenPGP key.
    pub signing_key: Option<String>,
}

impl std::fmt::Debug for GitClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitClient")
            .field("name", &self.name)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

impl StepContext {
    /// Who commits in this installation, if its ClusterConfig says. What it says and cannot be had is an error: nothing is
    /// left unsigned that was to be signed.
    pub async fn git_client(&self) -> Result<Option<GitClient>, StepError> {
        let unknown = |e: crate::world::Error| StepError::Retryable(format!("cannot tell who commits: {e}"));
        let config = self.world.cluster_config().await.map_err(unknown)?;
        let Some(client) = config.and_then(|config| config.spec?.git_client) else { return Ok(None) };
        let signing_key = match client.signing_key_secret.filter(|secret| !secret.name.is_empty()) {
            Some(secret) => Some(self.signing_key(&secret.name).await?),
            None => None,
        };
        Ok(Some(GitClient { name: client.name, email: client.email, signing_key }))
    }

    async fn signing_key(&self, name: &str) -> Result<String, StepError> {
        let namespace = &self.settings.system_resources_namespace;
        let wrong = |why: &str| {
            StepError::Retryable(format!(
                "gitClient.signingKeySecret of ClusterConfig \"cluster\": Secret {namespace}/{name} {why}"
            ))
        };
        let found = self.world.secret(namespace, name).await;
        let secret = found
            .map_err(|e| wrong(&format!("cannot be read: {e}")))?
            .ok_or_else(|| wrong("is not there"))?;
        let key = secret.data.unwrap_or_default().remove(SIGNING_KEY);
        let key = key.ok_or_else(|| wrong(&format!("has no key {SIGNING_KEY}")))?;
        String::from_utf8(key.0).map_err(|_| wrong("holds no text"))
    }
}
