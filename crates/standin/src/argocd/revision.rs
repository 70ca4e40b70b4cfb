//! Which commit a revision means, in the forms that Argo CD takes: branch, tag, full reference, `HEAD`, a range of
//! versions, a commit or the beginning of one.

use ferry_artifact::semver::{Constraint, Version};

/// A reference of the remote: its full name (`HEAD`, `refs/heads/main`) and its commit (an annotated tag's: what it is on).
pub type Ref = (String, String);

/// What a revision leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A commit of the remote, as far as the remote says; a full id is believed.
    Commit(String),
    /// The beginning of a commit's id.
    Prefix(String),
}

/// Finds the commit among the remote's references; `None` where nothing is named so.
pub fn find(refs: &[Ref], revision: &str) -> Option<Found> {
    if revision.len() == 40 && is_hex(revision) {
        return Some(Found::Commit(revision.to_ascii_lowercase()));
    }
    let revision = if revision.is_empty() { "HEAD" } else { revision };
    let newest = newest(refs, revision);
    let named = |prefix: &str| {
        let full = format!("{prefix}{}", newest.as_deref().unwrap_or(revision));
        refs.iter().find(|(name, _)| *name == full).map(|(_, commit)| Found::Commit(commit.clone()))
    };
    let prefix =
        || (revision.len() >= 7 && is_hex(revision)).then(|| Found::Prefix(revision.to_ascii_lowercase()));
    named("refs/heads/").or_else(|| named("refs/tags/")).or_else(|| named("")).or_else(prefix)
}

/// The newest tag in a range of versions; a revision that is itself a version is no range.
fn newest(refs: &[Ref], revision: &str) -> Option<String> {
    if Version::parse_strict(revision.trim_start_matches('v')).is_ok() {
        return None;
    }
    let range = Constraint::parse(revision).ok()?;
    let tags = refs.iter().filter_map(|(name, _)| name.strip_prefix("refs/tags/"));
    let versions = tags.filter_map(|tag| Some((Version::parse(tag).ok()?, tag)));
    let fitting = versions.filter(|(version, _)| range.matches(version));
    fitting.max_by(|(a, _), (b, _)| Version::newest_first(b, a)).map(|(_, tag)| tag.to_owned())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{Found, find};

    #[test]
    fn every_form_of_a_revision() {
        let names = [
            "HEAD",
            "refs/heads/main",
            "refs/heads/env/prod",
            "refs/tags/v1.0.0",
            "refs/tags/v1.2.0",
            "refs/tags/v2.0.0-rc.1",
        ];
        let refs: Vec<_> =
            names.iter().map(|name| ((*name).to_owned(), format!("commit of {name}"))).collect();
        let full = "0123456789012345678901234567890123456789";
        let commit = |name: &str| Some(Found::Commit(format!("commit of {name}")));
        for (revision, want) in [
            ("main", commit("refs/heads/main")),
            ("env/prod", commit("refs/heads/env/prod")),
            ("refs/heads/main", commit("refs/heads/main")),
            ("v1.0.0", commit("refs/tags/v1.0.0")),
            ("", commit("HEAD")),
            ("HEAD", commit("HEAD")),
            ("1.*", commit("refs/tags/v1.2.0")),
            (">=1.0.0 <1.1.0", commit("refs/tags/v1.0.0")),
            (full, Some(Found::Commit(full.to_owned()))),
            ("ABCDEF0", Some(Found::Prefix("abcdef0".to_owned()))),
            ("winter", None),
            ("3.*", None),
        ] {
            assert_eq!(find(&refs, revision), want, "{revision:?}");
        }
    }
}
