//! `charts/`: the packages of dependencies.

use std::io::Read as _;

use ferry_engine::StepError;
use ferry_engine::work::{Entry, Kind, WorkDir, WorkPath};
use ferry_helm::{About, Locked};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use jiff::Timestamp;

use crate::broke;

/// How large a package may be that we write anew.
const PACKAGE: u64 = 100 << 20;

/// A dependency with its package; one that is in `charts/` has none.
pub(super) struct Built {
    pub locked: Locked,
    pub package: Option<Vec<u8>>,
}

impl Built {
    /// What its package is called.
    fn file(&self) -> Option<String> {
        let Locked { name, version, .. } = &self.locked;
        self.package.as_ref().map(|_| format!("{name}-{version}.tgz"))
    }
}

/// Puts the packages into `charts/`, in the place of those that were there.
pub(super) fn write(
    work: &WorkDir,
    path: &WorkPath,
    built: &[Built],
    started_at: Timestamp,
) -> Result<(), StepError> {
    let inside = |name: &str| path.join(name).map_err(|e| StepError::Failed(e.to_string()));
    let charts = inside("charts")?;
    if work.exists(&charts).map_err(broke)? {
        for old in outdated(work, &charts, built)? {
            work.remove(&old).map_err(broke)?;
        }
    }
    // As helm has it, also for nothing.
    work.create_dir_all(&charts).map_err(broke)?;
    for built in built {
        let (Some(package), Some(file)) = (&built.package, built.file()) else { continue };
        let Locked { name, repository, .. } = &built.locked;
        let file = inside(&format!("charts/{file}"))?;
        // What we packaged ourselves says when; that must be the same each time.
        let package = if repository.starts_with("file://") {
            settled(package, started_at)
                .map_err(|e| StepError::Retryable(format!("the package of {name}: {e}")))?
        } else {
            package.clone()
        };
        work.write(&file, &package).map_err(broke)?;
    }
    Ok(())
}

/// Packages in `charts/` that are none of the dependencies any more. What is no chart stays, and so does a chart that
/// is to be there without a repository.
fn outdated(work: &WorkDir, charts: &WorkPath, built: &[Built]) -> Result<Vec<WorkPath>, StepError> {
    let mut outdated = Vec::new();
    for Entry { path, .. } in work.entries(charts).map_err(broke)? {
        let name = path.file_name().unwrap_or_default();
        // A link that leads out is nothing of ours.
        let Ok(Some(Kind::File { len, .. })) = work.kind(&path) else { continue };
        if len > PACKAGE || built.iter().any(|built| built.file().as_deref() == Some(name)) {
            continue;
        }
        let Ok(About { name, .. }) = About::of_package(&work.read(&path).map_err(broke)?) else { continue };
        if !built.iter().any(|built| built.package.is_none() && built.locked.name == name) {
            outdated.push(path);
        }
    }
    Ok(outdated)
}

/// The same package with the same files, all of one time.
fn settled(package: &[u8], time: Timestamp) -> std::io::Result<Vec<u8>> {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    let unzipped = GzDecoder::new(package);
    let mut marked = GzBuilder::new();
    if let Some(header) = unzipped.header() {
        marked =
            marked.extra(header.extra().unwrap_or_default()).comment(header.comment().unwrap_or_default());
    }
    let mut archive = tar::Archive::new(unzipped.take(PACKAGE));
    let mut anew = tar::Builder::new(marked.write(Vec::new(), Compression::default()));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut header = entry.header().clone();
        header.set_mtime(seconds);
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents)?;
        anew.append_data(&mut header, path, contents.as_slice())?;
    }
    anew.into_inner()?.finish()
}
