//! Project: its Namespace bears its name, and is made before it.

use std::collections::BTreeMap;

use ferry_api::names::{FINALIZER, label};
use k8s_openapi::api::core::v1::Namespace;

use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Allowed, Denial, Effect, Reviewed};
use crate::request::{Operation, Request};
use crate::rules;

/// A Namespace that is there must be meant for a Project.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    if request.operation != Operation::Create || request.dry_run {
        return Ok(());
    }
    let name = request.object_name();
    let Some(namespace) = known.object::<Namespace>(Resource::Namespace, "", name)? else {
        allowed.effects.push(Effect::CreateNamespace {
            name: name.to_owned(),
            labels: BTreeMap::from([(label::PROJECT.to_owned(), "true".to_owned())]),
            finalizers: vec![FINALIZER.to_owned()],
        });
        return Ok(());
    };
    let conflict = |why: &str| Err(request.deny(Denial::conflict(request.group, "projects", name, why)));
    if namespace.metadata.deletion_timestamp.is_some() {
        return conflict(&format!("namespace {name:?} is being deleted; try again when it is gone"));
    }
    if !rules::is_project(&namespace) {
        return conflict(&format!(
            "namespace {name:?} exists and is not meant for a project; to give it to one, label it {}=true",
            label::PROJECT
        ));
    }
    Ok(())
}
