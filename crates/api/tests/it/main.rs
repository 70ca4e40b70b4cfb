//! Recorded answers and facts, replayed through the public face of the crate.
#![expect(clippy::unwrap_used, reason = "tests")]

mod crd_facts;
mod vectors_ids;
