//! An object on its way to the store: pruned and defaulted, shown to admission, checked, and written as the version
//! in which its kind is stored.

use std::sync::Arc;

use axum::response::Response;
use ferry_store::{Guard, Object};
use serde_json::Value;

use super::Call;
use crate::admission::{Notes, Operation, Request};
use crate::handler::warn;
use crate::kinds::Builtin;
use crate::options::{FieldValidation, WriteOptions};
use crate::schema::{Cause, CauseReason};
use crate::{Status, meta, roles};

/// A write in the making.
pub(super) struct Draft<'a> {
    pub(super) call: &'a Call,
    pub(super) options: WriteOptions,
    warnings: Vec<String>,
    /// What is odd about the body without being an error, still to be told.
    oddities: Vec<String>,
    /// Whether the object comes from an applied configuration: then its nulls are the client's word.
    pub(super) applied: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(call: &'a Call, options: WriteOptions) -> Self {
        Self { call, options, warnings: Vec::new(), oddities: Vec::new(), applied: false }
    }

    /// Prunes and defaults what the client sent, and tells it of fields nobody knows.
    pub(super) fn clean(&mut self, object: &mut Value) -> Result<(), Status> {
        let kind = &self.call.resource.kind;
        let unknown = meta::shape(object).map_err(|why| {
            let version = &self.call.resource.version;
            Status::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
            ))
        })?;
        self.unknown(&unknown);
        let unknown = self.prune(object);
        self.unknown(&unknown);
        self.check_types(object)?;
        let twice = meta::deduplicate_owners(object);
        if !twice.is_empty() {
            self.warnings.push(format!(
                ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
                twice.join(", ")
            ));
        }
        self.tell()
    }

    /// Tells the client what was noted, or refuses what it does not want to be forgiven.
    pub(super) fn tell(&mut self) -> Result<(), Status> {
        let kind = &self.call.resource.kind;
        let oddities = std::mem::take(&mut self.oddities);
        if oddities.is_empty() {
            return Ok(());
        }
        match self.options.field_validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => self.warnings.extend(oddities),
            FieldValidation::Strict => {
                return Err(Status::bad_request(format!(
                    "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {}",
                    self.call.resource.version,
                    oddities.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// A built-in kind whose fields have other types cannot be read at all.
    fn check_types(&self, object: &Value) -> Result<(), Status> {
        if let Some(field) = self.call.resource.builtin().and_then(|builtin| builtin.odd_time(object)) {
            let (kind, version) = (&self.call.resource.kind, &self.call.resource.version);
            return Err(Status::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {field}: times here are written with six digits of fraction, as 2006-01-02T15:04:05.000000Z"
            )));
        }
        let Some(types) = &self.call.resource.types else { return Ok(()) };
        let fault = types.validate(object, None).into_iter().find(|c| c.reason == CauseReason::TypeInvalid);
        let Some(fault) = fault else { return Ok(()) };
        let (kind, version) = (&self.call.resource.kind, &self.call.resource.version);
        Err(Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal {}: {}",
            fault.field, fault.message
        )))
    }

    /// Notes fields that nobody knows.
    pub(super) fn unknown(&mut self, fields: &[String]) {
        self.oddities.extend(fields.iter().map(|field| format!("unknown field \"{field}\"")));
    }

    /// Notes what is odd in other words.
    pub(super) fn odd(&mut self, what: impl Iterator<Item = String>) {
        self.oddities.extend(what);
    }

    /// Notes members that stand twice.
    pub(super) fn duplicates(&mut self, fields: &[String]) {
        self.oddities.extend(fields.iter().map(|field| format!("duplicate field \"{field}\"")));
    }

    fn prune(&self, object: &mut Value) -> Vec<String> {
        if let Some(custom) = self.call.resource.custom() {
            let Some(structural) = &custom.structural else { return Vec::new() };
            return structural.tidy(object, !self.applied);
        }
        let resource = &self.call.resource;
        let own = object.get("apiVersion").and_then(Value::as_str) == Some(&resource.api_version());
        if let Some(types) = resource.types.as_ref().filter(|_| own) {
            return types.tidy(object, true);
        }
        resource.builtin().map(|b| b.prune(object)).unwrap_or_default()
    }

    /// Lets the product's rules change the object.
    pub(super) async fn mutate(&mut self, request: &Request, object: &mut Value) -> Result<(), Status> {
        let admission = self.call.server.admission();
        if !admission.defaults(request) {
            return Ok(());
        }
        admission.mutate(request, object, &mut self.warnings).await?;
        meta::shape(object).map_err(Status::internal)?;
        self.prune(object);
        Ok(())
    }

    /// Checks metadata, schema and the kind's own rules, then asks admission.
    pub(super) async fn check(
        &mut self,
        request: &Request,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        let resource = &self.call.resource;
        let mut causes: Vec<Cause> = meta::check(object, resource, old);
        if let Some(custom) = resource.custom() {
            if let Some(structural) = &custom.structural {
                causes.extend(structural.validate(object, old));
            }
        } else if let Some(builtin) = resource.builtin() {
            causes.extend(builtin.check(object, old, &resource.group));
        }
        self.warnings.extend(meta::warnings(object, resource, old));
        if !causes.is_empty() {
            // Both forms of an Event are judged as the core form.
            let group = if resource.is(Builtin::Event) { "" } else { &resource.group };
            return Err(Status::invalid(group, &resource.kind, meta::text(object, "name"), &causes));
        }
        if resource.is(Builtin::Rbac) {
            roles::check_escalation(
                &self.call.server,
                &self.call.identity,
                resource,
                self.call.namespace(),
                object,
            )
            .await?;
        }
        let admission = self.call.server.admission();
        if !admission.covers(request) {
            return Ok(());
        }
        admission.validate(request, Some(object), &mut self.warnings).await
    }

    pub(super) fn request(&self, operation: Operation, name: &str, old: Option<&Arc<Object>>) -> Request {
        request(self.call, operation, name, old, self.options.dry_run)
    }

    /// The object as it is stored.
    pub(super) fn stored_form(&self, object: &mut Value) {
        if let Some(custom) = self.call.resource.custom()
            && let Some(map) = object.as_object_mut()
        {
            map.insert("apiVersion".into(), custom.stored_as.as_str().into());
            if let Some(storage) = &custom.storage {
                storage.apply_defaults(object);
            }
        }
    }

    pub(super) async fn create(&self, key: ferry_store::Key, object: Value, guards: Vec<Guard>) -> Written {
        self.call.server.store().create(key, object, guards).await
    }

    pub(super) fn finish(self, mut response: Response) -> Response {
        let mut seen: Vec<&String> = Vec::new();
        for warning in &self.warnings {
            if !seen.contains(&warning) {
                warn(&mut response, warning);
                seen.push(warning);
            }
        }
        response
    }

    /// The same for a refusal.
    pub(super) fn refuse(self, status: Status) -> Response {
        use axum::response::IntoResponse;
        self.finish(status.into_response())
    }
}

