//! Deleting: preconditions, finalizers, propagation; a namespace or a definition first becomes terminating.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use ferry_store::{Object, WriteError};
use http::StatusCode;
use serde_json::{Value, json};

use super::{ATTEMPTS, Call, decode, draft, refused};
use crate::admission::Operation;
use crate::kinds::Builtin;
use crate::options::dry_run;
use crate::resource::Resource;
use crate::schema::{Cause, CauseReason};
use crate::{Server, Status, meta, respond};

/// Finalizer of a definition whose objects are to be removed first.
pub(crate) const DEFINITION_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// How dependents are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Propagation {
    /// What the object's finalizers say already.
    #[default]
    Unsaid,
    Background,
    Foreground,
    Orphan,
}

/// What a deletion asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) propagation: Propagation,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
}

impl DeleteOptions {
    pub(super) fn parse(call: &Call) -> Result<Self, Status> {
        let body = if call.body.is_empty() { Value::Null } else { decode::body(call)?.0 };
        if !(body.is_null() || body.is_object()) {
            return Err(Status::bad_request("couldn't get version/kind; json parse error: not an object"));
        }
        let kind = body.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
        if kind != "DeleteOptions" {
            return Err(Status::bad_request(format!("{kind} cannot be handled as DeleteOptions")));
        }
        let mut causes = Vec::new();
        let listed: Vec<&str> = body
            .get("dryRun")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let asked = if listed.is_empty() { call.query.all("dryRun") } else { listed };
        let dry_run = dry_run(&asked, &mut causes);
        let policy = match body.get("propagationPolicy") {
            Some(Value::String(text)) => Some(text.as_str()),
            Some(Value::Null) | None => call.query.text("propagationPolicy"),
            Some(_) => return Err(Status::bad_request("propagationPolicy must be a string")),
        };
        let orphan = body
            .get("orphanDependents")
            .and_then(Value::as_bool)
            .or_else(|| call.query.get("orphanDependents").map(|_| call.query.flag("orphanDependents")));
        let propagation = propagation(policy, orphan, &mut causes);
        if !causes.is_empty() {
            return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", &causes));
        }
        let precondition = |field: &str| match body.get("preconditions").and_then(|p| p.get(field)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Status::bad_request(format!("preconditions.{field} must be a string"))),
        };
        Ok(Self {
            dry_run,
            propagation,
            uid: precondition("uid")?,
            version: precondition("resourceVersion")?,
        })
    }
}

fn propagation(policy: Option<&str>, orphan: Option<bool>, causes: &mut Vec<Cause>) -> Propagation {
    let mut fault = |message: String, reason| {
        causes.push(Cause { reason, field: "propagationPolicy".into(), message });
    };
    match (policy, orphan) {
        (Some(_), Some(_)) => {
            fault(
                "Invalid value: orphanDependents and deletionPropagation cannot be both set".into(),
                CauseReason::Invalid,
            );
            Propagation::Background
        }
        (Some("Foreground"), _) => Propagation::Foreground,
        (Some("Orphan"), _) | (None, Some(true)) => Propagation::Orphan,
        (Some("Background"), _) | (None, Some(false)) => Propagation::Background,
        (None, None) => Propagation::Unsaid,
        (Some(other), _) => {
            fault(
                format!(
                    "Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                ),
                CauseReason::NotSupported,
            );
            Propagation::Background
        }
    }
}

/// What became of it.
pub(crate) enum Deletion {
    /// It is gone (or would be, in a dry run); its last content.
    Gone(Arc<Object>),
    /// It is terminating and waits for its finalizers.
    Waiting(Value),
}

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let options = DeleteOptions::parse(call)?;
    let deletion = with_admission(call, call.name(), &options).await?;
    call.after_write().await;
    let resource = &call.resource;
    match deletion {
        Deletion::Gone(object) if answers_object(resource) => {
            respond::object(StatusCode::OK, resource, &object, form, include)
        }
        Deletion::Gone(object) => {
            let mut status = Status::new(200, "", "");
            status.details.group.clone_from(&resource.group);
            status.details.kind.clone_from(&resource.plural);
            status.details.name.clone_from(&object.key.name);
            object.uid().clone_into(&mut status.details.uid);
            Ok(status.into_response())
        }
        Deletion::Waiting(value) => {
            respond::value(StatusCode::OK, resource, &respond::in_version(resource, &value), form, include)
        }
    }
}

/// Some kinds answer with the object rather than a `Status`.
fn answers_object(resource: &Resource) -> bool {
    resource.is(Builtin::ServiceAccount)
}

