//! The `format` of strings, as far as a Kubernetes API server checks it. Formats it does not know are ignored.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::OnceLock,
};

use regex::Regex;

/// A format that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Byte,
    Cidr,
    CreditCard,
    Date,
    DateTime,
    Duration,
    Email,
    HexColor,
    Hostname,
    Ipv4,
    Ipv6,
    LongName,
    Mac,
    ObjectId,
    RgbColor,
    ShortName,
    Ssn,
    Uri,
    Uuid(Option<char>),
}

impl Format {
    /// The format of that name, if it is one that is checked.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "byte" => Self::Byte,
            "cidr" => Self::Cidr,
            "creditcard" => Self::CreditCard,
            "date" => Self::Date,
            "date-time" | "datetime" => Self::DateTime,
            "duration" => Self::Duration,
            "email" => Self::Email,
            "hexcolor" => Self::HexColor,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "k8s-long-name" => Self::LongName,
            "k8s-short-name" => Self::ShortName,
            "mac" => Self::Mac,
            "bsonobjectid" => Self::ObjectId,
            "rgbcolor" => Self::RgbColor,
            "ssn" => Self::Ssn,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid(None),
            "uuid3" => Self::Uuid(Some('3')),
            "uuid4" => Self::Uuid(Some('4')),
            "uuid5" => Self::Uuid(Some('5')),
            _ => return None,
        })
    }

    pub(crate) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Byte => is_base64(text),
            Self::Cidr => is_cidr(text),
            Self::CreditCard => is_credit_card(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Duration => is_duration(text),
            Self::Email => is_email(text),
            Self::HexColor => {
                matches!(text.trim_start_matches('#').len(), 3 | 6)
                    && hex(text.strip_prefix('#').unwrap_or(text))
            }
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::LongName => text.len() <= 253 && text.split('.').all(is_label),
            Self::ShortName => text.len() <= 63 && is_label(text),
            Self::Mac => is_mac(text),
            Self::ObjectId => text.len() == 24 && hex(text),
            Self::RgbColor => is_rgb(text),
            Self::Ssn => text.len() == 11 && shape(text, "ddd-dd-dddd"),
            Self::Uri => is_uri(text),
            Self::Uuid(version) => is_uuid(text, version),
        }
    }
}

fn hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, want)| if want == b'd' { byte.is_ascii_digit() } else { byte == want })
}

fn is_base64(text: &str) -> bool {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let plain = !bits.is_empty()
        && bits.bytes().all(|byte| byte.is_ascii_digit())
        && (bits == "0" || !bits.starts_with('0'));
    let at_most = |limit: u8| plain && bits.parse::<u8>().is_ok_and(|bits| bits <= limit);
    (address.parse::<Ipv4Addr>().is_ok() && at_most(32))
        || (address.parse::<Ipv6Addr>().is_ok() && at_most(128))
}

fn is_credit_card(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|char| !matches!(char, ' ' | '-')).filter_map(|char| char.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum();
    (12..=19).contains(&digits.len())
        && text.chars().all(|char| char.is_ascii_digit() || matches!(char, ' ' | '-'))
        && sum.is_multiple_of(10)
}

fn is_date(text: &str) -> bool {
    shape(text, "dddd-dd-dd") && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    static SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    let shape = SHAPE.get_or_init(|| {
        Regex::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$").ok()
    });
    shape.as_ref().and_then(|shape| shape.captures(text)).is_some_and(|found| {
        found.get(1).is_some_and(|seconds| seconds.as_str() < "60")
            && text.to_ascii_uppercase().parse::<jiff::Timestamp>().is_ok()
    })
}

/// Durations as Go writes them, and numbers with units in words (`1 day`).
fn is_duration(text: &str) -> bool {
    static WORDS: OnceLock<Option<Regex>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        Regex::new(
            "[0-9]+ *(ns|nanoseconds?|nanos?|us|µs|microseconds?|micros?|ms|milliseconds?|millis?|s|seconds?|secs?|m|minutes?|mins?|h|hours?|hrs?|d|days?|w|weeks?|wks?)$",
        )
        .ok()
    });
    let text = text.trim();
    text == "0" || is_go_duration(text) || words.as_ref().is_some_and(|words| words.is_match(text))
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number =
            rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.').len();
        let (digits, unit) = rest.split_at(number);
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) || digits.matches('.').count() > 1 {
            return false;
        }
        let Some(after) =
            ["ns", "us", "µs", "μs", "ms", "s", "m", "h"].iter().find_map(|name| unit.strip_prefix(name))
        else {
            return false;
        };
        rest = after;
    }
    true
}

fn is_email(text: &str) -> bool {
    let text = text.trim();
    let address = match text.strip_suffix('>') {
        Some(start) => match start.rsplit_once('<') {
            Some((_, address)) => address,
            None => return false,
        },
        None => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    (quoted || dot_atoms(local)) && dot_atoms(domain)
}

fn dot_atoms(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|char| {
                !char.is_ascii() || char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
            })
    })
}

