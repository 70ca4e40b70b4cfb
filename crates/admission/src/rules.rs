//! Rules that kinds share: the Project's Namespace, and texts that must compile.

use std::sync::LazyLock;

use ferry_api::names::label;
use ferry_artifact::pattern::re2;
use k8s_openapi::api::core::v1::Namespace;
use regex::Regex;

use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Cause, Denial, Reviewed};
use crate::request::{Operation, Request};

/// A pattern of ours, compiled once.
pub(crate) type Pattern = LazyLock<Option<Regex>>;

/// Compiles a pattern in RE2's syntax; ours always compile, which a test says.
pub(crate) fn compiled(pattern: &str) -> Option<Regex> {
    re2::compile(pattern).ok()
}

/// Whether a text matches a pattern of ours.
pub(crate) fn matches(pattern: &Pattern, text: &str) -> bool {
    pattern.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// New objects live in the Namespace of a Project: what is wrong with theirs.
pub(crate) fn project(request: &Request<'_>, known: &Snapshot) -> Reviewed<Vec<Cause>> {
    if request.operation != Operation::Create {
        return Ok(Vec::new());
    }
    let name = request.namespace;
    let Some(namespace) = known.object::<Namespace>(Resource::Namespace, "", name)? else {
        return Err(request.deny(Denial::not_found("", "namespaces", name)));
    };
    if is_project(&namespace) {
        return Ok(Vec::new());
    }
    let why = format!("namespace {name:?} is not a project");
    Ok(vec![Cause::invalid("metadata.namespace", name, why)])
}

/// Whether a Namespace belongs to a Project.
pub(crate) fn is_project(namespace: &Namespace) -> bool {
    let labels = namespace.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(label::PROJECT)).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_patterns_compile() {
        for pattern in [
            &crate::subscription::GIT_URL,
            &crate::subscription::GIT_BRANCH,
            &crate::subscription::IMAGE_URL,
            &crate::subscription::IMAGE_PLATFORM,
            &crate::subscription::CHART_URL,
            &crate::subscription::LABEL_NAME,
            &crate::steps::RESERVED,
        ] {
            assert!(pattern.is_some());
        }
    }
}
