//! What proves to a server who we are. Never shown, never written where it stays, never on a command line.

use std::fmt;

/// A credential for one repository.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// For `http(s)://`.
    Basic {
        /// The user; some servers take any.
        username: String,
        /// The password or token.
        password: String,
    },
    /// For SSH.
    SshKey {
        /// The private key, PEM or OpenSSH, without passphrase.
        private_key: String,
    },
}

/// Shows the kind only.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::SshKey { .. } => "SshKey(…)",
        })
    }
}

/// With what right and care a repository is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The credential, if any.
    pub credential: Option<Credential>,
    /// Accept any certificate.
    pub insecure_skip_tls_verify: bool,
    /// Bring the contents of files only when they are needed, where the server can do that.
    pub blobless: bool,
}

impl From<Option<Credential>> for Access {
    fn from(credential: Option<Credential>) -> Self {
        Self { credential, ..Self::default() }
    }
}

impl From<Credential> for Access {
    fn from(credential: Credential) -> Self {
        Some(credential).into()
    }
}
