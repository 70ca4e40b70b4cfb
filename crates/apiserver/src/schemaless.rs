//! Kinds that somebody wants to be stored and that no definition describes: any content, no checks but of metadata.

use std::sync::Arc;

use serde_json::json;

use crate::resource::{Custom, Nature, Resource, api_version};
use crate::table::Columns;

/// A kind of any content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schemaless {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The plural, as in paths.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether `.status` is written through its own path only.
    pub has_status: bool,
}

impl Schemaless {
    pub(crate) fn resource(&self) -> Arc<Resource> {
        let (group, plural) = (self.group.to_owned(), self.plural.to_owned());
        let custom = Custom {
            definition: format!("schemaless:{group}/{plural}"),
            structural: None,
            storage: None,
            since: 0,
            selectable: Vec::new(),
            deprecation: None,
            stored_as: api_version(&group, self.version),
            scale: None,
            source: None,
        };
        Arc::new(Resource {
            storage: format!("{group}/{plural}").into(),
            version: self.version.to_owned(),
            singular: self.kind.to_lowercase(),
            kind: self.kind.to_owned(),
            list_kind: format!("{}List", self.kind),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: self.namespaced,
            has_status: self.has_status,
            columns: Columns::from_crd_version(&json!({})),
            types: None,
            nature: Nature::Custom(Arc::new(custom)),
            group,
            plural,
        })
    }
}
