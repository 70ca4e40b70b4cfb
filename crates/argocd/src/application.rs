//! A view of an Application as the API server sent it. Nothing is converted, so unknown fields stay; what is missing
//! or of another type than expected reads as absent. No input makes it fail.

mod operation;
mod source;

pub use operation::{Operation, OperationState, Phase};
pub use source::Source;

use jiff::Timestamp;
use serde_json::Value;

/// An Application.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a>(&'a Value);

/// What Argo CD has to say about an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition<'a> {
    /// Its type.
    pub kind: &'a str,
    /// In words.
    pub message: &'a str,
}

/// Conditions under which nothing that an Application reports is worth anything.
const ERROR_CONDITIONS: [&str; 2] = ["ComparisonError", "InvalidSpecError"];

impl<'a> Application<'a> {
    /// Looks at an object.
    pub fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The object.
    pub fn raw(self) -> &'a Value {
        self.0
    }

    /// `metadata.name`.
    pub fn name(self) -> &'a str {
        text(self.0, &["metadata", "name"])
    }

    /// `metadata.namespace`.
    pub fn namespace(self) -> &'a str {
        text(self.0, &["metadata", "namespace"])
    }

    /// `metadata.uid`.
    pub fn uid(self) -> &'a str {
        text(self.0, &["metadata", "uid"])
    }

    /// `metadata.resourceVersion`.
    pub fn resource_version(self) -> &'a str {
        text(self.0, &["metadata", "resourceVersion"])
    }

    /// An annotation.
    pub fn annotation(self, key: &str) -> Option<&'a str> {
        at(self.0, &["metadata", "annotations", key])?.as_str()
    }

    /// A label.
    pub fn label(self, key: &str) -> Option<&'a str> {
        at(self.0, &["metadata", "labels", key])?.as_str()
    }

    /// `metadata.labels`.
    pub fn labels(self) -> Option<&'a Value> {
        at(self.0, &["metadata", "labels"]).filter(|labels| !labels.is_null())
    }

    /// What it is made of: `spec.sources` unless that is empty, else `spec.source`.
    pub fn sources(self) -> Vec<Source<'a>> {
        match self.source_list() {
            [] => at(self.0, &["spec", "source"])
                .filter(|source| source.is_object())
                .map(Source::new)
                .into_iter()
                .collect(),
            list => list.iter().map(Source::new).collect(),
        }
    }

    /// `spec.sources`.
    pub(crate) fn source_list(self) -> &'a [Value] {
        list(at(self.0, &["spec", "sources"]))
    }

    /// `spec.syncPolicy`.
    pub(crate) fn sync_policy(self, field: &str) -> Option<&'a Value> {
        at(self.0, &["spec", "syncPolicy", field]).filter(|value| !value.is_null())
    }

    /// The operation that was asked for and that Argo CD has not finished.
    pub fn operation(self) -> Option<Operation<'a>> {
        at(self.0, &["operation"]).filter(|operation| operation.is_object()).map(Operation::new)
    }

    /// How the latest operation is going or went.
    pub fn operation_state(self) -> Option<OperationState<'a>> {
        at(self.0, &["status", "operationState"]).filter(|state| state.is_object()).map(OperationState::new)
    }

    /// Whether it was reconciled ever.
    pub fn has_status(self) -> bool {
        at(self.0, &["status"]).is_some_and(Value::is_object)
    }

    /// `status.health.status`; empty when not assessed yet.
    pub fn health(self) -> &'a str {
        text(self.0, &["status", "health", "status"])
    }

    /// `status.sync.status`.
    pub fn sync(self) -> &'a str {
        text(self.0, &["status", "sync", "status"])
    }

    /// The revisions that it was compared with, one a source.
    pub fn revisions(self) -> Vec<&'a str> {
        revisions(at(self.0, &["status", "sync"]))
    }

    /// When it was compared last.
    pub fn reconciled_at(self) -> Option<Timestamp> {
        time(at(self.0, &["status", "reconciledAt"]))
    }

    /// What the comparison was made with (`status.sync.comparedTo`).
    pub fn compared_sources(self) -> Vec<Source<'a>> {
        match list(at(self.0, &["status", "sync", "comparedTo", "sources"])) {
            [] => at(self.0, &["status", "sync", "comparedTo", "source"])
                .filter(|source| source.is_object())
                .map(Source::new)
                .into_iter()
                .collect(),
            list => list.iter().map(Source::new).collect(),
        }
    }

    /// `status.conditions`.
    pub fn conditions(self) -> impl Iterator<Item = Condition<'a>> {
        list(at(self.0, &["status", "conditions"])).iter().map(|condition| Condition {
            kind: text(condition, &["type"]),
            message: text(condition, &["message"]),
        })
    }

    /// The conditions that say that it cannot be compared at all.
    pub fn error_conditions(self) -> impl Iterator<Item = Condition<'a>> {
        self.conditions().filter(|condition| ERROR_CONDITIONS.contains(&condition.kind))
    }

    /// Whether the comparison is older than the end of the latest operation: neither health nor sync is to be trusted.
    pub fn is_stale(self) -> bool {
        let finished = self.operation_state().and_then(OperationState::finished_at);
        finished.is_some_and(|finished| self.reconciled_at().is_none_or(|reconciled| reconciled < finished))
    }

    /// Whether somebody already asked Argo CD to look again, past what it remembers.
    pub fn is_refresh_requested(self) -> bool {
        self.annotation(crate::REFRESH_ANNOTATION) == Some("hard")
    }

    /// `status.history`, oldest first.
    pub(crate) fn history(self) -> &'a [Value] {
        list(at(self.0, &["status", "history"]))
    }
}

/// The value at a path of keys.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(*key))
}

/// The text at a path of keys, or nothing.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

/// `revisions`, or the one `revision`, of a sync status or result.
pub(crate) fn revisions(of: Option<&Value>) -> Vec<&str> {
    let Some(of) = of else { return vec![""] };
    match list(of.get("revisions")) {
        [] => vec![text(of, &["revision"])],
        list => list.iter().map(|revision| revision.as_str().unwrap_or_default()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fm_26_sources_win_over_source() {
        let object =
            json!({"spec": {"source": {"repoURL": "a"}, "sources": [{"repoURL": "b"}, {"repoURL": "c"}]}});
        let urls: Vec<_> = Application::new(&object).sources().iter().map(|s| s.repo_url()).collect();
        assert_eq!(urls, ["b", "c"]);
        let object = json!({"spec": {"source": {"repoURL": "a"}, "sources": []}});
        assert_eq!(Application::new(&object).sources().len(), 1);
        assert!(Application::new(&json!({"spec": {}})).sources().is_empty());
    }
}
