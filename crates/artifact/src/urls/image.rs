//! The leniently read image reference `[registry/]repository[:tag][@digest]`, as far as its normal form needs it.

const REPOSITORY_LENGTH: std::ops::RangeInclusive<usize> = 2..=255;
const TAG_LENGTH: std::ops::RangeInclusive<usize> = 1..=128;

/// `registry/repository`, Docker Hub's without registry and `library/`; `None` for what is no image reference.
pub(super) fn normal(reference: &str) -> Option<String> {
    let (registry, repository) =
        without_tag(reference).and_then(split).or_else(|| without_digest(reference).and_then(split))?;
    Some(match registry {
        "" | "docker.io" | "index.docker.io" | "registry-1.docker.io" => {
            repository.strip_prefix("library/").unwrap_or(repository).to_owned()
        }
        registry => format!("{registry}/{repository}"),
    })
}

/// A colon before the last `/` belongs to a port, not to a tag.
fn without_tag(reference: &str) -> Option<&str> {
    match reference.rsplit_once(':') {
        Some((_, after)) if after.contains('/') => Some(reference),
        Some((base, "")) => Some(base),
        Some((base, tag)) => {
            let fits = TAG_LENGTH.contains(&tag.chars().count())
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            fits.then_some(base)
        }
        None => Some(reference),
    }
}

fn without_digest(reference: &str) -> Option<&str> {
    let (base, digest) = reference.split_once('@')?;
    let hex = digest.strip_prefix("sha256:")?;
    let fits = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !fits {
        return None;
    }
    Some(without_tag(base).unwrap_or(base))
}

/// The first segment is a registry when it looks like a host.
fn split(name: &str) -> Option<(&str, &str)> {
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("", name),
    };
    let is_repository = REPOSITORY_LENGTH.contains(&repository.chars().count())
        && repository.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-./".contains(&b));
    let is_registry = registry.is_empty()
        || super::location::Location::parse(&format!("//{registry}"))
            .is_some_and(|location| location.is_host_only(registry));
    (is_repository && is_registry).then_some((registry, repository))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn tags_digests_and_ports_are_told_apart() {
        let digest = "a".repeat(64);
        for (reference, want) in [
            ("host.example:5000/app:1.2", Some("host.example:5000/app")),
            ("localhost/app", Some("localhost/app")),
            ("app:", Some("app")),
            (&*format!("host.example/app:1@sha256:{digest}"), Some("host.example/app")),
            ("host.example/app@sha256:abc", None),
            ("host.example:port/app", None),
            ("App", None),
            ("a", None),
        ] {
            assert_eq!(normal(reference).as_deref(), want, "{reference}");
        }
    }
}
