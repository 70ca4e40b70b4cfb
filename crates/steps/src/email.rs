//! E-mail addresses as configs give them.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// An e-mail address, also with a name before it: `Bob <bob@example.com>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address alone.
    pub fn address(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let bare = text.trim_matches([' ', '\t']);
        let address = match bare.strip_suffix('>') {
            None => bare,
            Some(before) => {
                let (name, address) = before.rsplit_once('<')?;
                is_name(name.trim_matches([' ', '\t'])).then_some(address)?
            }
        };
        let (user, host) = address.rsplit_once('@')?;
        let is_host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(literal) => literal.parse::<IpAddr>().is_ok(),
            None => is_dotted(host),
        };
        (is_host && (is_dotted(user) || is_quoted(user))).then(|| Self(address.to_owned()))
    }
}

/// Nothing, words, or words in quotes.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        let is_encoded = word.starts_with("=?") && word.ends_with("?=");
        !is_encoded && word.chars().all(|c| c == '.' || is_of_atom(c))
    };
    is_quoted(name) || name.split([' ', '\t']).all(is_word)
}

/// Parts with dots between them.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.chars().all(is_of_atom))
}

/// A text in quotes that is not empty.
fn is_quoted(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut escaped = false;
    inner.is_some_and(|inner| {
        let is_fine = inner.chars().all(|c| {
            let is_escaped = std::mem::take(&mut escaped);
            escaped = c == '\\' && !is_escaped;
            !c.is_control() && (c != '"' || is_escaped)
        });
        is_fine && !inner.is_empty()
    }) && !escaped
}

fn is_of_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii() && !c.is_control()
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no e-mail address; write it as bob@example.com"))
        })
    }
}

impl JsonSchema for Email {
    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "email"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_is() {
        for (text, address) in [
            ("a@b.c", "a@b.c"),
            (" a@b ", "a@b"),
            ("Bob <bob@example.com>", "bob@example.com"),
            ("<bob@example.com>", "bob@example.com"),
            ("\"A, B\" <a@b.c>", "a@b.c"),
            ("Zoë B. Jr. <zoë@exämple.com>", "zoë@exämple.com"),
            ("\"a b\"@c.d", "\"a b\"@c.d"),
            ("a@[127.0.0.1]", "a@[127.0.0.1]"),
            ("x+y=z@b.c", "x+y=z@b.c"),
        ] {
            assert_eq!(Email::parse(text).as_ref().map(Email::address), Some(address), "{text}");
        }
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a..b@c.d",
            ".a@b.c",
            "a.@b.c",
            "a@b..c",
            "a@b.c.",
            "a@b.c\n",
            "a@b:25",
            "A, B <a@b.c>",
            "A@B <a@b.c>",
            "A [x] <a@b.c>",
            "\"\"@b.c",
            "a@[x]",
            "a@[IPv6:::1]",
            "=?x?q?a?= <a@b.c>",
            "<a@b.c",
            "a@b.c>",
            "\"a@b.c",
            "\"\\\"@b.c",
            "\"a\nb\"@c.d",
        ] {
            assert_eq!(Email::parse(text), None, "{text}");
        }
    }
}
