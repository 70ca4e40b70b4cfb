//! What a work tree remembers of itself, in the file `.git/ferry`, and the configuration that follows from it.
//! There is no path of the work tree in it and no secret.

use std::path::Path;

use crate::Error;
use crate::settings::Identity;

/// The name of the file.
pub(crate) const FILE: &str = "ferry";

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Names the mirror whose objects are borrowed.
    pub(crate) mirror: String,
    /// The repository's URL, without user and password.
    pub(crate) url: String,
    /// Who commits where nobody else is named.
    pub(crate) identity: Identity,
    /// Whether any certificate of the server is accepted.
    pub(crate) insecure_skip_tls_verify: bool,
    /// Whether the mirror has contents of files only as they are needed.
    pub(crate) blobless: bool,
    /// Directories of a sparse checkout; empty = everything.
    pub(crate) sparse: Vec<String>,
}

impl State {
    /// One field a line; no field can hold a line end.
    pub(crate) fn text(&self) -> String {
        let Identity { name, email } = &self.identity;
        let mut text =
            format!("format 1\nmirror {}\nurl {}\nname {name}\nemail {email}\n", self.mirror, self.url);
        if self.insecure_skip_tls_verify {
            text.push_str("insecure true\n");
        }
        if self.blobless {
            text.push_str("blobless true\n");
        }
        for path in &self.sparse {
            text.extend(["sparse ", path, "\n"]);
        }
        text
    }

    /// `None` for anything that `text` would not have written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let insecure_skip_tls_verify = text.lines().any(|line| line == "insecure true");
        let blobless = text.lines().any(|line| line == "blobless true");
        let mut lines = text.lines().filter(|line| !["insecure true", "blobless true"].contains(line));
        let mut field = |name: &str| Some(lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.to_owned());
        if field("format")? != "1" {
            return None;
        }
        let (mirror, url, name, email) = (field("mirror")?, field("url")?, field("name")?, field("email")?);
        let mut sparse = Vec::new();
        while let Some(path) = field("sparse") {
            sparse.push(path);
        }
        let plain = mirror.len() == 40 && mirror.bytes().all(|byte| byte.is_ascii_hexdigit());
        let state = Self {
            mirror,
            url,
            identity: Identity { name, email },
            insecure_skip_tls_verify,
            blobless,
            sparse,
        };
        (plain && state.text() == text && state.identity.checked().as_ref() == Ok(&state.identity))
            .then_some(state)
    }

    /// The whole configuration of the work tree's repository.
    pub(crate) fn config(&self) -> String {
        let mut config =
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n".to_owned();
        if !self.sparse.is_empty() {
            config.push_str("\tsparseCheckout = true\n\tsparseCheckoutCone = true\n");
        }
        // `git-lfs` would write it otherwise.
        config.push_str("[lfs]\n\trepositoryformatversion = 0\n");
        config
    }

    /// The patterns of a sparse checkout in cone mode: files of every directory on the way, all below the named.
    pub(crate) fn sparse_patterns(&self) -> Option<String> {
        if self.sparse.is_empty() {
            return None;
        }
        let mut parents = std::collections::BTreeSet::new();
        for path in &self.sparse {
            parents.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..at)));
        }
        let named = |path: &str| self.sparse.iter().any(|other| other == path);
        let covered = |path: &str| path.match_indices('/').any(|(at, _)| path.get(..at).is_some_and(named));
        let mut patterns = "/*\n!/*/\n".to_owned();
        for parent in parents.iter().filter(|parent| !named(parent) && !covered(parent)) {
            patterns.extend(["/", parent, "/\n!/", parent, "/*/\n"]);
        }
        let mut last: Vec<_> = self.sparse.iter().filter(|path| !covered(path)).collect();
        last.sort();
        last.dedup();
        for path in last {
            patterns.extend(["/", path, "/\n"]);
        }
        Some(patterns)
    }
}

/// The directories of a sparse checkout in plain form.
pub(crate) fn sparse_directories(given: &[String]) -> Result<Vec<String>, Error> {
    let mut directories = Vec::new();
    for path in given {
        let refused = |problem| Err(Error::InvalidSparse { path: path.clone(), problem });
        if path.contains(['*', '?', '[', '\\', '!', '#']) {
            return refused("it contains pattern characters (*, ?, [, \\, !, #)");
        }
        if path.chars().any(char::is_control) {
            return refused("it contains control characters");
        }
        if Path::new(path).is_absolute() {
            return refused("it is absolute");
        }
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.contains(&"..") {
            return refused("it leaves the repository");
        }
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        directories.push(parts.join("/"));
    }
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sparse: &[&str]) -> State {
        let sparse =
            sparse_directories(&sparse.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()).unwrap();
        let identity = Identity::new("Kargo", "no-reply@kargo.io");
        let url = "https://h/r".into();
        State {
            mirror: "a".repeat(40),
            url,
            identity,
            insecure_skip_tls_verify: !sparse.is_empty(),
            blobless: sparse.len() > 1,
            sparse,
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for state in [state(&[]), state(&["k/dev/", "./x"])] {
            assert_eq!(State::parse(&state.text()), Some(state));
        }
        let text = state(&[]).text();
        for bad in [
            String::new(),
            text.replace("format 1", "format 2"),
            text.replace("mirror a", "mirror /"),
            text.replace("name Kargo", "name <"),
            text.clone() + "more\n",
        ] {
            assert_eq!(State::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn cone_patterns_name_the_way_and_the_whole_below() {
        let patterns = state(&["a/b/c", "a/x", "k", "k/deep"]).sparse_patterns().unwrap();
        assert_eq!(patterns, "/*\n!/*/\n/a/\n!/a/*/\n/a/b/\n!/a/b/*/\n/a/b/c/\n/a/x/\n/k/\n");
        assert_eq!(state(&["."]).sparse_patterns(), None);
    }

    #[test]
    fn sparse_paths_are_plain_directories() {
        for bad in ["k/*", "a?", "[a]", "../x", "a/../..", "/abs", "a\nb", "!x"] {
            assert!(sparse_directories(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
