//! Questions: who am I, may I, may somebody else, what may I, whose token is that. Answered at once, never stored.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::authorization::Attributes;
use crate::identity::AUTHENTICATED;
use crate::schema::{Cause, CauseReason};
use crate::tokens::ISSUER;
use crate::verbs::{Call, books_of_new, decode_object};
use crate::{Identity, Status, authentication, meta, respond};

pub(crate) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, _) = call.form()?;
    if call.place.name.is_some() {
        return Err(Status::method_not_allowed(&call.resource, "get"));
    }
    let mut object = decode_object(call)?;
    meta::shape(&mut object).map_err(Status::bad_request)?;
    let entries = books_of_new(call, &object, &json!({"spec": {}, "status": {"allowed": false}}))?;
    let status = match call.resource.plural.as_str() {
        "selfsubjectreviews" => json!({"userInfo": call.identity.to_value()}),
        "selfsubjectaccessreviews" => access(call, &call.identity.clone(), &object).await?,
        "selfsubjectrulesreviews" => rules(call, &mut object).await?,
        "tokenreviews" => token(call, &object).await?,
        plural => {
            if plural == "localsubjectaccessreviews" {
                check_local(call, &object)?;
            }
            let user = subject(call, &object)?;
            access(call, &user, &object).await?
        }
    };
    if let Some(map) = object.as_object_mut() {
        map.insert("status".into(), status);
        map.entry("metadata").or_insert_with(|| json!({}));
    }
    if call.resource.namespaced
        && let Some(metadata) = meta::of(&mut object)
    {
        metadata.insert("namespace".into(), call.namespace().into());
    }
    match (call.resource.plural.as_str(), meta::of(&mut object)) {
        ("selfsubjectreviews", Some(metadata)) => {
            metadata.insert("creationTimestamp".into(), meta::now().into());
        }
        // A real server keeps no books of these two.
        ("selfsubjectreviews" | "selfsubjectrulesreviews", _) => {}
        _ => meta::set_managed_fields(&mut object, entries),
    }
    respond::encoded(StatusCode::CREATED, &object, form.encoding)
}

fn invalid(call: &Call, field: &str, why: &str) -> Status {
    let cause =
        Cause { reason: CauseReason::Invalid, field: field.into(), message: format!("Invalid value: {why}") };
    let mut status = Status::invalid(&call.resource.group, &call.resource.kind, "", &[cause]);
    // A real server names the group alone.
    status.details.kind = String::new();
    status
}

async fn access(call: &Call, user: &Identity, object: &Value) -> Result<Value, Status> {
    let attributes = attributes(call, object)?;
    let decision = call.server.authorizer().authorize(user, &attributes).await;
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty()
        && let Some(map) = status.as_object_mut()
    {
        map.insert("reason".into(), decision.reason.into());
    }
    Ok(status)
}

fn attributes(call: &Call, object: &Value) -> Result<Attributes, Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let of =
        |part: &Value, field: &str| part.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let given = |field: &str| spec.get(field).filter(|value| !value.is_null());
    match (given("resourceAttributes"), given("nonResourceAttributes")) {
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
        (Some(_), Some(_)) => Err(invalid(
            call,
            "spec.nonResourceAttributes",
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => Err(invalid(
            call,
            "spec.resourceAttributes",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
    }
}

/// A local review is about its own namespace.
fn check_local(call: &Call, object: &Value) -> Result<(), Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    if spec.get("nonResourceAttributes").is_some_and(|n| !n.is_null()) {
        let why = "disallowed on this kind of request";
        return Err(invalid(call, "spec.nonResourceAttributes", why));
    }
    let given = spec.pointer("/resourceAttributes/namespace").and_then(Value::as_str).unwrap_or_default();
    if given != call.namespace() {
        return Err(invalid(call, "spec.resourceAttributes.namespace", "must match metadata.namespace"));
    }
    Ok(())
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let items = value.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn subject(call: &Call, object: &Value) -> Result<Identity, Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let user = spec.get("user").and_then(Value::as_str).unwrap_or_default();
    let groups = texts(spec, "groups");
    if user.is_empty() && groups.is_empty() {
        return Err(invalid(call, "spec.user", "at least one of user or group must be specified"));
    }
    Ok(Identity { name: user.into(), groups, ..Identity::default() })
}

/// Everything the caller may do in a namespace.
async fn rules(call: &Call, object: &mut Value) -> Result<Value, Status> {
    let namespace = object.pointer("/spec/namespace").and_then(Value::as_str).unwrap_or_default().to_owned();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    if let Some(map) = object.as_object_mut() {
        map.insert("spec".into(), json!({}));
    }
    let rules = call.server.authorizer().rules(&call.identity, &namespace).await;
    let (paths, resources): (Vec<Value>, Vec<Value>) =
        rules.into_iter().partition(|rule| rule.get("nonResourceURLs").is_some());
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}

/// Whose token it is.
async fn token(call: &Call, object: &Value) -> Result<Value, Status> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let token = spec.get("token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let mut audiences = texts(spec, "audiences");
    if audiences.is_empty() {
        audiences = vec![ISSUER.to_owned()];
    }
    match authentication::whose(&call.server, token, &audiences).await {
        Some((user, audiences)) if user.is_in(AUTHENTICATED) => {
            Ok(json!({"authenticated": true, "user": user.to_value(), "audiences": audiences}))
        }
        _ => Ok(json!({"user": {}, "error": "invalid bearer token"})),
    }
}
