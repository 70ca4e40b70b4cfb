//! What a step saw in earlier attempts. Self-heal may replace our operation by one of its own milliseconds after ours
//! succeeded; what was seen then still counts. The caller keeps this between attempts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Context;
use crate::application::text;
use crate::{AppRef, Application};

/// What was seen, by `namespace/name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen(pub BTreeMap<String, SeenApp>);

/// What was seen of one Application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenApp {
    /// An operation was requested; the newest id in the Application's history then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
    /// The operation succeeded, with these desired revisions met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<Vec<String>>,
}

/// A request for an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The newest id in `status.history` before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

impl Seen {
    /// What was seen of an Application.
    pub fn of(&self, app: &AppRef) -> Option<&SeenApp> {
        self.0.get(&app.key())
    }

    pub(super) fn requested(&mut self, app: Application<'_>) {
        let after = app.history().iter().filter_map(|entry| entry.get("id")?.as_i64()).max();
        let seen = SeenApp { requested: Some(Requested { after }), succeeded: None };
        self.0.insert(AppRef::from(app).key(), seen);
    }

    pub(super) fn succeeded(&mut self, app: Application<'_>, desired: &[String]) {
        self.0.entry(AppRef::from(app).key()).or_default().succeeded = Some(desired.to_vec());
    }
}

impl SeenApp {
    /// Whether our operation is known to have succeeded: it was seen, or the Application's history, which only
    /// succeeded operations enter, got an entry of ours with the desired revisions since the request.
    pub fn is_done(&self, app: Application<'_>, context: &Context, desired: &[String]) -> bool {
        self.succeeded.as_deref() == Some(desired)
            || self.requested.as_ref().is_some_and(|requested| {
                app.history().iter().any(|entry| {
                    entry.get("id").and_then(Value::as_i64) > requested.after
                        && text(entry, &["initiatedBy", "username"]) == context.initiator().username
                        && are_met(entry, desired)
                })
            })
    }
}

fn are_met(entry: &Value, desired: &[String]) -> bool {
    let applied = crate::application::revisions(Some(entry));
    applied.len() == desired.len()
        && applied.iter().zip(desired).all(|(applied, desired)| desired.is_empty() || applied == desired)
}
