//! Proving to a registry who we are: it says how, in the answer to a request that proves nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user and a password or token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Credential {
    /// The value of an `Authorization` header.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }
}

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token, from there.
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// What an answer asks for, by its `WWW-Authenticate` headers: a token where that will do.
    pub fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        let asked: Vec<_> =
            headers.flat_map(challenges).filter_map(|(scheme, given)| Self::read(&scheme, &given)).collect();
        let is_token = |challenge: &&Self| matches!(challenge, Self::Bearer { .. });
        asked.iter().find(is_token).or_else(|| asked.first()).cloned()
    }

    fn read(scheme: &str, given: &[(String, String)]) -> Option<Self> {
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let find =
            |name: &str| given.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        Some(Self::Bearer { realm: find("realm")?, service: find("service") })
    }
}

/// The challenges of a header, each with its parameters: `One a="b", c=d, Two e="f, g"`.
fn challenges(header: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',', '=']);
        let (word, after) = rest.split_at(rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len()));
        if word.is_empty() {
            return found;
        }
        rest = after.trim_start_matches([' ', '\t']);
        let Some(value) = rest.strip_prefix('=') else {
            found.push((word.to_owned(), Vec::new()));
            continue;
        };
        let value = value.trim_start_matches([' ', '\t']);
        let (value, after) = match value.strip_prefix('"') {
            // Commas in quotes are part of the value.
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at(value.find([' ', '\t', ',']).unwrap_or(value.len())),
        };
        rest = after;
        if let Some((_, parameters)) = found.last_mut() {
            parameters.push((word.to_owned(), value.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_ask_for() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (header, challenge) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.test/token\",service=\"reg.test\",scope=\"repository:a:pull,push\"",
                bearer("https://auth.test/token", Some("reg.test")),
            ),
            ("bearer service=s, realm=https://a.test/t", bearer("https://a.test/t", Some("s"))),
            ("Bearer service=\"s\"", None),
            ("Negotiate", None),
            ("", None),
            ("Negotiate, Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                "Negotiate abc==, Bearer realm=\"https://a.test/t?a=b,c\"",
                bearer("https://a.test/t?a=b,c", None),
            ),
            ("Basic realm=\"a, Bearer realm=b\"", Some(Challenge::Basic)),
            ("realm=\"x\"", None),
            ("Bearer realm=\"https://a.test", bearer("https://a.test", None)),
        ] {
            assert_eq!(Challenge::choose([header].into_iter()), challenge, "{header}");
        }
        // A token will do where both are asked for.
        for headers in
            [["Bearer realm=\"https://a.test/t\"", "Basic"], ["Basic", "Bearer realm=\"https://a.test/t\""]]
        {
            assert_eq!(Challenge::choose(headers.into_iter()), bearer("https://a.test/t", None));
        }
    }
}