pub(super) type Written = Result<Arc<Object>, ferry_store::WriteError>;

/// What admission is told about a write.
pub(super) fn request(
    call: &Call,
    operation: Operation,
    name: &str,
    old: Option<&Arc<Object>>,
    dry_run: bool,
) -> Request {
    let resource = &call.resource;
    Request {
        operation,
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: resource.kind.clone(),
        resource: resource.plural.clone(),
        subresource: call.place.subresource.clone().unwrap_or_default(),
        namespace: call.namespace().to_owned(),
        name: name.to_owned(),
        old_object: old.map(|o| Arc::clone(&o.value())),
        user: call.identity.clone(),
        dry_run,
        notes: Notes::default(),
    }
}

/// Whether everything is equal but metadata and, where it has a path of its own, status.
pub(super) fn same_content(a: &Value, b: &Value, without_status: bool) -> bool {
    let counts = |field: &str| {
        !(matches!(field, "metadata" | "apiVersion" | "kind") || without_status && field == "status")
    };
    let fields = |value: &'_ Value| -> usize {
        value.as_object().into_iter().flatten().filter(|(field, _)| counts(field)).count()
    };
    fields(a) == fields(b)
        && a.as_object()
            .into_iter()
            .flatten()
            .filter(|(field, _)| counts(field))
            .all(|(field, value)| b.get(field) == Some(value))
}
