//! Where people can look at a commit: the page of a host that is known by its name, or that somebody named.

use ferry_artifact::urls::normalize_git;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// A kind of Git host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    /// Azure DevOps.
    Azure,
    /// Bitbucket.
    Bitbucket,
    /// Gitea.
    Gitea,
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
}

/// The page of a commit; none for a host that is not known, or a path that is no repository there.
pub(crate) fn commit_url(repository: &str, provider: Option<Provider>, commit: &str) -> Option<String> {
    let url = page(repository)?;
    let host = url.host_str()?;
    let provider = provider.or_else(|| guess(host))?;
    let path = url.path().trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let base = format!("{}://{authority}", url.scheme());
    match (provider, parts.as_slice()) {
        (Provider::GitHub | Provider::Gitea, [owner, name]) => {
            Some(format!("{base}/{owner}/{name}/commit/{commit}"))
        }
        (Provider::GitLab, [_, _, ..]) => Some(format!("{base}/{path}/-/commit/{commit}")),
        (Provider::Bitbucket, [owner, name]) => Some(format!("{base}/{owner}/{name}/commits/{commit}")),
        // Over SSH: ssh.dev.azure.com:v3/organization/project/repository.
        (Provider::Azure, ["v3", organization, project, name]) => {
            Some(format!("https://dev.azure.com/{organization}/{project}/_git/{name}/commit/{commit}"))
        }
        (Provider::Azure, [.., "_git", _]) => Some(format!("{base}/{path}/commit/{commit}")),
        _ => None,
    }
}

/// The repository's page: over HTTPS where it is reached by SSH, without user and `.git`.
fn page(repository: &str) -> Option<Url> {
    let normal = normalize_git(repository);
    let url = Url::parse(&normal).ok()?;
    match url.scheme() {
        "http" | "https" => Some(url),
        "ssh" => Url::parse(&format!("https://{}{}", url.host_str()?, url.path())).ok(),
        _ => None,
    }
}

fn guess(host: &str) -> Option<Provider> {
    if host == "dev.azure.com" || host == "ssh.dev.azure.com" || host.ends_with(".visualstudio.com") {
        return Some(Provider::Azure);
    }
    let named = |name: &str| host.split('.').any(|part| part.contains(name));
    match () {
        () if named("github") => Some(Provider::GitHub),
        () if named("gitlab") => Some(Provider::GitLab),
        () if named("gitea") => Some(Provider::Gitea),
        () if host == "bitbucket.org" => Some(Provider::Bitbucket),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_commits() {
        for (url, provider, page) in [
            ("https://github.com/a/b.git", None, Some("https://github.com/a/b/commit/c0")),
            ("git@github.com:a/b.git", None, Some("https://github.com/a/b/commit/c0")),
            ("ssh://git@github.com/a/b", None, Some("https://github.com/a/b/commit/c0")),
            (
                "https://gitlab.example.com:8443/g/s/b",
                None,
                Some("https://gitlab.example.com:8443/g/s/b/-/commit/c0"),
            ),
            ("https://bitbucket.org/w/b.git", None, Some("https://bitbucket.org/w/b/commits/c0")),
            ("https://git.example.com/a/b.git", None, None),
            (
                "https://git.example.com/a/b.git",
                Some(Provider::Gitea),
                Some("https://git.example.com/a/b/commit/c0"),
            ),
            ("https://dev.azure.com/o/p/_git/r", None, Some("https://dev.azure.com/o/p/_git/r/commit/c0")),
            ("git@ssh.dev.azure.com:v3/o/p/r", None, Some("https://dev.azure.com/o/p/_git/r/commit/c0")),
            ("http://127.0.0.1:9/app.git", Some(Provider::GitHub), None),
        ] {
            assert_eq!(commit_url(url, provider, "c0").as_deref(), page, "{url}");
        }
    }
}
