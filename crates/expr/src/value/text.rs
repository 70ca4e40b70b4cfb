//! Strings of the language: any bytes, usually UTF-8, cheap to copy.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// A string value. It may hold any bytes: slices cut through characters.
///
/// A text can be *exact*: a commit id or digest from one of the host's functions or outputs. Where a whole template is
/// one expression that gives an exact text, the result stays this string, even when it looks like a number
/// (`1234567`, `12e3`). Taking a part of it (`[:7]`, `trimPrefix`, `lower`, …) keeps it exact; joining it with other
/// text does not. Exactness is no part of equality.
#[derive(Clone)]
pub struct Text {
    bytes: Arc<[u8]>,
    exact: bool,
}

impl Text {
    /// A text that stays a string when a template ends in it.
    pub fn exact(text: impl Into<Self>) -> Self {
        Self { exact: true, ..text.into() }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Does it stay a string?
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// As UTF-8, where it is.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// As UTF-8, with U+FFFD for every byte that is not.
    pub fn to_str(&self) -> Cow<'_, str> {
        decode(&self.bytes)
    }

    /// The same kind of text with other bytes: a part of an exact text is exact.
    pub(crate) fn with_bytes(&self, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { bytes: bytes.into(), exact: self.exact }
    }
}

/// Decodes as Go does: every bad byte becomes one U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { bytes: text.as_bytes().into(), exact: false }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), exact: false }
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), exact: false }
    }
}
