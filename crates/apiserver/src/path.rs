//! The path of a request about resources: group, version, namespace, resource, name, subresource.

use percent_encoding::percent_decode_str;

/// What a path below `/api/v1` or `/apis/GROUP/VERSION` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// `/api` or `/apis`.
    Root {
        core: bool,
    },
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Version(String, String),
    Resource(Path),
}

/// Reads a path that starts with `/api` or `/apis`. `None`: there is no such place.
pub(crate) fn parse(path: &str) -> Option<Place> {
    // Decoded first, then split: an encoded slash is a slash.
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let mut parts = path.split('/').filter(|p| !p.is_empty()).map(str::to_owned);
    let (group, version) = match parts.next()?.as_str() {
        "api" => match parts.next() {
            None => return Some(Place::Root { core: true }),
            Some(version) => (String::new(), version),
        },
        "apis" => match (parts.next(), parts.next()) {
            (None, _) => return Some(Place::Root { core: false }),
            (Some(group), None) => return Some(Place::Group(group)),
            (Some(group), Some(version)) => (group, version),
        },
        _ => return None,
    };
    let rest: Vec<String> = parts.collect();
    if rest.is_empty() {
        return Some(Place::Version(group, version));
    }
    resource(group, version, rest).map(Place::Resource)
}

fn resource(group: String, version: String, mut rest: Vec<String>) -> Option<Path> {
    // `namespaces/NAME`, `namespaces/NAME/status` and `…/finalize` are about the namespace itself.
    let about_namespace =
        rest.len() <= 2 || (rest.len() == 3 && matches!(rest[2].as_str(), "status" | "finalize"));
    let mut namespace = None;
    if rest[0] == "namespaces" && !(group.is_empty() && about_namespace) {
        if rest.len() < 3 {
            return None;
        }
        namespace = rest.drain(..2).nth(1);
    }
    if rest.len() > 3 {
        return None;
    }
    let mut rest = rest.into_iter();
    let plural = rest.next()?;
    Some(Path { group, version, namespace, plural, name: rest.next(), subresource: rest.next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_places() {
        let show = |path: &str| match parse(path) {
            Some(Place::Resource(p)) => format!(
                "{}|{}|{}|{}|{}|{}",
                p.group,
                p.version,
                p.namespace.unwrap_or_default(),
                p.plural,
                p.name.unwrap_or_default(),
                p.subresource.unwrap_or_default()
            ),
            other => format!("{other:?}"),
        };
        for (path, expected) in [
            ("/api", "Some(Root { core: true })"),
            ("/apis/", "Some(Root { core: false })"),
            ("/apis/a.b", "Some(Group(\"a.b\"))"),
            ("/api/v1/", "Some(Version(\"\", \"v1\"))"),
            ("/api/v1/namespaces", "|v1||namespaces||"),
            ("/api/v1/namespaces/x", "|v1||namespaces|x|"),
            ("/api/v1/namespaces/x/finalize", "|v1||namespaces|x|finalize"),
            ("/api/v1/namespaces/x/secrets", "|v1|x|secrets||"),
            ("/apis/g/v2/namespaces/x/things/t/status", "g|v2|x|things|t|status"),
            ("/apis/g/v2/things", "g|v2||things||"),
            ("/apis/g/v2/things/a%20b", "g|v2||things|a b|"),
            ("/apis/g/v2/things/a/b/c", "None"),
        ] {
            assert_eq!(show(path), expected, "{path}");
        }
    }
}
