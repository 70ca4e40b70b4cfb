//! One served version of one kind: how it is named, stored, checked and shown.

use std::sync::Arc;

use ferry_store::Object;
use serde_json::Value;

use crate::kinds::Builtin;
use crate::schema::Structural;
use crate::status::qualified;
use crate::table::Columns;

/// The verbs of everything that is stored.
pub(crate) const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same in the order in which custom resources announce them.
pub(crate) const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// One served version of one kind.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Whether `.status` is written through its own path only.
    pub(crate) has_status: bool,
    /// The store's name: `group/plural`, shared by all versions.
    pub(crate) storage: Arc<str>,
    pub(crate) columns: Columns,
    /// The types of a built-in kind.
    pub(crate) types: Option<Structural>,
    pub(crate) nature: Nature,
}

/// What decides how objects are checked.
#[derive(Debug)]
pub(crate) enum Nature {
    /// A kind every cluster has.
    Builtin(Builtin),
    /// A kind of a stored definition.
    Custom(Arc<Custom>),
    /// Not stored: a question, answered at once.
    Review,
}

/// One version of a stored definition, compiled.
#[derive(Debug)]
pub(crate) struct Custom {
    /// Uid of the definition: another uid is another kind.
    pub(crate) definition: String,
    /// The version's schema. `None`: any content.
    pub(crate) structural: Option<Arc<Structural>>,
    /// The schema of the version in which objects are stored, if that is another.
    pub(crate) storage: Option<Arc<Structural>>,
    /// Objects written before this version may lack defaults of the schema.
    pub(crate) since: u64,
    /// Where the version is written: a definition, and its place in there.
    pub(crate) source: Option<(Arc<Object>, usize)>,
    pub(crate) selectable: Vec<String>,
    pub(crate) deprecation: Option<String>,
    /// `apiVersion` of what is written to the store.
    pub(crate) stored_as: String,
    pub(crate) scale: Option<Scale>,
}

impl Custom {
    /// The schema as it is written; null if there is none.
    pub(crate) fn schema(&self) -> Value {
        let Some((definition, at)) = &self.source else { return Value::Null };
        let pointer = format!("/spec/versions/{at}/schema/openAPIV3Schema");
        definition.value().pointer(&pointer).cloned().unwrap_or_default()
    }
}

/// Where a custom object keeps its numbers of replicas: paths from its root.
#[derive(Debug)]
pub(crate) struct Scale {
    pub(crate) replicas: Vec<String>,
    pub(crate) status_replicas: Vec<String>,
    pub(crate) selector: Option<Vec<String>>,
}

impl Scale {
    /// Of a version of a definition.
    pub(crate) fn of(version: &Value) -> Option<Self> {
        let scale = version.pointer("/subresources/scale")?;
        let path = |field: &str| -> Option<Vec<String>> {
            let path = scale.get(field)?.as_str()?.trim_start_matches('.');
            Some(path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect())
        };
        Some(Self {
            replicas: path("specReplicasPath")?,
            status_replicas: path("statusReplicasPath")?,
            selector: path("labelSelectorPath"),
        })
    }
}

impl Resource {
    /// `apiVersion` of its objects.
    pub(crate) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `plural.group`, as messages name it.
    pub(crate) fn qualified(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    pub(crate) fn custom(&self) -> Option<&Arc<Custom>> {
        match &self.nature {
            Nature::Custom(custom) => Some(custom),
            _ => None,
        }
    }

    pub(crate) fn builtin(&self) -> Option<Builtin> {
        match self.nature {
            Nature::Builtin(builtin) => Some(builtin),
            _ => None,
        }
    }

    /// Whether there is a path to its number of replicas.
    pub(crate) fn has_scale(&self) -> bool {
        self.custom().is_some_and(|c| c.scale.is_some())
    }

    pub(crate) fn is(&self, builtin: Builtin) -> bool {
        self.builtin() == Some(builtin)
    }

    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        match self.nature {
            Nature::Builtin(Builtin::Namespace) => {
                &["create", "delete", "get", "list", "patch", "update", "watch"]
            }
            Nature::Builtin(_) => ALL_VERBS,
            Nature::Custom(_) => CUSTOM_VERBS,
            Nature::Review => &["create"],
        }
    }

    /// Whether `metadata.generation` counts changes.
    pub(crate) fn counts_generations(&self) -> bool {
        matches!(self.nature, Nature::Custom(_) | Nature::Builtin(Builtin::Definition))
    }
}

/// `group/version`, or the bare version in the core group.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
