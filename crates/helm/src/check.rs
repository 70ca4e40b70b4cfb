//! Whether a folder is a chart: the real helm reads all of it, what is in `charts/` too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_exec::{Error, Programs, Run};

use crate::said::cause;

/// How long it may take.
const TIME: Duration = Duration::from_mins(2);

/// Looks whether a folder is a chart. `reads` is what helm may read of it. Where there is no helm, nothing is said.
pub async fn check(programs: &Programs, chart: &Path, reads: Vec<PathBuf>) -> Result<(), Error> {
    // `helm show` writes what it read, which not every chart lets it do.
    let mut arguments: Vec<OsString> = ["dependency", "list", "--"].map(OsString::from).into();
    arguments.push(chart.into());
    let run = Run {
        program: "helm",
        arguments,
        directory: chart,
        reads,
        writes: Vec::new(),
        input: Vec::new(),
        time: TIME,
    };
    match programs.run(run).await {
        Ok(_) | Err(Error::Missing(_)) => Ok(()),
        Err(error) => Err(cause(error, chart)),
    }
}
