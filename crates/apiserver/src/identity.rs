//! Who asks: put on a request as an extension by our own layers, never by a header as such.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A user as the authenticator knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub name: String,
    /// A stable id; may be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// More facts.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";
/// The group of everyone with a valid credential.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everyone without.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user without a credential.
pub const ANONYMOUS: &str = "system:anonymous";

impl Identity {
    /// A user with a credential; the group `system:authenticated` is added.
    pub fn user<G: Into<String>>(name: impl Into<String>, groups: impl IntoIterator<Item = G>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().map(Into::into).collect();
        if !groups.iter().any(|g| g == AUTHENTICATED) {
            groups.push(AUTHENTICATED.into());
        }
        Self { name: name.into(), groups, ..Self::default() }
    }

    /// The same with a uid.
    #[must_use]
    pub fn with_uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = uid.into();
        self
    }

    /// A member of `system:masters`: what the in-process client usually is.
    pub fn master(name: impl Into<String>) -> Self {
        Self::user(name, [MASTERS])
    }

    /// Nobody.
    pub fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), groups: vec![UNAUTHENTICATED.into()], ..Self::default() }
    }

    /// Whether the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// As the `userInfo` of the Kubernetes API.
    pub fn to_value(&self) -> Value {
        let mut user = Map::new();
        user.insert("username".into(), self.name.as_str().into());
        if !self.uid.is_empty() {
            user.insert("uid".into(), self.uid.as_str().into());
        }
        if !self.groups.is_empty() {
            user.insert("groups".into(), json!(self.groups));
        }
        if !self.extra.is_empty() {
            user.insert("extra".into(), json!(self.extra));
        }
        Value::Object(user)
    }
}
