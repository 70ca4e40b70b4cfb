//! A repository's URL and credential in the form `git` gets them: the address without user and password, the login
//! apart, and names under which mirrors and queues are kept.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ferry_artifact::RepoUrl;
use ferry_artifact::repo_url::Transport;
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::credential::{Access, Credential};
use crate::{Error, Settings};

/// How much of a repository its mirror has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// Contents of files only as they are needed.
    Blobless,
    /// Single commits without their history, where the server can.
    Shallow,
}

/// A repository as one caller may reach it.
#[derive(Clone)]
pub(crate) struct Remote {
    /// For messages; no password.
    pub(crate) shown: String,
    /// What `git` is given and a work tree remembers; no user or password for http(s).
    pub(crate) address: String,
    pub(crate) login: Login,
    pub(crate) insecure_skip_tls_verify: bool,
    pub(crate) extent: Extent,
    /// Names the mirror: of address, credential, care, and what it has.
    pub(crate) id: String,
    /// Names the repository for the queues of its branches.
    pub(crate) normalized: String,
    /// Where the server sends us, once we know.
    moved: Arc<Mutex<Option<String>>>,
}

/// How `git` proves who we are.
#[derive(Clone)]
pub(crate) enum Login {
    Anonymous,
    /// Only for URLs that begin with `scope` (scheme, host and port).
    Basic {
        scope: String,
        username: String,
        password: String,
    },
    SshKey {
        private_key: String,
    },
}

impl Remote {
    pub(crate) fn new(
        url: &RepoUrl,
        access: &Access,
        settings: &Settings,
        salt: &[u8],
    ) -> Result<Self, Error> {
        let shown = url.to_string();
        let (address, login) = match url.transport() {
            Transport::Http | Transport::Https => over_http(url, access, settings)?,
            Transport::Ssh => over_ssh(url, access)?,
        };
        let extent = if access.blobless { Extent::Blobless } else { Extent::Whole };
        let insecure_skip_tls_verify = access.insecure_skip_tls_verify;
        let (id, normalized, moved) = (String::new(), url.normalized(), Arc::default());
        let remote = Self { shown, address, login, insecure_skip_tls_verify, extent, id, normalized, moved };
        Ok(remote.named(salt))
    }

    /// With the name of its mirror.
    fn named(self, salt: &[u8]) -> Self {
        let whole = fingerprint(salt, &self.address, &self.login, self.insecure_skip_tls_verify);
        let part = match self.extent {
            Extent::Whole => return Self { id: whole, ..self },
            Extent::Blobless => "blobless",
            Extent::Shallow => "shallow",
        };
        let id = Sha256::digest(format!("{whole} {part}"));
        Self { id: hex::encode(id.get(..20).unwrap_or_default()), ..self }
    }

    /// With a mirror of single commits, whose history nobody reads.
    pub(crate) fn shallow(self, salt: &[u8]) -> Self {
        Self { extent: Extent::Shallow, ..self }.named(salt)
    }

    /// Another repository that this one refers to: the login goes along to the same server only.
    pub(crate) fn sibling(&self, url: &RepoUrl, settings: &Settings, salt: &[u8]) -> Result<Self, Error> {
        let mut other = Self::new(url, &Access::default(), settings, salt)?;
        let same_server = match (&self.login, url.transport()) {
            (Login::Basic { scope, .. }, Transport::Http | Transport::Https) => {
                *scope == origin(&other.address)
            }
            (Login::SshKey { .. }, Transport::Ssh) => RepoUrl::parse(&self.address)?.host() == url.host(),
            _ => origin(&self.address) == origin(&other.address),
        };
        if same_server {
            if matches!(other.login, Login::Anonymous) {
                other.login = self.login.clone();
            }
            other.insecure_skip_tls_verify = self.insecure_skip_tls_verify;
        }
        Ok(other.named(salt))
    }

