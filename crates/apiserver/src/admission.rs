//! Where rules of the product enter: hooks that may change an object before it is checked and refuse it afterwards.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;

use crate::{Identity, Status};

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is replaced or patched.
    Update,
    /// It is removed.
    Delete,
}

/// What is about to happen.
#[derive(Debug, Clone)]
pub struct Request {
    /// What happens to the object.
    pub operation: Operation,
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// The plural.
    pub resource: String,
    /// Subresource, such as `status`; empty for the object itself.
    pub subresource: String,
    /// Namespace; empty for objects of the whole cluster.
    pub namespace: String,
    /// Name; with `generateName` the generated one.
    pub name: String,
    /// The object as it is stored, for updates and deletions.
    pub old_object: Option<Arc<Value>>,
    /// Who asks.
    pub user: Identity,
    /// Whether nothing will be written.
    pub dry_run: bool,
    /// What the hooks leave to each other.
    pub notes: Notes,
}

/// What one hook found out and another of the same request can use. Copies of a request share them; a request that is
/// tried again begins without.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<http::Extensions>>);

impl Notes {
    /// Leaves a value, in the place of one of the same type.
    pub fn put<T: Clone + Send + Sync + 'static>(&self, value: T) {
        self.0.lock().insert(value);
    }

    /// Takes what was left.
    pub fn take<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.lock().remove()
    }
}

/// Hooks around validation. Both run outside the writer and may be called again for the same request when the
/// object changed meanwhile.
#[async_trait]
pub trait Admission: Send + Sync {
    /// Whether there are rules for this request at all; others cost nothing.
    fn covers(&self, request: &Request) -> bool {
        let _ = request;
        true
    }

    /// Whether [`Admission::mutate`] has anything to say; where not, the object is not looked at for it.
    fn defaults(&self, request: &Request) -> bool {
        self.covers(request)
    }

    /// May change the object. It is defaulted, pruned and checked against its schema afterwards.
    async fn mutate(
        &self,
        request: &Request,
        object: &mut Value,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        let _ = (request, object, warnings);
        Ok(())
    }

    /// May refuse. `object` is what will be stored; `None` for deletions.
    async fn validate(
        &self,
        request: &Request,
        object: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        let _ = (request, object, warnings);
        Ok(())
    }
}

/// No rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn covers(&self, _: &Request) -> bool {
        false
    }
}
