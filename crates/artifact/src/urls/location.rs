//! Reading and writing of URLs by the rules that Freight ids were always computed with: what is refused, what is
//! percent-encoded anew, what stays. Apart because a WHATWG parser (the `url` crate) gives other texts.

/// A URL, or a relative reference, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Location {
    scheme: String,
    opaque: Option<String>,
    /// Name and password, decoded.
    pub(super) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    /// Decoded.
    pub(super) path: Vec<u8>,
    /// The path as written, where writing `path` anew would give another text.
    raw_path: String,
    no_authority: bool,
    /// What follows `?`, also when that is nothing.
    query: Option<String>,
    /// As written, without `#`.
    fragment: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    User,
    Host,
    Fragment,
}

impl Location {
    /// `None` for what is no URL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, (!fragment.is_empty()).then(|| fragment.to_owned())),
            None => (text, None),
        };
        if let Some(fragment) = &fragment {
            decode(fragment, Part::Fragment)?;
        }
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return None;
        }
        let (scheme, rest) = split_scheme(text)?;
        let (rest, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query.to_owned())),
            None => (rest, None),
        };
        let mut this = Self { scheme: scheme.to_ascii_lowercase(), query, fragment, ..Self::default() };
        this.read_after_scheme(rest)?;
        Some(this)
    }

    fn read_after_scheme(&mut self, mut rest: &str) -> Option<()> {
        let has_scheme = !self.scheme.is_empty();
        if !rest.starts_with('/') {
            if has_scheme {
                self.opaque = Some(rest.to_owned());
                return Some(());
            }
            if rest.split('/').next().is_some_and(|first| first.contains(':')) {
                return None;
            }
        }
        if let Some(after) = rest.strip_prefix("//").filter(|_| has_scheme || !rest.starts_with("///")) {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            self.read_authority(authority)?;
            rest = path;
        } else if has_scheme {
            self.no_authority = true;
        }
        self.path = decode(rest, Part::Path)?;
        if encode(&self.path, Part::Path) != rest {
            rest.clone_into(&mut self.raw_path);
        }
        Some(())
    }

    fn read_authority(&mut self, authority: &str) -> Option<()> {
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((user, host)) => {
                if !user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
                    return None;
                }
                self.user = Some(match user.split_once(':') {
                    None => (decode(user, Part::User)?, None),
                    Some((name, password)) => {
                        (decode(name, Part::User)?, Some(decode(password, Part::User)?))
                    }
                });
                host
            }
        };
        let port = if let Some(bracketed) = host.strip_prefix('[') {
            let (address, after) = bracketed.split_once(']')?;
            let (address, _zone) = address.split_once("%25").unwrap_or((address, ""));
            address.parse::<std::net::Ipv6Addr>().ok()?;
            after
        } else if host.contains(['[', ']']) {
            return None;
        } else {
            let web = matches!(self.scheme.as_str(), "http" | "https");
            let colon = if web { host.find(':') } else { host.rfind(':') };
            colon.map_or("", |at| host.get(at..).unwrap_or_default())
        };
        if !is_optional_port(port) {
            return None;
        }
        self.host = decode(host, Part::Host)?;
        Some(())
    }

    /// Whether the query says anything (`?` and `?&` do not).
    pub(super) fn has_query_parameters(&self) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        query.split('&').any(|pair| !pair.is_empty() && !pair.contains(';') && is_encoded_pair(pair))
    }

    /// Whether it is `//host` and nothing else.
    pub(super) fn is_host_only(&self, host: &str) -> bool {
        self.host == host.as_bytes() && self.user.is_none() && self.path.is_empty()
    }

    /// The text of it.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if let Some(opaque) = self.opaque.as_ref().filter(|opaque| !opaque.is_empty()) {
            text.push_str(opaque);
        } else {
            self.write_authority(&mut text);
            self.write_path(&mut text);
        }
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(query);
        }
        if let Some(fragment) = &self.fragment {
            text.push('#');
            text.push_str(&decode(fragment, Part::Fragment).map_or_else(String::new, |decoded| {
                if is_written_well(fragment, Part::Fragment) {
                    fragment.clone()
                } else {
                    encode(&decoded, Part::Fragment)
                }
            }));
        }
        text
    }

    fn write_authority(&self, text: &mut String) {
        let nobody = self.host.is_empty() && self.user.is_none();
        if nobody && (self.scheme.is_empty() || self.no_authority) {
            return;
        }
        if !nobody || !self.path.is_empty() {
            text.push_str("//");
        }
        if let Some((name, password)) = &self.user {
            text.push_str(&encode(name, Part::User));
            if let Some(password) = password {
                text.push(':');
                text.push_str(&encode(password, Part::User));
            }
            text.push('@');
        }
        text.push_str(&encode(&self.host, Part::Host));
    }

    fn write_path(&self, text: &mut String) {
        let kept = is_written_well(&self.raw_path, Part::Path)
            && decode(&self.raw_path, Part::Path).as_deref() == Some(&self.path);
        let path = if kept && !self.raw_path.is_empty() {
            self.raw_path.clone()
        } else if self.path == b"*" {
            "*".to_owned()
        } else {
            encode(&self.path, Part::Path)
        };
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            text.push('/');
        }
        if text.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            text.push_str("./");
        }
        text.push_str(&path);
    }
}

/// Scheme and rest; `None` where a colon stands first.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => return Some(("", text)),
        }
    }
    Some(("", text))
}

fn is_optional_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn is_encoded_pair(pair: &str) -> bool {
    decode(pair, Part::Fragment).is_some()
}

/// `None` for a broken `%`, and in a host for what cannot stand there.
fn decode(text: &str, part: Part) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            let value = u8::try_from(high * 16 + low).ok()?;
            if part == Part::Host && value < 0x80 && value != b'%' {
                return None;
            }
            decoded.push(value);
        } else if part == Part::Host && byte < 0x80 && must_encode(byte, part) {
            return None;
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

fn encode(bytes: &[u8], part: Part) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if must_encode(byte, part) {
            text.push('%');
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        } else {
            text.push(char::from(byte));
        }
    }
    text
}

fn must_encode(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let kept: &[u8] = match part {
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Host => b"!$&'()*+,;=:[]<>\"",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !kept.contains(&byte)
}

/// Whether the text could stand in a URL without being encoded anew.
fn is_written_well(text: &str, part: Part) -> bool {
    text.bytes().all(|byte| b"!$&'()*+,;=:@[]%".contains(&byte) || !must_encode(byte, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_by_the_recorded_rules() {
        for (text, want) in [
            ("https://git.example.com/a b", Some("https://git.example.com/a%20b")),
            ("https://git.example.com/a%2fb", Some("https://git.example.com/a%2fb")),
            ("https://żółw.example/ż", Some("https://%C5%BC%C3%B3%C5%82w.example/%C5%BC")),
            ("ssh://git@host:22/x#frag", Some("ssh://git@host:22/x#frag")),
            ("http:", Some("http:")),
            ("//host/path", Some("//host/path")),
            ("a:b/c", Some("a:b/c")),
            ("https://host:port/x", None),
            ("http://a:1:2/x", None),
            ("https://ho st/x", None),
            ("https://host/%zz", None),
            (":x", None),
            ("22:x", None),
        ] {
            assert_eq!(Location::parse(text).map(|l| l.to_text()).as_deref(), want, "{text}");
        }
    }
}
