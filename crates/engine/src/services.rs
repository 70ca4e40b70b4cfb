//! Process-wide things that steps share with controllers: Git mirrors, the Argo CD connection.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A typed table, filled once at start.
#[derive(Clone, Default)]
pub struct Services(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Services {
    /// The empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// The table with one more thing in it.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(self, thing: Arc<T>) -> Self {
        let mut table = HashMap::clone(&self.0);
        table.insert(TypeId::of::<T>(), thing);
        Self(Arc::new(table))
    }

    /// The thing of type `T`, if the process has one.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned().and_then(|thing| thing.downcast::<T>().ok())
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({})", self.0.len())
    }
}
