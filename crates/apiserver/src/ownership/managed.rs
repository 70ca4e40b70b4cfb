//! `metadata.managedFields`: read, kept per manager, written in the order of a real server.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::Set;

/// Entries of updates that are kept apart; the oldest above that are joined.
const MOST_UPDATERS: usize = 10;
/// The name of the entry that the oldest are joined in.
const ANCIENT: &str = "ancient-changes";

/// Who writes: a name, in which way, through which path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    /// Applying is one thing whatever the version; updates are told apart by version.
    pub(crate) updates_in: Option<String>,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

impl Manager {
    pub(crate) fn applies(&self) -> bool {
        self.updates_in.is_none()
    }
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) set: Set,
    /// The version in whose terms.
    pub(crate) api_version: String,
    /// When that last changed the object; none where it never did.
    pub(crate) time: Option<String>,
}

/// Who owns what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managed(pub(crate) BTreeMap<Manager, Owned>);

impl Managed {
    /// Reads `managedFields`. `None`: an entry is malformed.
    pub(crate) fn read(entries: Option<&Value>) -> Option<Self> {
        let mut managed = Self::default();
        for entry in entries.and_then(Value::as_array).into_iter().flatten() {
            let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let api_version = text("apiVersion");
            if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
                return None;
            }
            let updates_in = match text("operation").as_str() {
                "Apply" => None,
                "Update" => Some(api_version.clone()),
                _ => return None,
            };
            let set = match entry.get("fieldsV1") {
                None | Some(Value::Null) => Set::default(),
                Some(fields) => Set::from_fields(fields)?,
            };
            let who = Manager { updates_in, name: text("manager"), subresource: text("subresource") };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            managed.0.insert(who, Owned { set, api_version, time });
        }
        Some(managed)
    }

    /// Whether `managedFields` say that everything is to be forgotten: one empty entry.
    pub(crate) fn is_reset(entries: Option<&Value>) -> bool {
        let list = entries.and_then(Value::as_array);
        list.is_some_and(|list| matches!(list.as_slice(), [Value::Object(entry)] if entry.is_empty()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn drop_empty(&mut self) {
        self.0.retain(|_, owned| !owned.set.is_empty());
    }

    /// As `managedFields`: who applies first, then by time and name.
    pub(crate) fn written(&self) -> Vec<Value> {
        let mut entries: Vec<(&Manager, &Owned)> = self.0.iter().collect();
        entries.sort_by_key(|(manager, owned)| {
            (!manager.applies(), owned.time.clone(), manager.name.clone(), owned.api_version.clone())
        });
        entries
            .into_iter()
            .map(|(manager, owned)| {
                let mut entry = Map::new();
                let operation = if manager.applies() { "Apply" } else { "Update" };
                entry.insert("manager".into(), manager.name.as_str().into());
                entry.insert("operation".into(), operation.into());
                entry.insert("apiVersion".into(), owned.api_version.as_str().into());
                if let Some(time) = &owned.time {
                    entry.insert("time".into(), time.as_str().into());
                }
                entry.insert("fieldsType".into(), "FieldsV1".into());
                entry.insert("fieldsV1".into(), owned.set.to_fields());
                if !manager.subresource.is_empty() {
                    entry.insert("subresource".into(), manager.subresource.as_str().into());
                }
                Value::Object(entry)
            })
            .filter(|entry| {
                entry.get("manager") != Some(&json!("")) || entry.get("fieldsV1") != Some(&json!({}))
            })
            .collect()
    }

    /// Joins the oldest entries of updates where there are too many.
    pub(crate) fn join_oldest(&mut self) {
        let mut updaters: Vec<Manager> = self.0.keys().filter(|m| !m.applies()).cloned().collect();
        let mut surplus = updaters.len().saturating_sub(MOST_UPDATERS);
        if surplus == 0 {
            return;
        }
        updaters.sort_by_key(|manager| (self.0.get(manager).and_then(|o| o.time.clone()), manager.clone()));
        let mut first: BTreeMap<String, Manager> = BTreeMap::new();
        for manager in updaters {
            if surplus == 0 {
                return;
            }
            let Some(owned) = self.0.get(&manager).cloned() else { continue };
            let version = owned.api_version.clone();
            let Some(before) = first.get(&version).cloned() else {
                first.insert(version, manager);
                continue;
            };
            let bucket =
                Manager { updates_in: Some(version), name: ANCIENT.to_owned(), subresource: String::new() };
            let mut joined =
                self.0.remove(&bucket).or_else(|| self.0.remove(&before)).unwrap_or_else(|| owned.clone());
            joined.set = joined.set.union(&owned.set);
            joined.time = owned.time;
            self.0.remove(&manager);
            self.0.insert(bucket, joined);
            surplus -= 1;
        }
    }
}
