//! `ferry crds`: prints our CustomResourceDefinitions as YAML, for `kubectl apply -f -`.

use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result};

/// Prints them all.
pub fn run() -> Result<()> {
    match std::io::stdout().lock().write_all(yaml()?.as_bytes()) {
        // Whoever reads has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// The definitions as a YAML stream.
fn yaml() -> Result<String> {
    let mut text = String::new();
    for definition in ferry_api::crds::crds() {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&definition)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_it_was() {
        let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(&yaml().unwrap()).unwrap();
        assert_eq!(read, ferry_api::crds::crds());
    }
}
