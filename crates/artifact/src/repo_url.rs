//! The URL of a Git repository as a user wrote it, checked once at the edge: nothing that `git` could take for an
//! option, a helper program or a local path gets further than this.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::urls;

/// A Git repository's URL: `http://`, `https://`, `ssh://` or `[user@]host:path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoUrl(String);

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `http://`.
    Http,
    /// `https://`.
    Https,
    /// `ssh://` or `[user@]host:path`.
    Ssh,
}

/// Why a text is no usable repository URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("repository URL {url:?} is refused: {problem}")]
pub struct Error {
    /// The text, without password.
    pub url: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

const FORMS: &str = "use http://, https://, ssh:// or [user@]host:path";

impl RepoUrl {
    /// Checks a URL. White space around it is dropped, otherwise the text is kept as it is.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let url = text.trim();
        match check(url) {
            Ok(()) => Ok(Self(url.to_owned())),
            Err(problem) => Err(Error { url: without_password(url), problem }),
        }
    }

    /// The text as the user wrote it; may hold a password.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The normal form, to compare with.
    pub fn normalized(&self) -> String {
        urls::normalize_git(&self.0)
    }

    /// How it is reached.
    pub fn transport(&self) -> Transport {
        match scheme(&self.0).map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("http") => Transport::Http,
            Some("https") => Transport::Https,
            _ => Transport::Ssh,
        }
    }

    /// The host, without user and port.
    pub fn host(&self) -> &str {
        let authority = match scheme(&self.0) {
            Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
            None => self.0.split_once(':').map_or(&*self.0, |(host, _)| host),
        };
        host_of(authority)
    }
}

/// Never shows a password.
impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl TryFrom<String> for RepoUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<RepoUrl> for String {
    fn from(url: RepoUrl) -> Self {
        url.0
    }
}

impl std::str::FromStr for RepoUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

fn check(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Err("it is empty");
    }
    if url.starts_with('-') {
        return Err("it starts with `-`");
    }
    if url.chars().any(char::is_control) {
        return Err("it contains control characters");
    }
    if url.len() > 2048 {
        return Err("it is longer than 2048 bytes");
    }
    match scheme(url) {
        Some((scheme, rest)) => {
            if !["http", "https", "ssh"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                return Err(FORMS);
            }
            check_authority(rest.split(['/', '?', '#']).next().unwrap_or(rest))
        }
        None => check_scp(url),
    }
}

fn check_scp(url: &str) -> Result<(), &'static str> {
    let (host, path) = url.split_once(':').ok_or(FORMS)?;
    if path.starts_with(':') {
        return Err("`helper::address` would start a program");
    }
    if host.contains('/') || path.is_empty() {
        return Err(FORMS);
    }
    if path.starts_with('-') {
        return Err("its path starts with `-`");
    }
    check_authority(host)
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let host = host_of(authority);
    if host.is_empty() {
        return Err("it names no host");
    }
    if host.starts_with('-') || authority.starts_with('-') {
        return Err("its host or user starts with `-`");
    }
    if authority.contains(char::is_whitespace)
        || authority.contains(['\\', '"', '\'', '`', '$', ';', '|', '<', '>'])
    {
        return Err("its host or user contains characters that no host has");
    }
    Ok(())
}

fn host_of(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split_once(':').map_or(host, |(host, _)| host)
}

fn scheme(url: &str) -> Option<(&str, &str)> {
    url.split_once("://").filter(|(scheme, _)| {
        scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) && !scheme.is_empty()
    })
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = scheme(url) else { return url.to_owned() };
    let authority = rest.split('/').next().unwrap_or(rest);
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let Some((name, _)) = user.split_once(':') else { return url.to_owned() };
    let path = rest.get(authority.len()..).unwrap_or_default();
    format!("{scheme}://{name}:***@{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms_are_taken_as_they_are() {
        for (text, transport, host) in [
            ("https://git.example.com/team/repo.git", Transport::Https, "git.example.com"),
            ("HTTP://127.0.0.1:8080/x", Transport::Http, "127.0.0.1"),
            ("ssh://git@git.example.com:22/x", Transport::Ssh, "git.example.com"),
            ("git@git.example.com:team/repo", Transport::Ssh, "git.example.com"),
            ("https://[::1]:8443/x", Transport::Https, "::1"),
        ] {
            let url = RepoUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.transport(), url.host()), (text, transport, host));
        }
    }

    #[test]
    fn s13_hostile_urls_are_refused() {
        for text in [
            "",
            "-c core.sshCommand=x",
            "--upload-pack=/bin/sh",
            "ext::sh -c id",
            "fd::17",
            "file:///etc/passwd",
            "/srv/git/repo.git",
            "./repo",
            "repo",
            "git://git.example.com/x",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "-oProxyCommand=id:x",
            "git@-host:x",
            "host:-x",
            "https:///x",
            "https://a\nb/x",
            "ssh://ho st/x",
            "ext::https://git.example.com/x",
        ] {
            assert!(RepoUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_do_not_reach_messages() {
        let url = RepoUrl::parse("https://me:s3cr3t@git.example.com/x").unwrap();
        assert_eq!(url.to_string(), "https://me:***@git.example.com/x");
        let error = RepoUrl::parse("ftp://me:s3cr3t@git.example.com/x").unwrap_err().to_string();
        assert!(!error.contains("s3cr3t") && error.contains("https://"), "{error}");
    }
}
