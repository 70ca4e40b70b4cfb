//! `registry/repository:tag`, `registry/repository@sha256:…`, with `oci://` before it or without.

use std::fmt;

/// Docker Hub as people write it, and where its registry is.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_HOST: &str = "index.docker.io";

/// Something in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, and port if it has one.
    pub registry: String,
    /// The repository in it.
    pub repository: String,
    /// What in the repository.
    pub target: Target,
    /// Whether it was written with `oci://`, as charts are.
    pub is_chart: bool,
}

/// What in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// What a tag points to now.
    Tag(String),
    /// What has this digest.
    Digest(String),
}

/// A text that is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no reference of an artifact: {why}")]
pub struct Invalid {
    text: String,
    why: &'static str,
}

impl Reference {
    /// Reads one as people write it. Without a registry it is Docker Hub's.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |why| Invalid { text: text.to_owned(), why };
        let (is_chart, rest) = match text.strip_prefix("oci://") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, target) = if let Some((name, digest)) = rest.split_once('@') {
            if !is_digest(digest) {
                return Err(invalid("a digest is sha256: and 64 hexadecimal digits"));
            }
            (name, Target::Digest(digest.to_owned()))
        } else {
            let (name, tag) = rest
                .rsplit_once(':')
                .filter(|(_, tag)| !tag.contains('/'))
                .ok_or_else(|| invalid("it has neither a tag nor a digest"))?;
            if !is_tag(tag) {
                return Err(invalid("a tag has up to 128 letters, digits, dots, dashes and underscores"));
            }
            (name, Target::Tag(tag.to_owned()))
        };
        let (registry, repository) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("library/{name}")),
        };
        let repository = match (registry, repository.contains('/')) {
            (DOCKER_HUB | DOCKER_HUB_HOST, false) => format!("library/{repository}"),
            _ => repository,
        };
        if !is_repository(&repository) {
            return Err(invalid(
                "a repository has parts of small letters, digits and single .-_ between them",
            ));
        }
        Ok(Self { registry: registry.to_ascii_lowercase(), repository, target, is_chart })
    }

    /// The repository without the tag or digest, as credentials name it.
    pub fn name(&self) -> String {
        let scheme = if self.is_chart { "oci://" } else { "" };
        format!("{scheme}{}/{}", self.registry, self.repository)
    }

    /// Where the registry is.
    pub fn host(&self) -> &str {
        if self.registry == DOCKER_HUB { DOCKER_HUB_HOST } else { &self.registry }
    }

    /// Whether both are in one repository.
    pub fn shares_repository(&self, other: &Self) -> bool {
        self.host() == other.host() && self.repository == other.repository
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.registry, self.repository, self.target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, ":{tag}"),
            Self::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

impl Target {
    /// The tag or the digest.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

/// Whether a text is a digest that we can verify.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
        && text.bytes().next().is_some_and(word)
}

fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends = part.bytes().next().is_some_and(small) && part.bytes().last().is_some_and(small);
        ends && part.bytes().all(|b| small(b) || b".-_".contains(&b))
    };
    text.len() <= 255 && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_references_name() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, repository, target) in [
            ("reg.test/a/b:1", "reg.test", "a/b", ":1"),
            ("localhost:5000/a:v1.0", "localhost:5000", "a", ":v1.0"),
            ("a:1", "docker.io", "library/a", ":1"),
            ("org/a:1", "docker.io", "org/a", ":1"),
            ("docker.io/a:1", "docker.io", "library/a", ":1"),
            ("oci://Reg.Test/a:1", "reg.test", "a", ":1"),
            (&format!("reg.test/a@{digest}"), "reg.test", "a", &format!("@{digest}")),
        ] {
            let read = Reference::parse(text).unwrap();
            assert_eq!((read.registry.as_str(), read.repository.as_str()), (registry, repository), "{text}");
            assert_eq!(read.target.to_string(), target, "{text}");
        }
        assert_eq!(Reference::parse("oci://reg.test/a:1").unwrap().name(), "oci://reg.test/a");
        for text in [
            "",
            "reg.test/a",
            "reg.test/A:1",
            "reg.test/a:",
            "reg.test/a@sha256:x",
            "reg.test/../a:1",
            "reg.test//a:1",
            "reg.test/a:-x",
            "reg.test/a:1@sha256:x",
            "reg.test:5000/a",
            "reg.test/a?b:1",
            "reg.test/a b:1",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