/// One label in which a dash may only follow the first character, or a name with dots that ends in two letters or more.
fn is_hostname(text: &str) -> bool {
    let sign = |char: char| {
        char.is_ascii_alphanumeric() || (!char.is_ascii() && !char.is_whitespace() && !char.is_control())
    };
    let label = |label: &str| {
        let first = label.chars().next().is_some_and(sign);
        first
            && label.chars().next_back().is_some_and(sign)
            && label.chars().all(|char| sign(char) || char == '-')
    };
    if text.len() > 255 || text.split('.').any(|label| label.len() > 63) {
        return false;
    }
    if let Some((names, top)) = text.rsplit_once('.') {
        return names.split('.').all(label)
            && top.chars().count() >= 2
            && top.chars().all(char::is_alphabetic);
    }
    let mut chars = text.chars();
    chars.next().is_some_and(sign)
        && chars.enumerate().all(|(at, char)| sign(char) || (at == 0 && char == '-'))
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

fn is_mac(text: &str) -> bool {
    let parts = |separator: char, width: usize, counts: &[usize]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len()) && parts.iter().all(|part| part.len() == width && hex(part))
    };
    parts(':', 2, &[6, 8, 20]) || parts('-', 2, &[6, 8, 20]) || parts('.', 4, &[3, 4, 10])
}

fn is_rgb(text: &str) -> bool {
    text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')).is_some_and(|inner| {
        let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u8>().is_ok())
    })
}

/// An absolute path, or a scheme and what follows it.
fn is_uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) || !escapes_are_whole(text) {
        return false;
    }
    if text.starts_with('/') || text == "*" {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut chars = scheme.chars();
    let named = chars.next().is_some_and(|char| char.is_ascii_alphabetic())
        && chars.all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'));
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    named && host.is_none_or(|host| !host.contains([' ', '<', '>', '"', '^', '`', '{', '}', '|', '\\']))
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.get(..2).is_some_and(hex))
}

fn is_uuid(text: &str, version: Option<char>) -> bool {
    let plain = text.replace('-', "");
    let dashes_fit = {
        let mut groups = text.split('-').map(str::len).collect::<Vec<_>>();
        // A dash may be left out, so groups may be joined, but only at their borders.
        let mut at = 0;
        groups.pop();
        groups.into_iter().all(|length| {
            at += length;
            matches!(at, 8 | 12 | 16 | 20)
        })
    };
    let third = plain.chars().nth(12);
    let fourth = plain.chars().nth(16).map(|char| char.to_ascii_lowercase());
    plain.len() == 32
        && hex(&plain)
        && dashes_fit
        && version.is_none_or(|version| {
            third == Some(version) && (version == '3' || fourth.is_some_and(|char| "89ab".contains(char)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_formats_accept() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "date-time",
                &["2020-01-02T03:04:05Z", "2020-01-02T03:04:05.123+02:00"],
                &["2020-01-02", "x", "2020-13-02T03:04:05Z", "2020-01-02 03:04:05Z"],
            ),
            ("date", &["2020-02-28"], &["2020-02-30", "2020-2-3", "x"]),
            ("duration", &["1h30m", "1 day", "-5s", "0", "1.5h"], &["90", "", "x", "h"]),
            (
                "uri",
                &["http://a", "/rel", "mailto:x", "https://a/b?c=d#e"],
                &["not a uri", "rel", "", "http://a b", "/%zz"],
            ),
            ("email", &["a@b.c", "A B <a@b>"], &["a", "a@", "@b", "a b@c"]),
            ("ipv4", &["1.2.3.4"], &["1.2.3.400", "::1"]),
            ("ipv6", &["::1"], &["1.2.3.4"]),
            ("cidr", &["10.0.0.0/8", "::/0"], &["10.0.0.0/40", "10.0.0.0", "10.0.0.0/+8"]),
            (
                "uuid",
                &["11111111-2222-3333-4444-555555555555", "11111111222233334444555555555555"],
                &["x", "1-1111111222233334444555555555555"],
            ),
            ("uuid4", &["11111111-2222-4333-8444-555555555555"], &["11111111-2222-3333-4444-555555555555"]),
            ("byte", &["QUJD", "QQ=="], &["###", "", "QUJ"]),
            ("hostname", &["a", "example.com", "9a", "m-y"], &["a.b", "a_b", "", "-a", "my-host"]),
            ("mac", &["00:11:22:33:44:55"], &["q", "00:11"]),
            ("k8s-short-name", &["ok-name"], &["Not_Ok", "a.b", ""]),
            ("k8s-long-name", &["a.b"], &["A", "a..b"]),
            ("rgbcolor", &["rgb(1, 2, 3)"], &["rgb(1,2)", "rgb(1,2,300)"]),
            ("hexcolor", &["#fff", "a0b0c0"], &["#ff", "xyz"]),
        ];
        for (name, good, bad) in cases {
            let format = Format::named(name).unwrap();
            for text in *good {
                assert!(format.accepts(text), "{name}: {text}");
            }
            for text in *bad {
                assert!(!format.accepts(text), "{name}: {text}");
            }
        }
        assert_eq!(Format::named("anything-else"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,30}") {
            for name in ["date-time", "date", "duration", "uri", "email", "cidr", "uuid4", "byte", "hostname", "mac", "rgbcolor", "hexcolor", "creditcard"] {
                if let Some(format) = Format::named(name) {
                    format.accepts(&text);
                }
            }
        }
    }
}
