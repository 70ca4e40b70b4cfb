//! Charts that are folders: what they are, and packages of them. The real program says and does it.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use ferry_exec::{Programs, Run};

use crate::archive::About;
use crate::template::Error;

/// How long either may take.
const TIME: Duration = Duration::from_mins(2);

/// What a chart, a folder or a package, says of itself.
pub async fn about(programs: &Programs, chart: &Path) -> Result<About, Error> {
    let printed = helm(programs, &["show", "chart"], chart, chart, None).await?;
    let text = String::from_utf8_lossy(&printed);
    serde_saphyr::from_str(&text)
        .map_err(|e| Error::Read(std::io::Error::other(format!("what it says of the chart: {e}"))))
}

/// The package of a chart that is a folder: its bytes.
pub async fn package(programs: &Programs, chart: &Path) -> Result<Vec<u8>, Error> {
    let out = programs.folder().map_err(Error::Prepare)?;
    helm(
        programs,
        &["package", "--destination", &out.path().to_string_lossy()],
        chart,
        out.path(),
        Some(out.path()),
    )
    .await?;
    let mut made = std::fs::read_dir(out.path()).map_err(Error::Read)?;
    let nothing = || Error::Read(std::io::Error::other("there is no package"));
    let package = made.next().ok_or_else(nothing)?.map_err(Error::Read)?;
    std::fs::read(package.path()).map_err(Error::Read)
}

async fn helm(
    programs: &Programs,
    verb: &[&str],
    chart: &Path,
    directory: &Path,
    out: Option<&Path>,
) -> Result<Vec<u8>, Error> {
    let mut arguments: Vec<OsString> = verb.iter().map(OsString::from).collect();
    arguments.extend(["--".into(), chart.as_os_str().to_owned()]);
    let directory = if directory.is_dir() { directory } else { Path::new("/") };
    let run = Run {
        program: "helm",
        arguments,
        directory,
        reads: vec![chart.to_owned()],
        writes: out.iter().map(|out| (*out).to_owned()).collect(),
        input: Vec::new(),
        time: TIME,
    };
    Ok(programs.run(run).await?)
}
