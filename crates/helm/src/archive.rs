//! Packages of charts: whether bytes are one, and of which chart.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;
use tar::{Archive, EntryType};

/// How much may be in a package, as helm has it, and in how many entries.
const UNPACKED: u64 = 100 << 20;
const ENTRIES: usize = 20_000;
/// How large a `Chart.yaml` may be, as helm has it.
const CHART_YAML: u64 = 5 << 20;
/// How much is shown of what is no package.
const SHOWN: usize = 60;

/// What a chart says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Why bytes are no package of a chart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoChart {
    /// They are something else.
    #[error("is no gzipped archive; it begins with {0:?}")]
    Other(String),
    /// They are damaged.
    #[error("is an archive that cannot be read: {0}")]
    Broken(String),
    /// There is too much in it.
    #[error("has more than {} MiB or more than {ENTRIES} files", UNPACKED >> 20)]
    Large,
    /// It is an archive of something else.
    #[error("is an archive without a Chart.yaml in its folder")]
    NoChartYaml,
    /// It does not say what it is.
    #[error("has a Chart.yaml that cannot be read: {0}")]
    ChartYaml(String),
}

impl About {
    /// What a package says of its chart. All of it is read, so that a damaged one is none.
    pub fn of_package(package: &[u8]) -> Result<Self, NoChart> {
        if !package.starts_with(&[0x1f, 0x8b]) {
            let begins = package.get(..SHOWN).unwrap_or(package);
            return Err(NoChart::Other(String::from_utf8_lossy(begins).trim().to_owned()));
        }
        let mut unpacked = MultiGzDecoder::new(package).take(UNPACKED);
        let chart = chart_yaml(&mut unpacked);
        if unpacked.limit() == 0 {
            return Err(NoChart::Large);
        }
        let text = chart?.ok_or(NoChart::NoChartYaml)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let lenient = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
        serde_saphyr::from_str_with_options(text, lenient).map_err(|e| NoChart::ChartYaml(e.to_string()))
    }
}

/// The text of the `Chart.yaml` of an archive.
fn chart_yaml(unpacked: &mut impl std::io::Read) -> Result<Option<String>, NoChart> {
    let broken = |e: std::io::Error| NoChart::Broken(e.to_string());
    let mut found = None;
    let mut archive = Archive::new(&mut *unpacked);
    for (n, entry) in archive.entries().map_err(broken)?.enumerate() {
        let entry = entry.map_err(broken)?;
        if n == ENTRIES {
            return Err(NoChart::Large);
        }
        if entry.header().entry_type() == EntryType::Regular && is_chart_yaml(&entry.path_bytes()) {
            let mut text = Vec::new();
            entry.take(CHART_YAML).read_to_end(&mut text).map_err(broken)?;
            found = Some(String::from_utf8_lossy(&text).into_owned());
        }
    }
    // What follows the archive's end tells whether all of it has come.
    std::io::copy(unpacked, &mut std::io::sink()).map_err(broken)?;
    Ok(found)
}

/// Whether a path is that of a `Chart.yaml` in a folder at the top, whatever the folder is called.
fn is_chart_yaml(path: &[u8]) -> bool {
    let mut parts = path.split(|&c| c == b'/' || c == b'\\');
    let folder = parts.next().unwrap_or_default();
    let below: Vec<_> = parts.filter(|part| !part.is_empty() && *part != b".").collect();
    !folder.is_empty() && below == [b"Chart.yaml"]
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn package(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len().try_into().unwrap());
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        gzipped(&archive.into_inner().unwrap())
    }

    #[test]
    fn what_a_package_says() {
        let chart = "apiVersion: v2\nname: a\nversion: 1.2.3\n";
        let about = Ok(About { name: "a".to_owned(), version: "1.2.3".to_owned() });
        let sub = "name: sub\nversion: 9.9.9\n";
        for files in [
            vec![("a/Chart.yaml", chart), ("a/charts/sub/Chart.yaml", sub)],
            vec![("other/values.yaml", ""), ("other/./Chart.yaml", chart)],
            vec![("a\\Chart.yaml", chart)],
        ] {
            assert_eq!(About::of_package(&package(&files)), about, "{files:?}");
        }
        for files in [vec![("Chart.yaml", chart)], vec![("a/b/Chart.yaml", chart)], vec![]] {
            assert_eq!(About::of_package(&package(&files)), Err(NoChart::NoChartYaml), "{files:?}");
        }
        let nameless = About::of_package(&package(&[("a/Chart.yaml", "version: 1.0.0\n")]));
        assert!(matches!(nameless, Err(NoChart::ChartYaml(_))), "{nameless:?}");
    }

    #[test]
    fn what_is_no_package() {
        let html = About::of_package(b"<!DOCTYPE html><title>Log in</title>").unwrap_err().to_string();
        assert_eq!(html, "is no gzipped archive; it begins with \"<!DOCTYPE html><title>Log in</title>\"");
        let whole = package(&[("a/Chart.yaml", "name: a\nversion: 1.2.3\n")]);
        for cut in [3, whole.len() / 2, whole.len() - 4] {
            assert!(matches!(About::of_package(&whole[..cut]), Err(NoChart::Broken(_))), "{cut}");
        }
        assert!(matches!(About::of_package(&gzipped(b"text")), Err(NoChart::Broken(_))));
        let zeros = "\0".repeat(101 << 20);
        assert_eq!(About::of_package(&package(&[("a/f", &zeros)])), Err(NoChart::Large));
        let many: Vec<_> = (0..=ENTRIES).map(|n| format!("a/{n}")).collect();
        let many: Vec<_> = many.iter().map(|path| (path.as_str(), "")).collect();
        assert_eq!(About::of_package(&package(&many)), Err(NoChart::Large));
    }
}