    /// Where it is by now, if not at its address.
    pub(crate) fn moved(&self) -> Option<String> {
        self.moved.lock().clone()
    }

    pub(crate) fn moves(&self, to: Option<String>) {
        *self.moved.lock() = to;
    }

    /// Whom the login is for, the user and the password.
    pub(crate) fn basic(&self) -> Option<(&str, &str, &str)> {
        match &self.login {
            Login::Basic { scope, username, password } => Some((scope, username, password)),
            Login::SshKey { .. } | Login::Anonymous => None,
        }
    }

    /// The texts that must not appear in any message.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match &self.login {
            Login::Basic { username, password, .. } => vec![password.clone(), encoded(username, password)],
            Login::SshKey { .. } | Login::Anonymous => Vec::new(),
        }
    }
}

/// User and password as a header carries them.
pub(crate) fn encoded(username: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{username}:{password}"))
}

/// What `ssh` is given to get to a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SshTarget {
    /// With the user, where one is named.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) path: String,
}

/// `ssh://user@host:port/path`, or `user@host:path`.
pub(crate) fn ssh_target(address: &str) -> Option<SshTarget> {
    let Some(rest) = address.strip_prefix("ssh://") else {
        let (host, path) = address.split_once(':')?;
        return Some(SshTarget { host: host.to_owned(), port: None, path: path.to_owned() });
    };
    let (authority, path) = rest.split_at_checked(rest.find('/')?)?;
    let port = Url::parse(address).ok()?.port();
    let host = port.and_then(|port| authority.strip_suffix(&format!(":{port}"))).unwrap_or(authority);
    // As `git` has it: from the root, unless it is somebody's home.
    let path = path.strip_prefix('/').filter(|path| path.starts_with('~')).unwrap_or(path);
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    Some(SshTarget { host: host.to_owned(), port, path })
}

/// Scheme, host and port of an http(s) address.
fn origin(address: &str) -> String {
    Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn over_http(url: &RepoUrl, access: &Access, settings: &Settings) -> Result<(String, Login), Error> {
    let shown = url.to_string();
    let refused =
        |problem: String| Error::HostileUrl(format!("repository URL {shown:?} is refused: {problem}"));
    let mut parsed = Url::parse(url.as_str()).map_err(|error| refused(error.to_string()))?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(parsed.username()), parsed.password().map(decoded));
    if parsed.set_username("").is_err() || parsed.set_password(None).is_err() {
        return Err(refused("it names no host".into()));
    }
    let mut login = match (&access.credential, password) {
        (Some(Credential::Basic { username, password }), _) => Some((username.clone(), password.clone())),
        (None, Some(password)) => Some((user, password)),
        _ => None,
    };
    if parsed.scheme() == "http" && !settings.allow_credentials_over_http && login.take().is_some() {
        tracing::debug!(url = shown, "no credential is sent over http://");
    }
    let scope = parsed.origin().ascii_serialization();
    let login = match login {
        None => Login::Anonymous,
        Some((username, password)) => {
            if username.contains(['\n', '\0', '\r']) || password.contains(['\n', '\0', '\r']) {
                let problem = "user name or password holds a line end";
                return Err(Error::InvalidCredential { url: shown, problem });
            }
            Login::Basic { scope, username, password }
        }
    };
    Ok((parsed.to_string(), login))
}

fn over_ssh(url: &RepoUrl, access: &Access) -> Result<(String, Login), Error> {
    let address = url.as_str().to_owned();
    if url.to_string() != address {
        let problem = "a password cannot be used with SSH, use a private key";
        return Err(Error::HostileUrl(format!("repository URL {:?} is refused: {problem}", url.to_string())));
    }
    let login = match &access.credential {
        Some(Credential::SshKey { private_key }) if private_key.contains('\0') => {
            return Err(Error::InvalidCredential { url: address, problem: "the private key is no text" });
        }
        Some(Credential::SshKey { private_key }) => Login::SshKey { private_key: private_key.clone() },
        _ => Login::Anonymous,
    };
    Ok((address, login))
}