/// Asks admission, then deletes; again if the object changed meanwhile.
pub(super) async fn with_admission(
    call: &Call,
    name: &str,
    options: &DeleteOptions,
) -> Result<Deletion, Status> {
    for _ in 0..ATTEMPTS {
        let Some(old) = call.server.store().get(&call.key(name)) else {
            return Err(Status::not_found(&call.resource, name));
        };
        preconditions(&call.resource, options, &old)?;
        let request = draft::request(call, Operation::Delete, name, Some(&old), options.dry_run);
        let admission = call.server.admission();
        if admission.covers(&request) {
            admission.validate(&request, None, &mut Vec::new()).await?;
        }
        if let Some(deletion) = once(&call.server, &call.resource, &old, options).await? {
            return Ok(deletion);
        }
    }
    Err(Status::stale(&call.resource, name))
}

/// Deletes without asking admission: for the server's own work.
pub(crate) async fn remove(
    server: &Server,
    resource: &Resource,
    key: &ferry_store::Key,
    options: &DeleteOptions,
) -> Result<Deletion, Status> {
    for _ in 0..ATTEMPTS {
        let Some(old) = server.store().get(key) else {
            return Err(Status::not_found(resource, &key.name));
        };
        preconditions(resource, options, &old)?;
        if let Some(deletion) = once(server, resource, &old, options).await? {
            return Ok(deletion);
        }
    }
    Err(Status::stale(resource, &key.name))
}

fn preconditions(resource: &Resource, options: &DeleteOptions, old: &Object) -> Result<(), Status> {
    let conflict = |why: String| Err(Status::conflict(&resource.group, &resource.kind, &old.key.name, &why));
    if let Some(uid) = options.uid.as_deref().filter(|u| *u != old.uid()) {
        return conflict(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            old.uid()
        ));
    }
    let current = old.version.to_string();
    if let Some(version) = options.version.as_deref().filter(|v| *v != current) {
        return conflict(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({current}). The object might have been modified"
        ));
    }
    Ok(())
}

/// One try. `None`: the object changed meanwhile.
async fn once(
    server: &Server,
    resource: &Resource,
    old: &Arc<Object>,
    options: &DeleteOptions,
) -> Result<Option<Deletion>, Status> {
    let terminating = terminating(resource, old, options);
    let held = !meta::finalizers(&terminating).is_empty()
        || (resource.is(Builtin::Namespace)
            && terminating
                .pointer("/spec/finalizers")
                .and_then(Value::as_array)
                .is_some_and(|f| !f.is_empty()));
    let store = server.store();
    if !held {
        if options.dry_run {
            return Ok(Some(Deletion::Gone(Arc::clone(old))));
        }
        return match store.delete(old.key.clone(), old.version).await {
            Ok(object) => Ok(Some(Deletion::Gone(object))),
            Err(WriteError::Conflict { .. }) => Ok(None),
            Err(error) => Err(refused(resource, &error, &old.key.name)),
        };
    }
    if options.dry_run || terminating == *old.value() {
        return Ok(Some(Deletion::Waiting(terminating)));
    }
    match store.replace(old.key.clone(), old.version, terminating, Vec::new()).await {
        Ok(object) => Ok(Some(Deletion::Waiting(Value::clone(&object.value())))),
        Err(WriteError::Conflict { .. }) => Ok(None),
        Err(error) => Err(refused(resource, &error, &old.key.name)),
    }
}

/// The object marked for deletion, with the finalizers that the propagation asks for.
fn terminating(resource: &Resource, old: &Object, options: &DeleteOptions) -> Value {
    let mut object = Value::clone(&old.value());
    let first = !meta::is_terminating(&object);
    let cleanup = resource.is(Builtin::Definition) && first;
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let Some(metadata) = meta::of(&mut object) else { return object };
    let mut finalizers: Vec<Value> =
        metadata.get("finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut set = |name: &str, wanted: bool| {
        finalizers.retain(|f| f != name);
        if wanted {
            finalizers.push(name.into());
        }
    };
    if options.propagation != Propagation::Unsaid {
        set("orphan", options.propagation == Propagation::Orphan);
        set("foregroundDeletion", options.propagation == Propagation::Foreground);
    }
    if cleanup {
        set(DEFINITION_CLEANUP, true);
    }
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), finalizers.into());
    }
    if first {
        metadata.insert("deletionTimestamp".into(), meta::now().into());
        if resource.custom().is_some() {
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
            metadata.insert("generation".into(), (generation.unwrap_or_default() + 1).into());
        }
    }
    if resource.is(Builtin::Namespace)
        && let Some(map) = object.as_object_mut()
    {
        map.insert("status".into(), json!({"phase": "Terminating"}));
    }
    if cleanup && let Some(list) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        list.push(json!({
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            "lastTransitionTime": meta::now(),
        }));
    }
    object
}
