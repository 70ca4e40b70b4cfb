//! Texts that are no URL by the rules of Go's `net/url`, which decides elsewhere whether a request is tried again.

use url::ParseError;

/// Whether a text is none. A relative one is a URL, though nothing can be sent there. `error` is what was found already.
pub fn is(text: &str, error: Option<ParseError>) -> bool {
    let (before_fragment, fragment) = text.split_once('#').unwrap_or((text, ""));
    let place = before_fragment.split('?').next().unwrap_or_default();
    text.chars().any(|c| c.is_ascii_control())
        || !has_scheme_or_none(place)
        || !is_escaped(place)
        || place
            .split('/')
            .nth(2)
            .is_some_and(|host| host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']))
        || !is_escaped(fragment)
        || match error {
            // One that is too large is one.
            Some(ParseError::InvalidPort) => !has_number_as_port(place),
            Some(ParseError::InvalidIpv6Address | ParseError::InvalidDomainCharacter) => true,
            _ => false,
        }
}

fn has_number_as_port(place: &str) -> bool {
    let host = place.split('/').nth(2).and_then(|host| host.rsplit_once(':'));
    host.is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
}

/// A colon in the first part of the path ends a scheme, or is wrong.
fn has_scheme_or_none(place: &str) -> bool {
    let first = place.split('/').next().unwrap_or_default();
    let Some((scheme, _)) = first.split_once(':') else { return true };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Two digits follow each percent sign.
pub fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_url_is() {
        for (text, malformed) in [
            ("::nope", true),
            ("http://[::1", true),
            ("http://h:port/", true),
            ("http://h:99999/", false),
            ("http://a b/", true),
            ("http://h/%zz", true),
            ("http://h/%4", true),
            ("http://h/a\nb", true),
            ("http://h/#%", true),
            (" http://h/", true),
            ("1a:b", true),
            ("http://h/?q=%zz", false),
            ("http://h/a b", false),
            ("example.test/x", false),
            ("example.test/a:b", false),
            ("gopher://h/", false),
            ("http://[::1]:80/", false),
        ] {
            assert_eq!(is(text, url::Url::parse(text).err()), malformed, "{text:?}");
        }
    }
}
