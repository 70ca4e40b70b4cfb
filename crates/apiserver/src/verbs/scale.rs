//! The `scale` of a custom object: the number of replicas, read and written where the definition says it stands.

use axum::response::Response;
use ferry_store::Object;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::books::Books;
use super::decode;
use super::draft::Draft;
use super::update::{Attempt, Changed, change, check_version};
use super::{ATTEMPTS, Call};
use crate::options::WriteOptions;
use crate::resource::Scale;
use crate::schema::{Cause, CauseReason};
use crate::{Status, meta, patch, respond};

/// The path's last part.
pub(crate) const SUBRESOURCE: &str = "scale";

pub(super) fn get(call: &Call) -> Result<Response, Status> {
    let object = call.find()?;
    shown(call, &respond::view(&call.resource, &object)).map(|scale| respond::json(&scale))
}

pub(super) async fn update(call: &Call) -> Result<Response, Status> {
    let options = WriteOptions::parse(&call.query, "UpdateOptions")?;
    let (scale, _) = decode::body(call)?;
    write(call, options, |_| Ok(scale.clone())).await
}

pub(super) async fn patch(call: &Call) -> Result<Response, Status> {
    let options = WriteOptions::parse(&call.query, "PatchOptions")?;
    let json = match decode::media_type(call)?.as_str() {
        "application/merge-patch+json" => false,
        "application/json-patch+json" => true,
        _ => {
            return Err(Status::unsupported_media(
                "application/json-patch+json, application/merge-patch+json",
            ));
        }
    };
    let (changes, _) = decode::json(&call.body)?;
    write(call, options, |mut scale| {
        let done = if json { patch::json(&mut scale, &changes) } else { patch::merge(&mut scale, &changes) };
        done.map_err(|error| Status::new(422, "Invalid", error.to_string()))?;
        Ok(scale)
    })
    .await
}

async fn write(
    call: &Call,
    options: WriteOptions,
    make: impl Fn(Value) -> Result<Value, Status>,
) -> Result<Response, Status> {
    let mut draft = Draft::new(call, options);
    for _ in 0..ATTEMPTS {
        let old = call.find()?;
        let before = respond::view(&call.resource, &old).into_owned();
        let wanted = make(shown(call, &before)?)?;
        let replicas = check(call, &wanted, &old)?;
        let mut object = before.clone();
        set(&mut object, &paths(call)?.replicas, replicas);
        let changed = match change(&mut draft, object, &old, &Books::given(call, &before)).await {
            Ok(Attempt::Lost) => continue,
            Ok(Attempt::Done(changed)) => changed,
            Err(status) => return Ok(draft.refuse(status)),
        };
        let scale = match &changed {
            Changed::Stored(object) | Changed::Same(object) => {
                shown(call, &respond::view(&call.resource, object))?
            }
            Changed::Value(value) => shown(call, value)?,
        };
        return Ok(draft.finish(respond::bytes(StatusCode::OK, scale.to_string().into())));
    }
    Err(Status::stale(&call.resource, call.name()))
}

/// What is wanted: for this object, in this version, a number that is not negative.
fn check(call: &Call, scale: &Value, old: &Object) -> Result<i64, Status> {
    let name = meta::text(scale, "name");
    if name != call.name() {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name()
        )));
    }
    let version = meta::text(scale, "resourceVersion");
    if !version.is_empty() {
        check_version(call, version, old.version)?;
    }
    let replicas = scale.pointer("/spec/replicas");
    let number = match replicas {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_i64(),
    };
    number.filter(|n| *n >= 0 && i32::try_from(*n).is_ok()).ok_or_else(|| {
        let shown = replicas.map(Value::to_string).unwrap_or_default();
        let cause = Cause {
            reason: CauseReason::Invalid,
            field: "spec.replicas".into(),
            message: format!("Invalid value: {shown}: should be a number from 0 to {}", i32::MAX),
        };
        Status::invalid("autoscaling", "Scale", call.name(), &[cause])
    })
}

fn paths(call: &Call) -> Result<&Scale, Status> {
    let custom = call.resource.custom();
    custom.and_then(|c| c.scale.as_ref()).ok_or_else(|| Status::not_found(&call.resource, call.name()))
}

/// The object's scale.
fn shown(call: &Call, object: &Value) -> Result<Value, Status> {
    let paths = paths(call)?;
    let number = |path: &[String]| at(object, path).and_then(Value::as_i64);
    let Some(replicas) = number(&paths.replicas) else {
        let path = paths.replicas.join(".");
        return Err(Status::internal(format!("the spec replicas field \".{path}\" does not exist")));
    };
    let mut status = Map::new();
    status.insert("replicas".into(), number(&paths.status_replicas).unwrap_or_default().into());
    if let Some(selector) = paths.selector.as_ref().and_then(|path| at(object, path)).and_then(Value::as_str)
    {
        status.insert("selector".into(), selector.into());
    }
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.get("metadata").and_then(|m| m.get(field)) {
            metadata.insert(field.into(), value.clone());
        }
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": replicas}, "status": status,
    }))
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, name| value.get(name))
}

fn set(object: &mut Value, path: &[String], replicas: i64) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = object;
    for name in parents {
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(name.clone()).or_insert_with(|| json!({}));
    }
    if let Some(map) = place.as_object_mut() {
        map.insert(last.clone(), replicas.into());
    }
}
