//! `Chart.lock`: what was chosen the last time, and what is different now.

use std::collections::BTreeMap;

use ferry_engine::StepError;
use ferry_engine::work::{WorkDir, WorkPath};
use ferry_helm::{Dependency, Locked, lenient};
use jiff::Timestamp;

use super::read;
use crate::yaml::piece::{Map, Piece, Scalar, What};
use crate::{broke, yaml};

/// What `Chart.lock` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub chosen: Vec<Locked>,
    /// What `Chart.yaml` wanted when these were chosen.
    pub digest: String,
}

/// What is different now: names, and the versions before and after.
pub type Changes = BTreeMap<String, (Option<String>, Option<String>)>;

impl Lock {
    /// What is chosen for what is wanted.
    pub fn of(wanted: &[Dependency], chosen: Vec<Locked>) -> Result<Self, StepError> {
        let digest = ferry_helm::digest(wanted, &chosen).map_err(|e| StepError::Retryable(e.to_string()))?;
        Ok(Self { chosen, digest })
    }

    /// The lock of a chart, if it has one.
    pub fn there(work: &WorkDir, file: &WorkPath) -> Result<Option<Self>, StepError> {
        let text = match work.read_text(file) {
            Err(e) if e.is_missing() => return Ok(None),
            text => text.map_err(broke)?,
        };
        let lock = read(file, &text)?;
        let no = |e: String| StepError::Retryable(format!("{:?} cannot be read: {e}", file.as_written()));
        let digest = lenient::text(&lock, "digest").map_err(no)?;
        let chosen = ferry_helm::dependencies(&lock).map_err(no)?.unwrap_or_default();
        let chosen = chosen.into_iter().map(Locked::from).collect();
        Ok(Some(Self { chosen, digest }))
    }

    /// Whether it was made of what is wanted now; that of an old chart may be one of Helm 2.
    pub fn fits(&self, wanted: &[Dependency], is_old: bool) -> Result<bool, StepError> {
        if Self::of(wanted, self.chosen.clone())?.digest == self.digest {
            return Ok(true);
        }
        let old = ferry_helm::old_digest(wanted).map_err(|e| StepError::Retryable(e.to_string()))?;
        Ok(is_old && old == self.digest)
    }

    /// Its text.
    pub fn text(&self, generated: Timestamp) -> String {
        let map = |pairs: &[(&str, Piece)]| -> Piece {
            let pairs = pairs.iter().map(|(key, value)| (Scalar::text(key), value.clone())).collect();
            What::Map(Map { pairs, ..Map::default() }).into()
        };
        let items = self.chosen.iter().map(|locked| {
            map(&[
                ("name", Piece::text(&locked.name)),
                ("repository", Piece::text(&locked.repository)),
                ("version", Piece::text(&locked.version)),
            ])
        });
        let items = What::List { flow: false, items: items.collect() };
        yaml::write(&map(&[
            ("dependencies", items.into()),
            ("digest", Piece::text(&self.digest)),
            ("generated", Piece::text(&generated.to_string())),
        ]))
    }
}

/// What is different.
pub(super) fn changes(before: &[Locked], after: &[Locked]) -> Changes {
    let mut changes = Changes::new();
    for locked in before {
        changes.entry(locked.name.clone()).or_default().0 = Some(locked.version.clone());
    }
    for locked in after {
        changes.entry(locked.name.clone()).or_default().1 = Some(locked.version.clone());
    }
    changes.retain(|_, (before, after)| before != after);
    changes
}
