//! `crd-facts`: makes the table of facts anew that the CRDs of `ferry-api` are compared with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::say;

/// Where the CRDs to be compatible with lie, seen from the repository's root.
const FROM: &str = "../shared/kargo/crds";
/// Where the table goes.
const TO: &str = "crates/api/tests/data/crd-facts.txt";

/// Reads every YAML file of the folder and writes one fact a line.
pub fn run(root: &Path, arguments: &[String]) -> anyhow::Result<ExitCode> {
    let from = root.join(arguments.first().map_or(FROM, String::as_str));
    ensure!(
        from.is_dir(),
        "no folder {}: it is only needed to make {TO} anew; name another folder as argument",
        from.display()
    );
    let mut facts = Vec::new();
    for path in files(&from)? {
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let crd: Value = serde_saphyr::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        facts.extend(ferry_api::facts::facts(&crd));
    }
    ensure!(!facts.is_empty(), "no CRD in {}", from.display());
    facts.sort();
    let to = root.join(TO);
    fs::create_dir_all(to.parent().unwrap_or(root)).context("making the folder")?;
    fs::write(&to, facts.join("\n") + "\n").with_context(|| format!("writing {}", to.display()))?;
    say(&format!("{TO}: {} facts", facts.len()));
    Ok(ExitCode::SUCCESS)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    Ok(paths)
}
