//! The recorded answers that concern names: URLs, versions, patterns.
#![expect(clippy::unwrap_used, reason = "tests")]

mod vectors_patterns;
mod vectors_semver;
mod vectors_urls;
