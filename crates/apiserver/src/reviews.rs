//! Questions: who am I, may I, may somebody else. Answered at once, never stored.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::authorization::{Attributes, Decision};
use crate::respond;
use crate::verbs::{Call, decode_object};
use crate::{Identity, Status, meta};

pub(crate) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, _) = call.form()?;
    if call.place.name.is_some() {
        return Err(Status::method_not_allowed(&call.resource, "get"));
    }
    let mut object = decode_object(call)?;
    let status = match call.resource.plural.as_str() {
        "selfsubjectreviews" => json!({"userInfo": call.identity.to_value()}),
        "selfsubjectaccessreviews" => access(call, &call.identity.clone(), &object).await?,
        _ => {
            let user = subject(&object)?;
            access(call, &user, &object).await?
        }
    };
    if let Some(map) = object.as_object_mut() {
        map.insert("status".into(), status);
        map.entry("metadata").or_insert_with(|| json!({}));
    }
    if call.resource.plural == "selfsubjectreviews"
        && let Some(metadata) = meta::of(&mut object)
    {
        metadata.insert("creationTimestamp".into(), meta::now().into());
    }
    respond::encoded(StatusCode::CREATED, &object, form.encoding)
}

async fn access(call: &Call, user: &Identity, object: &Value) -> Result<Value, Status> {
    let attributes = attributes(object)?;
    let decision = if crate::authorization::is_open(user, &attributes) {
        Decision { allowed: true, ..Decision::default() }
    } else {
        call.server.authorizer().authorize(user, &attributes).await
    };
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty()
        && let Some(map) = status.as_object_mut()
    {
        map.insert("reason".into(), decision.reason.into());
    }
    Ok(status)
}

fn attributes(object: &Value) -> Result<Attributes, Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let of =
        |part: &Value, field: &str| part.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    match (spec.get("resourceAttributes"), spec.get("nonResourceAttributes")) {
        (Some(r), None) => Ok(Attributes {
            verb: of(r, "verb"),
            group: of(r, "group"),
            version: of(r, "version"),
            resource: of(r, "resource"),
            subresource: of(r, "subresource"),
            namespace: of(r, "namespace"),
            name: of(r, "name"),
            path: None,
        }),
        (None, Some(n)) => {
            Ok(Attributes { verb: of(n, "verb"), path: Some(of(n, "path")), ..Attributes::default() })
        }
        _ => Err(Status::bad_request(
            "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be set",
        )),
    }
}

fn subject(object: &Value) -> Result<Identity, Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let user = spec.get("user").and_then(Value::as_str).unwrap_or_default();
    let groups: Vec<String> = spec
        .get("groups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if user.is_empty() && groups.is_empty() {
        return Err(Status::bad_request("at least one of spec.user and spec.groups must be set"));
    }
    Ok(Identity { name: user.into(), groups, ..Identity::default() })
}