/// Nobody who does not hold the credential (and the salt of the cache) can name a mirror.
fn fingerprint(salt: &[u8], address: &str, login: &Login, insecure: bool) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(salt);
    add(address.as_bytes());
    add(&[u8::from(insecure)]);
    match login {
        Login::Anonymous => add(b"anonymous"),
        Login::Basic { username, password, .. } => {
            add(b"basic");
            add(username.as_bytes());
            add(password.as_bytes());
        }
        Login::SshKey { private_key } => {
            add(b"ssh");
            add(private_key.as_bytes());
        }
    }
    hex::encode(hash.finalize().get(..20).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, access: &Access, allow: bool) -> Result<Remote, Error> {
        let settings = Settings { allow_credentials_over_http: allow, ..Settings::default() };
        Remote::new(&RepoUrl::parse(url).unwrap(), access, &settings, b"salt")
    }

    fn basic(username: &str, password: &str) -> Access {
        Credential::Basic { username: username.into(), password: password.into() }.into()
    }

    #[test]
    fn user_and_password_never_stay_in_the_address() {
        let remote =
            remote("https://me:s3%20cret@git.example.com:8443/a/b.git", &Access::default(), false).unwrap();
        assert_eq!(remote.address, "https://git.example.com:8443/a/b.git");
        let Login::Basic { scope, username, password } = &remote.login else { panic!("a login is expected") };
        assert_eq!((&**scope, &**username, &**password), ("https://git.example.com:8443", "me", "s3 cret"));
        assert!(!remote.shown.contains("cret"));
    }

    #[test]
    fn ssh_gets_host_port_and_path() {
        for (address, host, port, path) in [
            ("git@h:team/app.git", "git@h", None, "team/app.git"),
            ("ssh://git@h/team/a%20b", "git@h", None, "/team/a b"),
            ("ssh://git@h/~me/app", "git@h", None, "~me/app"),
            ("ssh://git@h:2222/team/app", "git@h", Some(2222), "/team/app"),
            ("ssh://h:22/app", "h", Some(22), "/app"),
        ] {
            let wanted = SshTarget { host: host.into(), port, path: path.into() };
            assert_eq!(ssh_target(address), Some(wanted), "{address}");
        }
        assert_eq!(ssh_target("ssh://h"), None);
    }

    #[test]
    fn a_credential_crosses_plain_http_only_where_allowed() {
        let login = |allow| remote("http://git.example.com/a", &basic("me", "x"), allow).unwrap().login;
        assert!(matches!(login(false), Login::Anonymous));
        assert!(matches!(login(true), Login::Basic { .. }));
    }

    #[test]
    fn mirrors_are_apart_by_credential_address_and_care() {
        let url = "https://git.example.com/a";
        let insecure = Access { insecure_skip_tls_verify: true, ..Access::default() };
        let ids = [
            remote(url, &Access::default(), false).unwrap().id,
            remote(url, &insecure, false).unwrap().id,
            remote(url, &basic("a", "bc"), false).unwrap().id,
            remote(url, &basic("ab", "c"), false).unwrap().id,
            remote("https://git.example.com/A", &Access::default(), false).unwrap().id,
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        let otherwise =
            Remote::new(&RepoUrl::parse(url).unwrap(), &Access::default(), &Settings::default(), b"other");
        assert_ne!(otherwise.unwrap().id, ids[0], "the salt of the cache counts");
    }

    #[test]
    fn credentials_that_could_forge_helper_answers_are_refused() {
        let error = remote("https://git.example.com/a", &basic("me", "x\nhost=evil"), false).err().unwrap();
        assert!(matches!(error, Error::InvalidCredential { .. }), "{error}");
        assert!(!error.to_string().contains("evil"));
        assert!(remote("ssh://git:pw@git.example.com/a", &Access::default(), false).is_err());
    }
}
