//! Credentials of repositories, from Secrets: the Project's first, then those shared by all; by name, first match.

use std::collections::BTreeMap;

use ferry_artifact::pattern::NamePattern;
use ferry_artifact::urls;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::world::{self, CredentialType, World};
use crate::{StepContext, StepError};

/// What proves to a server who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password or token.
    Basic {
        /// The user.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A private SSH key.
    SshKey {
        /// The key, PEM.
        private_key: String,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::SshKey { .. } => "SshKey(…)",
        })
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The Secrets could not be read.
    #[error(transparent)]
    World(#[from] world::Error),
    /// A Secret matches but cannot be used.
    #[error("Secret {namespace}/{name} matches {url} but {problem}")]
    Unusable {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The repository.
        url: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// Keys of credentials that need a provider which this version does not have.
const OTHER_PROVIDERS: &[&str] = &[
    "githubAppClientID",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppPrivateKey",
    "awsAccessKeyID",
    "awsSecretAccessKey",
    "gcpServiceAccountKey",
];

/// The credential for a repository, if some Secret has one.
pub async fn find(
    world: &dyn World,
    project: &str,
    shared_namespace: &str,
    kind: CredentialType,
    url: &str,
) -> Result<Option<Credential>, Error> {
    for namespace in [project, shared_namespace] {
        for secret in world.credentials(namespace, kind).await? {
            let empty = BTreeMap::new();
            let data = secret.data.as_ref().unwrap_or(&empty);
            if !matches(&secret, data, kind, url) {
                continue;
            }
            return read(data).map(Some).map_err(|problem| Error::Unusable {
                namespace: namespace.to_owned(),
                name: secret.metadata.name.clone().unwrap_or_default(),
                url: url.to_owned(),
                problem,
            });
        }
    }
    Ok(None)
}

fn text(data: &BTreeMap<String, ByteString>, key: &str) -> Option<String> {
    data.get(key).map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).filter(|t| !t.is_empty())
}

fn normalize(kind: CredentialType, url: &str) -> String {
    match kind {
        CredentialType::Git => urls::normalize_git(url),
        CredentialType::Helm => urls::normalize_chart(url),
        CredentialType::Image => urls::normalize_image(url),
    }
}

fn matches(secret: &Secret, data: &BTreeMap<String, ByteString>, kind: CredentialType, url: &str) -> bool {
    let Some(wanted) = text(data, "repoURL") else { return false };
    if text(data, "repoURLIsRegex").as_deref() != Some("true") {
        return normalize(kind, &wanted) == normalize(kind, url);
    }
    match NamePattern::parse(&format!("regex:{wanted}")) {
        Ok(pattern) => pattern.matches(url) || pattern.matches(&normalize(kind, url)),
        Err(error) => {
            tracing::warn!(secret = secret.metadata.name, %error, "repoURL of a credential is no regular expression");
            false
        }
    }
}

fn read(data: &BTreeMap<String, ByteString>) -> Result<Credential, String> {
    if let Some(private_key) = text(data, "sshPrivateKey") {
        return Ok(Credential::SshKey { private_key });
    }
    match (text(data, "username"), text(data, "password")) {
        (username, Some(password)) => {
            Ok(Credential::Basic { username: username.unwrap_or_default(), password })
        }
        (Some(_), None) => Err("has a username and no password: add the key password".to_owned()),
        (None, None) => Err(match OTHER_PROVIDERS.iter().find(|key| data.contains_key(**key)) {
            Some(key) => format!(
                "its key {key} asks for a provider that this version does not have: use username and password"
            ),
            None => "holds neither username and password nor sshPrivateKey".to_owned(),
        }),
    }
}

impl StepContext {
    /// The credential for a repository. Plain HTTP gets none, unless the installation allows it.
    pub async fn credential(&self, kind: CredentialType, url: &str) -> Result<Option<Credential>, StepError> {
        let is_plain = url.trim().to_ascii_lowercase().starts_with("http://");
        if is_plain && !self.settings.credentials_over_http {
            return Ok(None);
        }
        let shared = &self.settings.shared_resources_namespace;
        find(self.world.as_ref(), &self.project, shared, kind, url)
            .await
            .map_err(|e| StepError::Retryable(e.to_string()))
    }
}
