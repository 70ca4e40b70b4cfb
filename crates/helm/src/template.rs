//! `helm template`: a chart's templates, rendered.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_exec::{Programs, Run};

use crate::said::cause;
use crate::set_values::{Given, Invalid, SetValue};

/// How many bytes may come out, in how many files.
const BYTES: u64 = 256 << 20;
const FILES: usize = 20_000;

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value cannot be set.
    #[error(transparent)]
    Value(#[from] Invalid),
    /// Helm did not do it.
    #[error(transparent)]
    Program(#[from] ferry_exec::Error),
    /// What helm made could not be read.
    #[error("cannot read what helm made: {0}")]
    Read(std::io::Error),
    /// Helm made too much.
    #[error("helm made more than {} MiB or more than {FILES} files", BYTES >> 20)]
    Large,
    /// What helm is given could not be written.
    #[error("cannot prepare what helm is given: {0}")]
    Prepare(std::io::Error),
}

/// What comes out.
#[derive(Debug)]
pub enum Output {
    /// All manifests in one text.
    Text(String),
    /// A file for each template: its path and its contents.
    Files(Vec<(String, Vec<u8>)>),
}

/// A chart and what is rendered of it.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The chart's directory.
    pub chart: PathBuf,
    /// Where the chart is, what its links lead to, and the files with values: helm sees no more.
    pub reads: Vec<PathBuf>,
    /// The release's name.
    pub release: String,
    /// The release's namespace.
    pub namespace: String,
    /// Files with values; later ones win.
    pub value_files: Vec<PathBuf>,
    /// Values beside them; these win.
    pub set_values: Vec<SetValue>,
    /// Whether the chart's CRDs are part of it.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub no_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// The version of Kubernetes that templates see.
    pub kube_version: Option<String>,
    /// API versions that templates see beside the usual ones.
    pub api_versions: Vec<String>,
    /// Whether there is a file for each template, and if so, whether it is below the release's name.
    pub folder: Option<bool>,
    /// How long it may take.
    pub time: Duration,
}

impl Template {
    /// Renders it.
    pub async fn render(&self, programs: &Programs) -> Result<Output, Error> {
        let values = Given::of(&self.set_values)?;
        let given = programs.folder().map_err(Error::Prepare)?;
        let mut arguments = self.arguments();
        for argument in written(&values, given.path()).map_err(Error::Prepare)? {
            arguments.push(argument);
        }
        let out = match self.folder {
            None => None,
            Some(by_release) => {
                let out = programs.folder().map_err(Error::Prepare)?;
                arguments.extend(["--output-dir".into(), out.path().into()]);
                if by_release {
                    arguments.push("--release-name".into());
                }
                Some(out)
            }
        };
        arguments.extend(["--".into(), self.release.as_str().into(), self.chart.as_os_str().to_owned()]);
        let mut reads = self.reads.clone();
        reads.push(given.path().to_owned());
        let run = Run {
            program: "helm",
            arguments,
            directory: given.path(),
            reads,
            writes: out.iter().map(|out| out.path().to_owned()).collect(),
            input: Vec::new(),
            time: self.time,
        };
        let printed = programs.run(run).await.map_err(|e| cause(e, given.path()))?;
        match out {
            // It may be much: others go on meanwhile.
            Some(out) => tokio::task::spawn_blocking(move || files(out.path()).map(Output::Files))
                .await
                .map_err(|e| Error::Read(std::io::Error::other(e)))?,
            None => Ok(Output::Text(String::from_utf8_lossy(&printed).into_owned())),
        }
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec!["template".into(), "--namespace".into(), self.namespace.as_str().into()];
        for file in &self.value_files {
            arguments.extend(["--values".into(), one(file.as_os_str())]);
        }
        for (flag, given) in [
            ("--include-crds", self.include_crds),
            ("--no-hooks", self.no_hooks),
            ("--skip-tests", self.skip_tests),
        ] {
            if given {
                arguments.push(flag.into());
            }
        }
        if let Some(version) = &self.kube_version {
            arguments.extend(["--kube-version".into(), version.into()]);
        }
        for version in &self.api_versions {
            arguments.extend(["--api-versions".into(), one(version.as_ref())]);
        }
        arguments
    }
}

/// The arguments for values; texts are in files in a folder.
fn written(values: &Given, folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut arguments = Vec::new();
    for set in &values.set {
        arguments.extend(["--set".into(), set.into()]);
    }
    for (n, (key, text)) in values.texts.iter().enumerate() {
        let name = format!("value-{n}");
        std::fs::write(folder.join(&name), text)?;
        arguments.extend(["--set-file".into(), format!("{key}={name}").into()]);
    }
    Ok(arguments)
}

/// A value of a flag that takes several, divided by commas.
fn one(value: &OsStr) -> OsString {
    let bytes = value.as_bytes();
    if !bytes.iter().any(|c| matches!(c, b',' | b'"' | b'\n' | b'\r')) {
        return value.to_owned();
    }
    let mut quoted = vec![b'"'];
    for c in bytes {
        quoted.extend(std::iter::repeat_n(*c, 1 + usize::from(*c == b'"')));
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

/// The files below a folder.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let (mut left, mut found) = (BYTES, Vec::new());
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((folder, above)) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::Read)? {
            let entry = entry.map_err(Error::Read)?;
            let metadata = entry.metadata().map_err(Error::Read)?;
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            if metadata.is_dir() {
                open.push((entry.path(), format!("{name}/")));
            } else if metadata.is_file() {
                left = left.checked_sub(metadata.len()).ok_or(Error::Large)?;
                if found.len() == FILES {
                    return Err(Error::Large);
                }
                found.push((name, std::fs::read(entry.path()).map_err(Error::Read)?));
            }
        }
    }
    Ok(found)
}
