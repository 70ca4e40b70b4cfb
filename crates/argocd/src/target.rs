//! Which Applications a step or a check speaks of: by name or by labels, in a namespace.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Application;

/// An Application's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AppRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AppRef {
    /// From both parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl From<Application<'_>> for AppRef {
    fn from(app: Application<'_>) -> Self {
        Self::new(app.namespace(), app.name())
    }
}

impl fmt::Display for AppRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argo CD Application {:?} in namespace {:?}", self.name, self.namespace)
    }
}
