//! Library charts as charts that helm renders.
//!
//! The program refuses to render a library, whereas what it is made of does render one: the manifests of other charts in
//! its `charts/`, and its CRDs. Of its own templates none is rendered, and those whose names begin with `_` are there for
//! the others. So helm is given the same chart as an application, without the templates that would not be rendered.

use std::io::{self, Read as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ferry_engine::work::{Kind, WorkDir, WorkPath};
use ferry_helm::lenient;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::lent::Lent;
use crate::yaml;

const CHART_YAML: &str = "Chart.yaml";
const TEMPLATES: &str = "templates";
/// How deep folders of templates may be nested.
const DEPTH: usize = 100;
/// How much may be in a package, as helm has it.
const UNPACKED: u64 = 100 << 20;

/// What helm is given in the place of a library, made in a folder; none where a chart is no library, or cannot be read,
/// which helm says better.
pub fn installable(
    work: &WorkDir,
    path: &WorkPath,
    chart: &Lent,
    folder: &Path,
) -> io::Result<Option<PathBuf>> {
    match work.kind(path) {
        Ok(Some(Kind::Directory)) => of_folder(work, path, &chart.at, folder),
        Ok(Some(Kind::File { len, .. })) if len <= UNPACKED => {
            let package = work.read(path).map_err(io::Error::other)?;
            let made = folder.join("chart.tgz");
            of_package(&package).map(|new| std::fs::write(&made, new).map(|()| made)).transpose()
        }
        _ => Ok(None),
    }
}

/// The `Chart.yaml` of an application that a library's becomes.
fn application(text: &str) -> Option<String> {
    let mut about = yaml::read(text).ok()?;
    if lenient::field(&about, "type").and_then(Value::as_str) != Some("library") {
        return None;
    }
    let about = about.as_object_mut()?;
    about.retain(|name, _| !name.eq_ignore_ascii_case("type"));
    about.insert("type".to_owned(), Value::from("application"));
    serde_json::to_string(about).ok()
}

fn is_partial(name: &str) -> bool {
    name.starts_with('_')
}

/// Links to what is in the chart.
fn of_folder(work: &WorkDir, path: &WorkPath, at: &Path, folder: &Path) -> io::Result<Option<PathBuf>> {
    let inside = |name: &str| path.join(name).map_err(io::Error::other);
    let Ok(text) = work.read_text(&inside(CHART_YAML)?) else { return Ok(None) };
    let Some(about) = application(&text) else { return Ok(None) };
    for entry in work.entries(path).map_err(io::Error::other)? {
        let name = entry.path.file_name().unwrap_or_default();
        match name {
            CHART_YAML => std::fs::write(folder.join(name), &about)?,
            TEMPLATES => partials(work, &entry.path, &at.join(name), &folder.join(name), 0)?,
            _ => symlink(at.join(name), folder.join(name))?,
        }
    }
    Ok(Some(folder.to_owned()))
}

/// Links to the templates that are there for others.
fn partials(work: &WorkDir, path: &WorkPath, at: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if work.kind(path).map_err(io::Error::other)? != Some(Kind::Directory) {
        return symlink(at, to);
    }
    if depth == DEPTH {
        return Err(io::Error::other(format!("{:?} is nested too deeply", path.as_written())));
    }
    std::fs::create_dir(to)?;
    for entry in work.entries(path).map_err(io::Error::other)? {
        let name = entry.path.file_name().unwrap_or_default();
        let is_folder = work.kind(&entry.path).map_err(io::Error::other)? == Some(Kind::Directory);
        if is_folder || is_partial(name) {
            partials(work, &entry.path, &at.join(name), &to.join(name), depth + 1)?;
        }
    }
    Ok(())
}

/// The same package of an application; none where it is no library.
fn of_package(package: &[u8]) -> Option<Vec<u8>> {
    let unpacked = || tar::Archive::new(MultiGzDecoder::new(package).take(UNPACKED));
    let mut about = None;
    for entry in unpacked().entries().ok()? {
        let mut entry = entry.ok()?;
        if inside(&entry.path_bytes()) == CHART_YAML {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            about = Some(text);
        }
    }
    let about = application(&about?)?;
    let mut anew = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for entry in unpacked().entries().ok()? {
        let mut entry = entry.ok()?;
        let (path, mut header) = (entry.path().ok()?.into_owned(), entry.header().clone());
        let inside = inside(&entry.path_bytes());
        if inside == CHART_YAML {
            header.set_size(about.len().try_into().ok()?);
            anew.append_data(&mut header, path, about.as_bytes()).ok()?;
        } else if !is_left_out(&inside) {
            anew.append_data(&mut header, path, &mut entry).ok()?;
        }
    }
    anew.into_inner().ok()?.finish().ok()
}

/// A path of an archive, seen from the chart's folder.
fn inside(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path).replace('\\', "/");
    let parts = path.split('/').skip(1).filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

fn is_left_out(inside: &str) -> bool {
    let mut parts = inside.split('/');
    parts.next() == Some(TEMPLATES) && parts.next_back().is_some_and(|name| !is_partial(name))
}
