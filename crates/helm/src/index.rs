//! The index of a chart repository: which charts there are, in which versions.

use std::collections::BTreeMap;

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

    /// The versions of a chart that can be fetched, if there is such a chart.
    pub fn releases(&self, name: &str) -> Option<Vec<&Release>> {
        let all = self.entries.get(name)?;
        Some(all.iter().filter(|release| !release.urls.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_fetched() {
        let text = "apiVersion: v1\nentries:\n  a:\n  - {version: 1.2.0, urls: [a-1.2.0.tgz]}\n  \
                    - {version: 1.11.0, urls: []}\n  - {version: 1.12.0}\n  - {version: no, urls: [a.tgz]}\n";
        let index = Index::read(text).unwrap();
        let versions: Vec<_> = index.releases("a").unwrap().iter().map(|one| one.version.as_str()).collect();
        assert_eq!(versions, ["1.2.0", "no"]);
        assert!(index.releases("b").is_none());
        assert!(Index::read("entries: [").is_err());
    }
}
