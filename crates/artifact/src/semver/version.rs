//! One version: lenient (`v1`, `1.2`, `01.2.3`) and strict reading, order, increments, canonical text.

use std::cmp::Ordering;
use std::fmt;

use super::Error;

pub(super) const MAX_LENGTH: usize = 256;

/// A semantic version. Equality and order ignore build metadata and how it was written.
#[derive(Debug, Clone)]
pub struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: String,
    metadata: String,
    original: String,
}

/// Which number of a version grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Increment {
    /// `1.2.3` → `2.0.0`.
    Major,
    /// `1.2.3` → `1.3.0`.
    Minor,
    /// `1.2.3` → `1.2.4`, but `1.2.3-rc.1` → `1.2.3`.
    Patch,
}

impl Version {
    /// A version from its parts.
    pub(super) fn of(major: u64, minor: u64, patch: u64, prerelease: &str) -> Self {
        let (prerelease, metadata) = (prerelease.to_owned(), String::new());
        Self { major, minor, patch, prerelease, metadata, original: String::new() }
    }

    /// Reads leniently: an optional `v`, one to three numbers (leading zeros allowed), pre-release, metadata.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text, text.strip_prefix('v').unwrap_or(text), false)
    }

    /// Reads strictly, but for an optional leading `v`: three numbers without leading zeros.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        Self::read(text, text.strip_prefix('v').unwrap_or(text), true)
    }

    /// Reads as strict or lenient as `strict` says.
    pub fn parse_as(text: &str, strict: bool) -> Result<Self, Error> {
        if strict { Self::parse_strict(text) } else { Self::parse(text) }
    }

    fn read(original: &str, text: &str, strict: bool) -> Result<Self, Error> {
        if original.len() > MAX_LENGTH {
            return Err(Error::TooLong(original.len()));
        }
        let wrong = |problem| Error::Version { text: original.to_owned(), strict, problem };
        let (text, metadata) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
        let (numbers, prerelease) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        if metadata.is_some_and(|metadata| !are_identifiers(metadata)) {
            return Err(wrong("metadata after `+` must be dot-separated words of letters, digits and `-`"));
        }
        if prerelease.is_some_and(|prerelease| !are_identifiers(prerelease)) {
            return Err(wrong(
                "the pre-release after `-` must be dot-separated words of letters, digits and `-`",
            ));
        }
        if prerelease.is_some_and(has_leading_zero) {
            return Err(wrong("a number in the pre-release has a leading zero"));
        }
        let mut parts = [0_u64; 3];
        let mut count = 0;
        for number in numbers.split('.') {
            let Some(slot) = parts.get_mut(count) else { return Err(wrong("more than three numbers")) };
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong("major, minor and patch must be numbers"));
            }
            if strict && number.len() > 1 && number.starts_with('0') {
                return Err(wrong("a number has a leading zero"));
            }
            *slot = number.parse().map_err(|_| wrong("a number is too large"))?;
            count += 1;
        }
        if strict && count != 3 {
            return Err(wrong("major, minor and patch are all required"));
        }
        let [major, minor, patch] = parts;
        let (prerelease, metadata) =
            (prerelease.unwrap_or_default().to_owned(), metadata.unwrap_or_default().to_owned());
        Ok(Self { major, minor, patch, prerelease, metadata, original: original.to_owned() })
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The third number.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// What follows `-`; empty for a release.
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What follows `+`, or nothing.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text it was read from.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The next version.
    pub fn increment(&self, which: Increment) -> Result<Self, Error> {
        let grow = |number: u64, name| number.checked_add(1).ok_or(Error::Overflow(name));
        let (major, minor, patch) = match which {
            Increment::Major => (grow(self.major, "major")?, 0, 0),
            Increment::Minor => (self.major, grow(self.minor, "minor")?, 0),
            Increment::Patch if self.prerelease.is_empty() => {
                (self.major, self.minor, grow(self.patch, "patch")?)
            }
            Increment::Patch => (self.major, self.minor, self.patch),
        };
        let mut next = Self::of(major, minor, patch, "");
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        next.original = format!("{prefix}{next}");
        Ok(next)
    }

    /// Newest first; equal versions by their text, descending.
    pub fn newest_first(a: &Self, b: &Self) -> Ordering {
        b.cmp(a).then_with(|| b.original.cmp(&a.original))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(
            || match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            },
        )
    }
}

/// Numbers before words, numbers by value, words byte-wise, a longer one after its beginning.
pub(super) fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => compare_identifiers(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A number that does not fit 64 bits counts as a word, as recorded.
fn compare_identifiers(a: &str, b: &str) -> Ordering {
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

pub(super) fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn are_identifiers(text: &str) -> bool {
    text.split('.').all(|word| !word.is_empty() && word.bytes().all(is_identifier_byte))
}

pub(super) fn has_leading_zero(prerelease: &str) -> bool {
    prerelease
        .split('.')
        .any(|word| word.len() > 1 && word.starts_with('0') && word.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prerelease_becomes_its_release_first() {
        for (from, which, to) in [
            ("v1.2.3", Increment::Major, "v2.0.0"),
            ("1.2.3+b", Increment::Minor, "1.3.0"),
            ("1.2.3-rc.1", Increment::Patch, "1.2.3"),
            ("1.2.3", Increment::Patch, "1.2.4"),
        ] {
            let next = Version::parse(from).unwrap().increment(which).unwrap();
            assert_eq!(next.original(), to, "{from}");
        }
        let largest = Version::parse("18446744073709551615.0.0").unwrap();
        assert_eq!(largest.increment(Increment::Major).unwrap_err(), Error::Overflow("major"));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_canonical_text_reads_back(text in "v?[0-9x.+*-]{0,12}[a-z0-9.+-]{0,8}") {
            if let Ok(version) = Version::parse(&text) {
                let again = Version::parse_strict(&version.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), version.to_string());
                prop_assert_eq!(again, version);
            }
        }
    }
}
