//! Normal forms of repository URLs: what two spellings of one Git repository, image repository or chart repository
//! have in common. Freight ids are computed over them, so they must never change.
//! Source: resources.md A.6, vectors `kargo/urls`.

mod image;
mod location;

use std::sync::LazyLock;

use regex::Regex;

use location::Location;

/// Everything that is not a letter, mark, number, punctuation, symbol or the ASCII space.
static UNPRINTABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+").ok());

/// `[user@]host[:path]`.
static SCP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^((?:[0-9A-Za-z_-]+@)?[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)(?::(.*))?$").ok()
});

/// The text without unprintable characters (byte order marks, zero-width spaces, line ends) anywhere and without
/// white space around it.
pub fn sanitize(url: &str) -> String {
    match UNPRINTABLE.as_ref() {
        Some(unprintable) => unprintable.replace_all(url, "").trim().to_owned(),
        None => url.trim().to_owned(),
    }
}

/// The normal form of a Git repository URL (`http[s]://`, `ssh://` or `[user@]host:path`): lower case, no trailing
/// `/` or `.git`, no user for http(s). What cannot be normalized is returned as it is.
pub fn normalize_git(url: &str) -> String {
    normal_git(&lowercase(&sanitize(url))).unwrap_or_else(|| url.to_owned())
}

/// The normal form of an image repository URL: lower case, no tag or digest, Docker Hub and its `library/` left out.
/// What is no image reference is returned sanitized and in lower case.
pub fn normalize_image(url: &str) -> String {
    let url = lowercase(&sanitize(url));
    image::normal(&url).unwrap_or(url)
}

/// The normal form of a chart repository URL: lower case, without `oci://`, otherwise as of an image repository.
pub fn normalize_chart(url: &str) -> String {
    let url = lowercase(&sanitize(url));
    if Location::parse(&url).is_none() {
        return url;
    }
    let reference = url.strip_prefix("oci://").unwrap_or(&url);
    image::normal(reference).unwrap_or_else(|| reference.to_owned())
}

fn normal_git(url: &str) -> Option<String> {
    let is_ssh = url.starts_with("ssh://");
    if is_ssh || url.starts_with("http://") || url.starts_with("https://") {
        let mut location = Location::parse(url)?;
        if location.has_query_parameters() {
            return None;
        }
        if !is_ssh {
            location.user = None;
        }
        location.path = without_ending(&location.path);
        return Some(location.to_text());
    }
    let parts = SCP.as_ref()?.captures(url)?;
    let host = parts.get(1)?.as_str();
    let mut path = Location::parse(parts.get(2).map_or("", |path| path.as_str()))?;
    path.path = without_ending(&path.path);
    if path.path.is_empty() {
        return Some(format!("ssh://{host}"));
    }
    Some(format!("ssh://{host}/{}", path.to_text()))
}

fn without_ending(path: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.strip_suffix(b".git").unwrap_or(path).to_vec()
}

/// Character by character: one character never becomes two, unlike `str::to_lowercase`.
fn lowercase(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_repository_have_one_normal_form() {
        for url in [
            "https://git.example.com/team/repo",
            "https://git.example.com/team/repo.git/",
            " HTTPS://me:secret@Git.Example.com/Team/Repo.git ",
        ] {
            assert_eq!(normalize_git(url), "https://git.example.com/team/repo", "{url}");
        }
        for url in ["git@git.example.com:team/repo.git", "ssh://git@git.example.com/team/repo"] {
            assert_eq!(normalize_git(url), "ssh://git@git.example.com/team/repo", "{url}");
        }
    }

    #[test]
    fn what_cannot_be_normalized_stays_as_it_was_written() {
        for url in ["https://Git.example.com/a?ref=B", "/srv/Git/repo.git", "https://[::1/A", "Host::x", ""] {
            assert_eq!(normalize_git(url), url);
        }
    }

    #[test]
    fn docker_hub_has_one_name() {
        for url in ["nginx", "docker.io/library/nginx:1.27", "index.docker.io/nginx"] {
            assert_eq!(normalize_image(url), "nginx", "{url}");
        }
        assert_eq!(
            normalize_chart("oci://Registry.example.com/Charts/App"),
            "registry.example.com/charts/app"
        );
    }
}
