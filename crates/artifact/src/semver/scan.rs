//! Reading the text of a constraint: operators, partial versions, `a - b` ranges.

use std::sync::LazyLock;

use regex::Regex;

use super::Error;
use super::version::{has_leading_zero, is_identifier_byte};

/// What a constraint compares with, as it was written.
pub(super) struct Scanned<'a> {
    pub(super) operator: &'a str,
    /// The version part as written.
    pub(super) written: &'a str,
    /// Up to three segments: digits or a wildcard.
    pub(super) segments: Vec<&'a str>,
    pub(super) prerelease: &'a str,
}

const TWO: [&str; 6] = ["!=", ">=", "=>", "<=", "=<", "~>"];
const ONE: [&str; 5] = ["=", ">", "<", "~", "^"];
const BLANK: [char; 5] = [' ', '\t', '\n', '\u{c}', '\r'];

/// `1.2 - 2.3.4`, each side possibly partial; white space around the hyphen is what makes it a range.
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let identifiers = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*";
    let segment = r"[0-9|xX*]+";
    let version =
        format!(r"v?{segment}(?:\.{segment})?(?:\.{segment})?(?:-{identifiers})?(?:\+{identifiers})?");
    let blank = r"[\t\n\x0c\r ]";
    Regex::new(&format!("{blank}*({version}){blank}+-{blank}+({version}){blank}*")).ok()
});

/// Ranges become a pair of comparisons.
pub(super) fn without_ranges(text: &str) -> String {
    let mut result = text.to_owned();
    let Some(range) = RANGE.as_ref() else { return result };
    for found in range.captures_iter(text) {
        let (Some(whole), Some(low), Some(high)) = (found.get(0), found.get(1), found.get(2)) else {
            continue;
        };
        let pair = format!(">= {}, <= {} ", low.as_str(), high.as_str());
        result = result.replacen(whole.as_str(), &pair, 1);
    }
    result
}

/// The constraints of one group, separated by white space, a comma, or both.
pub(super) fn group(text: &str) -> Result<Vec<Scanned<'_>>, Error> {
    let wrong = |problem| Error::Constraint { text: text.to_owned(), problem };
    let mut rest = text.trim_start_matches(BLANK);
    let mut found = Vec::new();
    loop {
        if rest.is_empty() {
            return Err(wrong("a version is missing"));
        }
        let after =
            one(rest, &mut found).ok_or_else(|| wrong("write an operator and a version, such as `>=1.2`"))?;
        let trimmed = after.trim_start_matches(BLANK);
        if trimmed.is_empty() {
            return Ok(found);
        }
        rest = match trimmed.strip_prefix(',') {
            Some(next) => next.trim_start_matches(BLANK),
            None if trimmed.len() < after.len() => trimmed,
            None => return Err(wrong("constraints are separated by white space or a comma")),
        };
    }
}

/// Reads one constraint and returns what follows it.
fn one<'a>(text: &'a str, found: &mut Vec<Scanned<'a>>) -> Option<&'a str> {
    let operator = TWO.iter().chain(&ONE).find(|op| text.starts_with(**op)).map_or("", |op| *op);
    let version = text.strip_prefix(operator)?.trim_start_matches(BLANK);
    let mut rest = version.strip_prefix('v').unwrap_or(version);
    let mut segments = Vec::new();
    loop {
        let end = rest.find(|c: char| !is_segment_char(c)).unwrap_or(rest.len());
        let (segment, after) = rest.split_at(end);
        if segment.is_empty() {
            return None;
        }
        segments.push(segment);
        rest = after;
        let Some(next) = after.strip_prefix('.').filter(|next| next.starts_with(is_segment_char)) else {
            break;
        };
        if segments.len() == 3 {
            break;
        }
        rest = next;
    }
    let mut prerelease = "";
    if let Some((words, after)) = rest.strip_prefix('-').and_then(identifiers) {
        (prerelease, rest) = (words, after);
    }
    if let Some((_, after)) = rest.strip_prefix('+').and_then(identifiers) {
        rest = after;
    }
    let written = version.get(..version.len() - rest.len())?;
    found.push(Scanned { operator, written, segments, prerelease });
    Some(rest)
}

fn is_segment_char(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*' | '|')
}

fn identifiers(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut end = 0;
    loop {
        let start = end;
        while bytes.get(end).copied().is_some_and(is_identifier_byte) {
            end += 1;
        }
        if end == start {
            return None;
        }
        let more =
            bytes.get(end) == Some(&b'.') && bytes.get(end + 1).copied().is_some_and(is_identifier_byte);
        if !more {
            return Some((text.get(..end)?, text.get(end..)?));
        }
        end += 1;
    }
}

impl Scanned<'_> {
    /// The number of a segment; `None` for a missing one and a wildcard.
    pub(super) fn number(&self, at: usize) -> Result<Option<u64>, Error> {
        match self.segments.get(at).copied() {
            None | Some("x" | "X" | "*") => Ok(None),
            Some(segment) => segment.parse().map(Some).map_err(|_| self.wrong("a number is expected")),
        }
    }

    /// Refuses a pre-release with a number that has a leading zero.
    pub(super) fn check_prerelease(&self) -> Result<(), Error> {
        if has_leading_zero(self.prerelease) {
            return Err(self.wrong("a number in the pre-release has a leading zero"));
        }
        Ok(())
    }

    pub(super) fn wrong(&self, problem: &'static str) -> Error {
        Error::Constraint { text: self.written.to_owned(), problem }
    }
}
