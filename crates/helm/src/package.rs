//! Packages of charts that are folders, as the real `helm dependency update` makes them. Unlike `helm package` that does
//! not ask for the dependencies of the chart.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_exec::{Programs, Run};
use serde_json::json;

use crate::said::cause;
use crate::template::Error;

/// How long it may take.
const TIME: Duration = Duration::from_mins(2);

/// The package of a chart that is a folder: its bytes. `reads` is what helm may read of it.
pub async fn package(programs: &Programs, chart: &Path, reads: Vec<PathBuf>) -> Result<Vec<u8>, Error> {
    let folder = programs.folder().map_err(Error::Prepare)?;
    let umbrella = folder.path();
    let about = json!({
        "apiVersion": "v2", "name": "umbrella", "version": "0.0.0",
        // Whatever the chart is called, and whatever its version is.
        "dependencies": [{
            "name": "dependency", "version": ">=0.0.0-0", "repository": format!("file://{}", chart.display()),
        }],
    });
    std::fs::write(umbrella.join("Chart.yaml"), about.to_string()).map_err(Error::Prepare)?;
    let mut arguments: Vec<OsString> =
        ["dependency", "update", "--skip-refresh", "--"].into_iter().map(OsString::from).collect();
    arguments.push(umbrella.into());
    let run = Run {
        program: "helm",
        arguments,
        directory: umbrella,
        reads,
        writes: vec![umbrella.to_owned()],
        input: Vec::new(),
        time: TIME,
    };
    programs.run(run).await.map_err(|e| cause(e, umbrella))?;
    let mut made = std::fs::read_dir(umbrella.join("charts")).map_err(Error::Read)?;
    let nothing = || Error::Read(std::io::Error::other("there is no package"));
    let package = made.next().ok_or_else(nothing)?.map_err(Error::Read)?;
    std::fs::read(package.path()).map_err(Error::Read)
}
