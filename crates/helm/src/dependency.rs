//! What a chart depends on, and what was chosen for it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::lenient::{as_text, field, list, plain, text};

/// A dependency as `Chart.yaml` has it. The fields are in the order in which Helm makes a digest of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// Which versions will do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it is.
    pub repository: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    enabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    import_values: Vec<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    alias: String,
}

/// What was chosen, as `Chart.lock` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Locked {
    /// The chart's name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it is.
    pub repository: String,
}

/// The dependencies that `Chart.yaml` or a lock has; none where it does not speak of any.
pub fn dependencies(about: &Value) -> Result<Option<Vec<Dependency>>, String> {
    let some = field(about, "dependencies").is_some();
    Ok(some.then_some(list(about, "dependencies", Dependency::read)?))
}

impl Dependency {
    fn read(value: &Value) -> Result<Self, String> {
        if !value.is_object() {
            return Err("is no map".to_owned());
        }
        let shown = |name: &str| text(value, name).map(|text| printable(&text));
        let enabled = match field(value, "enabled") {
            None => false,
            Some(enabled) => enabled.as_bool().ok_or("enabled is neither true nor false")?,
        };
        Ok(Self {
            name: shown("name")?,
            version: shown("version")?,
            repository: shown("repository")?,
            condition: shown("condition")?,
            tags: list(value, "tags", |tag| as_text(tag).map(|tag| printable(&tag)))?,
            enabled,
            import_values: list(value, "import-values", |value| Ok(plain(value)))?,
            alias: text(value, "alias")?,
        })
    }
}

impl From<Dependency> for Locked {
    fn from(of: Dependency) -> Self {
        Self { name: of.name, version: of.version, repository: of.repository }
    }
}

/// A text without what cannot be printed; tabs and line ends are spaces.
fn printable(text: &str) -> String {
    let space = |c: char| if c.is_whitespace() { ' ' } else { c };
    text.chars().map(space).filter(|c| !c.is_control()).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What `Chart.lock` says that it was made of: what is wanted and what was chosen.
pub fn digest(wanted: &[Dependency], chosen: &[Locked]) -> Result<String, serde_json::Error> {
    digest_of(&(wanted, chosen))
}

/// What a lock of Helm 2 says that it was made of: what is wanted.
pub fn old_digest(wanted: &[Dependency]) -> Result<String, serde_json::Error> {
    digest_of(&BTreeMap::from([("dependencies", wanted)]))
}

fn digest_of(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(value)?;
    // As Go writes JSON.
    for (sign, escaped) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        text = text.replace(sign, escaped);
    }
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_the_digest_that_helm_gives_it() {
        let wanted = Dependency {
            name: "sub".to_owned(),
            version: "0.2.0".to_owned(),
            repository: "file://../sub".to_owned(),
            ..Dependency::default()
        };
        let chosen = Locked {
            name: "sub".to_owned(),
            version: "0.2.0".to_owned(),
            repository: "file://../sub".to_owned(),
        };
        let recorded = "sha256:3e74cdb3d53d51f94b3b35fbcd74a95e8362365c3bcd6da0640abed96d07613e";
        assert_eq!(digest(&[wanted], &[chosen]).unwrap(), recorded);
    }
}
