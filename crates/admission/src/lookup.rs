//! What a review may ask of the cluster, and the answers so far.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outcome::{Denial, Reviewed, Stop};

/// The kinds that are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A Namespace.
    Namespace,
    /// A ClusterPromotionTask.
    ClusterPromotionTask,
    /// Freight.
    Freight,
    /// A ProjectConfig.
    ProjectConfig,
    /// A PromotionTask.
    PromotionTask,
    /// A Stage.
    Stage,
    /// A Target.
    Target,
    /// A Warehouse.
    Warehouse,
}

impl Resource {
    /// API group; empty for the core group.
    pub fn group(self) -> &'static str {
        if self == Self::Namespace { "" } else { ferry_api::GROUP }
    }

    /// API version.
    pub fn version(self) -> &'static str {
        if self == Self::Namespace { "v1" } else { ferry_api::VERSION }
    }

    /// The plural, as in URLs.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::ClusterPromotionTask => "clusterpromotiontasks",
            Self::Freight => "freights",
            Self::ProjectConfig => "projectconfigs",
            Self::PromotionTask => "promotiontasks",
            Self::Stage => "stages",
            Self::Target => "targets",
            Self::Warehouse => "warehouses",
        }
    }

    /// The kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::ClusterPromotionTask => "ClusterPromotionTask",
            Self::Freight => "Freight",
            Self::ProjectConfig => "ProjectConfig",
            Self::PromotionTask => "PromotionTask",
            Self::Stage => "Stage",
            Self::Target => "Target",
            Self::Warehouse => "Warehouse",
        }
    }
}

/// A question to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// One object. The answer is [`Answer::Object`].
    Object {
        /// Of which kind.
        resource: Resource,
        /// In which namespace; empty for the whole cluster's.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All of a kind. The answer is [`Answer::List`].
    List {
        /// Of which kind.
        resource: Resource,
        /// In which namespace; empty for all.
        namespace: String,
        /// Only those with this label.
        label: Option<(String, String)>,
    },
    /// Whether the request's user may do something (a SubjectAccessReview). The answer is [`Answer::Access`].
    Access {
        /// The verb.
        verb: &'static str,
        /// On which kind.
        resource: Resource,
        /// In which namespace.
        namespace: String,
        /// To which object.
        name: String,
    },
}

/// What the cluster answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The object as JSON that nobody has read yet, or that there is none.
    Object(Option<String>),
    /// The objects.
    List(Vec<Value>),
    /// Yes or no.
    Access(bool),
}

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    answers: BTreeMap<Lookup, Answer>,
}

impl Snapshot {
    /// Adds an answer.
    pub fn insert(&mut self, lookup: Lookup, answer: Answer) {
        self.answers.insert(lookup, answer);
    }

    /// One object, typed; `None` where there is none.
    pub(crate) fn object<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Reviewed<Option<T>> {
        if name.is_empty() {
            return Ok(None);
        }
        let lookup = Lookup::Object { resource, namespace: namespace.into(), name: name.into() };
        match self.answer(lookup)? {
            Answer::Object(Some(text)) => {
                serde_json::from_str(text).map(Some).map_err(|error| unreadable(resource, name, &error))
            }
            _ => Ok(None),
        }
    }

    /// Several objects of a namespace, each under its name, fetched at once.
    pub(crate) fn ensure(&self, lookups: impl IntoIterator<Item = Lookup>) -> Reviewed<()> {
        let missing: Vec<Lookup> =
            lookups.into_iter().filter(|lookup| !self.answers.contains_key(lookup)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// All of a kind, typed.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: &str,
        label: Option<(&str, &str)>,
    ) -> Reviewed<Vec<T>> {
        let label = label.map(|(key, value)| (key.to_owned(), value.to_owned()));
        match self.answer(Lookup::List { resource, namespace: namespace.into(), label })? {
            Answer::List(objects) => objects.iter().map(|object| read(resource, object)).collect(),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether the request's user may do something.
    pub(crate) fn may(
        &self,
        verb: &'static str,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Reviewed<bool> {
        let lookup = Lookup::Access { verb, resource, namespace: namespace.into(), name: name.into() };
        Ok(matches!(self.answer(lookup)?, Answer::Access(true)))
    }

    fn answer(&self, lookup: Lookup) -> Reviewed<&Answer> {
        self.answers.get(&lookup).ok_or_else(|| Stop::Need(vec![lookup]))
    }
}

fn read<T: DeserializeOwned>(resource: Resource, object: &Value) -> Reviewed<T> {
    T::deserialize(object).map_err(|error| {
        unreadable(resource, object["metadata"]["name"].as_str().unwrap_or_default(), &error)
    })
}

fn unreadable(resource: Resource, name: &str, error: &serde_json::Error) -> Stop {
    let message = format!("{} {name:?} is stored in a form that cannot be read: {error}", resource.kind());
    Stop::Denied(Box::new(Denial::internal(message)))
}
