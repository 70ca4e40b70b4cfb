//! What is asked, and by whom: everything that a review depends on besides look-ups.

use ferry_api::Time;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outcome::{Cause, Denial, Reviewed, Stop};

/// What happens to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is replaced or patched.
    Update,
    /// It is removed.
    Delete,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name, as the API server knows it.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whether it is a part of the control plane: an API or a controller that speaks for others.
    pub is_control_plane: bool,
    /// Whether it may promote anything without being asked for the right.
    pub bypasses_promote: bool,
}

impl User {
    /// The text that annotations and Events bear.
    pub(crate) fn actor(&self) -> String {
        format!("kubernetes:{}", self.name)
    }
}

/// What a pure function is given of the world around it.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// A fresh ULID, for a Promotion's name.
    pub ulid: &'a str,
    /// Randomness, for aliases.
    pub entropy: u64,
    /// Kinds of steps that there are; empty where that is not known.
    pub known_steps: &'a [&'a str],
}

/// A write, before it happens.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What happens to the object.
    pub operation: Operation,
    /// API group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Subresource, such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Namespace; empty for objects of the whole cluster.
    pub namespace: &'a str,
    /// Name; may be empty before one is generated.
    pub name: &'a str,
    /// The object as it would be stored; `None` for deletions.
    pub object: Option<&'a Value>,
    /// The object as it is stored, for updates and deletions.
    pub old: Option<&'a Value>,
    /// Who asks.
    pub user: &'a User,
    /// Whether nothing will be written.
    pub dry_run: bool,
    /// The world around.
    pub context: Context<'a>,
}

impl Request<'_> {
    /// The time, as objects carry it.
    pub(crate) fn now(&self) -> Time {
        Time::from(self.context.now)
    }

    /// The object, typed. The schema was checked, so a failure names what the schema does not know.
    pub(crate) fn typed<T: DeserializeOwned>(&self) -> Reviewed<T> {
        self.read(self.object)
    }

    /// The stored object, typed; `None` where it cannot be read.
    pub(crate) fn typed_old<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.old?).ok()
    }

    /// The stored object, typed, where the review is about it.
    pub(crate) fn stored<T: DeserializeOwned>(&self) -> Reviewed<T> {
        self.read(self.old)
    }

    fn read<T: DeserializeOwned>(&self, object: Option<&Value>) -> Reviewed<T> {
        T::deserialize(object.unwrap_or(&Value::Null))
            .map_err(|error| self.deny(Denial::bad_request(format!("{} cannot be read: {error}", self.kind))))
    }

    /// A refusal of the object's content, unless there is nothing to complain of.
    pub(crate) fn accept(&self, causes: Vec<Cause>) -> Reviewed<()> {
        if causes.is_empty() { Ok(()) } else { Err(self.invalid(causes)) }
    }

    /// A refusal of the object's content.
    pub(crate) fn invalid(&self, causes: Vec<Cause>) -> Stop {
        self.deny(Denial::invalid(self.group, self.kind, self.object_name(), causes))
    }

    /// Any refusal.
    #[expect(clippy::unused_self, reason = "reads as the request's answer")]
    pub(crate) fn deny(&self, denial: Denial) -> Stop {
        Stop::Denied(Box::new(denial))
    }

    /// The name that the object has now.
    pub(crate) fn object_name(&self) -> &str {
        let object = self.object.or(self.old);
        let name = object.and_then(|object| object["metadata"]["name"].as_str());
        name.filter(|name| !name.is_empty()).unwrap_or(self.name)
    }
}
