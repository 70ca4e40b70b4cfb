//! Patches: merge, JSON, and strategic merge for built-in kinds. What is applied goes its own way.

use axum::response::Response;
use serde_json::Value;

use super::books::Books;
use super::draft::Draft;
use super::update::{Attempt, Changed, change, check_version, respond_to};
use super::{ATTEMPTS, Call, decode};
use crate::options::WriteOptions;
use crate::schema::{Cause, CauseReason};
use crate::{Status, meta, patch, respond};

const ACCEPTED: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
const ACCEPTED_BUILTIN: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";

/// A way of changing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Merge,
    Json,
    Strategic,
    Apply,
}

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let way = way(call)?;
    let options = WriteOptions::parse(&call.query, "PatchOptions")?;
    if way == Way::Apply {
        return super::apply::answer(call, options).await;
    }
    if call.query.text("force").is_some() {
        return Err(unforced());
    }
    let (patch, duplicates) = decode::json(&call.body)?;
    let mut draft = Draft::new(call, options);
    draft.duplicates(&duplicates);
    if way == Way::Json {
        draft.odd(
            patch::unknown_members(&patch).iter().map(|at| format!("json patch unknown field \"{at}\"")),
        );
    }
    let result = change_to(&mut draft, way, &patch).await;
    respond_to(draft, result, form, include).await
}

fn way(call: &Call) -> Result<Way, Status> {
    let custom = call.resource.custom().is_some();
    match decode::media_type(call)?.as_str() {
        "application/merge-patch+json" => Ok(Way::Merge),
        "application/json-patch+json" => Ok(Way::Json),
        "application/strategic-merge-patch+json" if !custom => Ok(Way::Strategic),
        "application/apply-patch+yaml" => Ok(Way::Apply),
        _ => Err(Status::unsupported_media(if custom { ACCEPTED } else { ACCEPTED_BUILTIN })),
    }
}

/// Only what is applied may be forced.
fn unforced() -> Status {
    let cause = Cause {
        reason: CauseReason::Forbidden,
        field: "force".into(),
        message: "Forbidden: may not be specified for non-apply patch".into(),
    };
    Status::invalid("meta.k8s.io", "PatchOptions", "", &[cause])
}

async fn change_to(draft: &mut Draft<'_>, way: Way, patch: &Value) -> Result<Changed, Status> {
    let call = draft.call;
    for _ in 0..ATTEMPTS {
        let old = call.find()?;
        let before = respond::view(&call.resource, &old);
        let mut object = Value::clone(&before);
        let done = match way {
            Way::Merge => patch::merge(&mut object, patch),
            Way::Json => patch::json(&mut object, patch),
            Way::Strategic => patch::strategic(&mut object, patch, &call.resource.kind),
            Way::Apply => return Err(Status::internal("an applied configuration is no patch")),
        };
        done.map_err(|error| refused(&error))?;
        if object.get("kind").is_none_or(|k| !k.is_string()) {
            return Err(unfit("Object 'Kind' is missing"));
        }
        let unknown = meta::shape(&mut object).map_err(|why| unfit(&why))?;
        draft.unknown(&unknown);
        check_identity(call, &mut object, &before)?;
        draft.clean(&mut object)?;
        let books = Books::given(call, &object);
        match change(draft, object, &old, &books).await? {
            Attempt::Done(changed) => return Ok(changed),
            // A patch that names a version is about that version; others are applied to what is there now.
            Attempt::Lost => {}
        }
    }
    Err(Status::stale(&call.resource, call.name()))
}

fn refused(error: &patch::Error) -> Status {
    match error.status() {
        413 => Status::new(413, "RequestEntityTooLarge", error.to_string()),
        422 if matches!(error, patch::Error::Unfit(_)) => unfit(&error.to_string()),
        422 => Status::new(422, "Invalid", error.to_string()),
        _ => Status::bad_request(error.to_string()),
    }
}

/// What the patch makes of the object is no object of the API.
fn unfit(why: &str) -> Status {
    let cause = Cause::new(CauseReason::Invalid, "patch", why);
    Status::invalid("", "", "", &[cause])
}

/// A patch may not make another object of it, and may say which version it is about.
fn check_identity(call: &Call, object: &mut Value, before: &Value) -> Result<(), Status> {
    decode::check_kind(call, object)?;
    let (name, expected) = (meta::text(object, "name"), call.name());
    if name != expected {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({expected})"
        )));
    }
    super::create::check_namespace(call, object)?;
    let current = meta::text(before, "resourceVersion").parse().unwrap_or_default();
    check_version(call, meta::text(object, "resourceVersion"), current)?;
    let (uid, current) = (meta::text(object, "uid"), meta::text(before, "uid"));
    if !uid.is_empty() && uid != current {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {current}");
        return Err(Status::conflict(&call.resource.group, &call.resource.plural, expected, &why));
    }
    Ok(())
}
