//! Which of the versions that there are will do: the real helm says, without a network, from the versions we tell it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use ferry_exec::{Error, Programs, Run};
use serde::Deserialize;
use serde_json::json;

use crate::said::cause;

/// How long it may take.
const TIME: Duration = Duration::from_mins(2);
/// What the repository and its only chart are called, whatever they are called elsewhere.
const REPOSITORY: &str = "offered";
const CHART: &str = "chart";

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum NotChosen {
    /// Helm did not do it.
    #[error(transparent)]
    Program(#[from] Error),
    /// What helm is given could not be written.
    #[error("cannot prepare what helm is given: {0}")]
    Prepare(#[from] std::io::Error),
    /// What helm said cannot be read.
    #[error("helm searched and said what cannot be read: {0}")]
    Read(#[from] serde_json::Error),
}

/// What helm finds.
#[derive(Deserialize)]
struct Found {
    version: String,
}

/// The newest version that will do, as it was written; of several that are equally new, any. Those that are no versions are
/// passed over.
pub async fn newest(
    programs: &Programs,
    versions: &BTreeSet<&str>,
    constraint: &str,
) -> Result<Option<String>, NotChosen> {
    let folder = programs.folder()?;
    let home = folder.path();
    let config = home.join("repositories.yaml");
    offer(home, &config, versions)?;
    let mut arguments: Vec<OsString> = ["search", "repo", "--output=json"].map(OsString::from).into();
    arguments.push(format!("--version={constraint}").into());
    arguments.extend(["--repository-config".into(), config.into()]);
    arguments.extend(["--repository-cache".into(), home.into()]);
    let run = Run {
        program: "helm",
        arguments,
        directory: home,
        reads: vec![home.to_owned()],
        writes: Vec::new(),
        input: Vec::new(),
        time: TIME,
    };
    let said = programs.run(run).await.map_err(|e| cause(e, home))?;
    let found: Vec<Found> = serde_json::from_slice(&said)?;
    Ok(found.into_iter().next().map(|found| found.version))
}

/// Writes what helm has of a repository when it has been there: its name, and its index.
fn offer(home: &Path, config: &Path, versions: &BTreeSet<&str>) -> std::io::Result<()> {
    let repositories = json!({"repositories": [{"name": REPOSITORY, "url": "https://offered.invalid"}]});
    let releases: Vec<_> = versions
        .iter()
        .map(|version| json!({"apiVersion": "v2", "name": CHART, "version": version}))
        .collect();
    let index = json!({"apiVersion": "v1", "entries": {CHART: releases}});
    std::fs::write(config, repositories.to_string())?;
    std::fs::write(home.join(format!("{REPOSITORY}-index.yaml")), index.to_string())
}
