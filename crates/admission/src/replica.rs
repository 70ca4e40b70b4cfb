//! Copies of shared Secrets and ConfigMaps in a Project's Namespace: nobody but the control plane touches them.

use k8s_openapi::api::core::v1::Namespace;

use crate::lookup::{Resource, Snapshot};
use crate::metadata;
use crate::outcome::{Denial, Reviewed};
use crate::request::{Operation, Request};
use crate::rules;

const LABEL: &str = "kargo.akuity.io/replicated-from";
const MASTERS: &str = "system:masters";
/// What clears a Namespace or orphaned objects away.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
];

/// Refuses users who make, change or delete a copy.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    let has_label = |object: &serde_json::Value| metadata::get(object, "labels", LABEL).is_some();
    if !request.object.into_iter().chain(request.old).any(has_label) {
        return Ok(());
    }
    let user = request.user;
    let cleans = request.operation == Operation::Delete && CLEANERS.contains(&user.name.as_str());
    if user.is_control_plane || cleans || user.groups.iter().any(|group| group == MASTERS) {
        return Ok(());
    }
    let namespace: Option<Namespace> = known.object(Resource::Namespace, "", request.namespace)?;
    if !namespace.as_ref().is_some_and(rules::is_project) {
        return Ok(());
    }
    let plural = if request.kind == "Secret" { "secrets" } else { "configmaps" };
    let why = "it is a copy of a shared object; change the original";
    Err(request.deny(Denial::forbidden("", plural, request.object_name(), why)))
}
