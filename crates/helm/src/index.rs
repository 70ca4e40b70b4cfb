//! The index of a chart repository: which charts there are, in which versions.

use std::collections::BTreeMap;

use ferry_artifact::semver::{Constraint, Version};
use serde::Deserialize;

/// An index, as far as it matters.
#[derive(Debug, Default, Deserialize)]
pub struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Vec<Release>>,
}

/// One version of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// The version.
    pub version: String,
    /// Where the package is, seen from the repository.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The package's SHA-256.
    #[serde(default)]
    pub digest: Option<String>,
}

impl Index {
    /// Reads the text of an `index.yaml`.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|e| format!("index.yaml: {e}"))
    }

    /// The newest version of a chart that will do.
    pub fn newest(&self, name: &str, constraint: &Constraint) -> Option<&Release> {
        let known = self.entries.get(name)?.iter().filter(|release| !release.urls.is_empty());
        let mut fitting: Vec<_> =
            known.filter_map(|release| Some((Version::parse(&release.version).ok()?, release))).collect();
        fitting.retain(|(version, _)| constraint.matches(version));
        fitting.sort_by(|(a, _), (b, _)| Version::newest_first(a, b));
        fitting.first().map(|(_, release)| *release)
    }

    /// Whether there is a chart of that name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_will_do() {
        let text = "apiVersion: v1\nentries:\n  a:\n  - {version: 1.2.0, urls: [a-1.2.0.tgz]}\n  \
                    - {version: 1.10.0, urls: [x/a.tgz], digest: 00}\n  - {version: 1.11.0, urls: []}\n  \
                    - {version: 2.0.0-rc.1, urls: [a.tgz]}\n  - {version: no, urls: [a.tgz]}\n";
        let index = Index::read(text).unwrap();
        for (constraint, version) in [
            ("^1.0.0", Some("1.10.0")),
            ("1.2.0", Some("1.2.0")),
            (">=2.0.0-0", Some("2.0.0-rc.1")),
            (">=2", None),
        ] {
            let found = index.newest("a", &Constraint::parse(constraint).unwrap());
            assert_eq!(found.map(|release| release.version.as_str()), version, "{constraint}");
        }
        assert!(!index.has("b"));
        assert!(Index::read("entries: [").is_err());
    }
}
