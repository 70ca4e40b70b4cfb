//! `serviceaccounts/NAME/token`: a token for an account, for a time, an audience, and perhaps bound to a Secret.

use axum::response::Response;
use ferry_store::{Key, Object};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::verify::ACCOUNTS;
use super::{ISSUER, USER};
use crate::schema::{Cause, CauseReason};
use crate::verbs::{Call, books_of_new, decode_body};
use crate::{Status, meta, respond};

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";
const SHORTEST_SECONDS: i64 = 600;
const USUAL_SECONDS: i64 = 3600;
const LONGEST_SECONDS: i64 = 1 << 32;

pub(crate) fn answer(call: &Call) -> Result<Response, Status> {
    let (form, _) = call.form()?;
    let account = call.find()?;
    let mut object = decode_body(call)?;
    check_kind(&mut object)?;
    check_name(&object, &account)?;
    let seconds = seconds(&object)?;
    let entries = books(call, &object, seconds)?;
    let audiences = audiences(&object);
    let bound = bound(call, &object)?;
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(seconds);
    let token = call
        .server
        .signing_key()
        .sign(&claims(&account, &audiences, bound.as_deref(), now, until))
        .map_err(|error| Status::internal(error.to_string()))?;
    let reference = object.pointer("/spec/boundObjectRef").cloned().unwrap_or_default();
    let mut answer = json!({
        "kind": KIND, "apiVersion": format!("{GROUP}/v1"),
        "metadata": {
            "name": account.key.name, "namespace": account.key.namespace, "uid": account.uid(),
            "creationTimestamp": meta::now(),
        },
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference},
        "status": {"token": token, "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()},
    });
    meta::set_managed_fields(&mut answer, entries);
    respond::encoded(StatusCode::CREATED, &answer, form.encoding)
}

/// Nothing is stored, but answers of a real server say who asked for what.
fn books(call: &Call, object: &Value, seconds: i64) -> Result<Vec<Value>, Status> {
    let mut asked = json!({"spec": object.get("spec").cloned().unwrap_or_else(|| json!({}))});
    if let Some(spec) = asked.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("expirationSeconds".into(), seconds.into());
    }
    let blank = json!({"spec": {"audiences": null, "expirationSeconds": null, "boundObjectRef": null}});
    let mut entries = books_of_new(call, &asked, &blank)?;
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        entry.insert("apiVersion".into(), format!("{GROUP}/v1").into());
    }
    Ok(entries)
}

fn check_kind(object: &mut Value) -> Result<(), Status> {
    let Some(map) = object.as_object_mut() else {
        return Err(Status::bad_request("a TokenRequest must be an object"));
    };
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
    let fits = (version.is_empty() || version == format!("{GROUP}/v1")) && (kind.is_empty() || kind == KIND);
    if fits {
        return Ok(());
    }
    Err(Status::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {KIND}")))
}

fn check_name(object: &Value, account: &Object) -> Result<(), Status> {
    for (field, expected) in [("name", &account.key.name), ("namespace", &account.key.namespace)] {
        let given = meta::text(object, field);
        if !given.is_empty() && given != expected {
            let cause = Cause {
                reason: CauseReason::Invalid,
                field: format!("metadata.{field}"),
                message: format!(
                    "Invalid value: \"{given}\": must match the service account {field} if specified"
                ),
            };
            return Err(Status::invalid(GROUP, KIND, &account.key.name, &[cause]));
        }
    }
    Ok(())
}

fn seconds(object: &Value) -> Result<i64, Status> {
    let seconds = match object.pointer("/spec/expirationSeconds") {
        None | Some(Value::Null) => return Ok(USUAL_SECONDS),
        Some(value) => value.as_i64().ok_or_else(|| {
            Status::bad_request("json: cannot unmarshal spec.expirationSeconds: it must be an integer")
        })?,
    };
    let why = if seconds < SHORTEST_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > LONGEST_SECONDS {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(seconds);
    };
    let cause = Cause {
        reason: CauseReason::Invalid,
        field: "spec.expirationSeconds".into(),
        message: format!("Invalid value: {seconds}: {why}"),
    };
    Err(Status::invalid(GROUP, KIND, "", &[cause]))
}

fn audiences(object: &Value) -> Vec<String> {
    let list = object.pointer("/spec/audiences").and_then(Value::as_array);
    let given: Vec<String> =
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if given.is_empty() { vec![ISSUER.to_owned()] } else { given }
}

/// What the token is bound to beside its account.
fn bound(call: &Call, object: &Value) -> Result<Option<std::sync::Arc<Object>>, Status> {
    let Some(reference) = object.pointer("/spec/boundObjectRef").filter(|r| !r.is_null()) else {
        return Ok(None);
    };
    let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, name) = (text("apiVersion"), text("kind"), text("name"));
    if (version, kind) != ("v1", "Secret") {
        return Err(Status::bad_request(format!(
            "cannot bind token to object of type {version}, Kind={kind}"
        )));
    }
    let Some(secret) = call.server.store().get(&Key::new("/secrets", call.namespace(), name)) else {
        let message = format!("secrets \"{name}\" not found");
        return Err(Status::about(404, "NotFound", message, "", "secrets", name));
    };
    let uid = text("uid");
    if !uid.is_empty() && uid != secret.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict("", kind, name, &why));
    }
    Ok(Some(secret))
}

fn claims(
    account: &Object,
    audiences: &[String],
    bound: Option<&Object>,
    now: Timestamp,
    until: Timestamp,
) -> Value {
    let mut place = json!({
        "namespace": account.key.namespace,
        "serviceaccount": {"name": account.key.name, "uid": account.uid()},
    });
    if let (Some(secret), Some(place)) = (bound, place.as_object_mut()) {
        place.insert("secret".into(), json!({"name": secret.key.name, "uid": secret.uid()}));
    }
    json!({
        "iss": ISSUER, "aud": audiences,
        "sub": format!("{USER}{}:{}", account.key.namespace, account.key.name),
        "iat": now.as_second(), "nbf": now.as_second(), "exp": until.as_second(),
        "jti": uuid::Uuid::new_v4().to_string(), "kubernetes.io": place,
    })
}

/// Whether a path is that of a request for a token.
pub(crate) fn is_about(storage: &str, subresource: Option<&str>) -> bool {
    storage == ACCOUNTS && subresource == Some("token")
}
