//! Reading a body: media types, JSON and YAML, and whether it is the kind that is expected here.

use http::header;
use serde_json::Value;

use super::Call;
use crate::Status;
use crate::kinds::Builtin;
use crate::resource::api_version;
use crate::schema::{Cause, CauseReason};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The media type of the body, without parameters; empty if there is none.
pub(super) fn media_type(call: &Call) -> Result<String, Status> {
    let text = call.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if text.contains(',') {
        return Err(Status::unsupported_media(ACCEPTED));
    }
    Ok(text.split(';').next().unwrap_or_default().trim().to_owned())
}

/// The body as JSON, and which of its members stand twice.
pub(super) fn body(call: &Call) -> Result<(Value, Vec<String>), Status> {
    match media_type(call)?.to_ascii_lowercase().as_str() {
        "" | "application/json" => json(&call.body),
        "application/yaml" => yaml(&call.body).map(|(value, _)| (value, Vec::new())),
        PROTOBUF if call.resource.custom().is_none() => match super::protobuf::decode(&call.body) {
            Some(value) => Ok((value, Vec::new())),
            None => Err(Status::unsupported_media("application/json, application/yaml")),
        },
        _ => Err(Status::unsupported_media(ACCEPTED)),
    }
}

pub(super) fn json(bytes: &[u8]) -> Result<(Value, Vec<String>), Status> {
    super::json::parse(bytes)
        .map_err(|error| Status::bad_request(format!("couldn't get version/kind; json parse error: {error}")))
}

/// YAML, and in words what stands twice in it: the last one counts.
pub(super) fn yaml(bytes: &[u8]) -> Result<(Value, Option<String>), Status> {
    use serde_saphyr::options::DuplicateKeyPolicy;
    let text = std::str::from_utf8(bytes).map_err(|error| Status::bad_request(error.to_string()))?;
    let bad = |error: serde_saphyr::Error| {
        Status::bad_request(format!("error converting YAML to JSON: {}", error.without_snippet()))
    };
    let error = match serde_saphyr::from_str(text) {
        Ok(value) => return Ok((value, None)),
        Err(error) => error,
    };
    let serde_saphyr::Error::DuplicateMappingKey { key, location } = error.without_snippet() else {
        return Err(bad(error));
    };
    let twice =
        format!("line {}: key {:?} already set in map", location.line(), key.as_deref().unwrap_or_default());
    let lenient = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    let value = serde_saphyr::from_str_with_options(text, lenient).map_err(bad)?;
    Ok((value, Some(twice)))
}

/// The body as an object of the call's kind.
pub(super) fn object(call: &Call) -> Result<(Value, Vec<String>), Status> {
    let (mut value, duplicates) = body(call)?;
    if value.is_null() && call.resource.builtin().is_some() {
        value = serde_json::json!({});
    }
    check_kind(call, &mut value)?;
    Ok((value, duplicates))
}

/// `apiVersion` and `kind` must be those of the path. Built-in kinds may leave them out.
pub(super) fn check_kind(call: &Call, value: &mut Value) -> Result<(), Status> {
    let resource = &call.resource;
    let expected = resource.api_version();
    let Some(map) = value.as_object_mut() else {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): it is not an object",
            resource.kind
        )));
    };
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if resource.custom().is_some() {
        if kind.is_empty() {
            return Err(Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing",
                resource.kind
            )));
        }
        if version != expected {
            return Err(Status::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({expected})"
            )));
        }
        if kind != resource.kind {
            let cause = Cause {
                reason: CauseReason::Invalid,
                field: "kind".into(),
                message: format!("Invalid value: \"{kind}\": must be {}", resource.kind),
            };
            let name = crate::meta::text(value, "name").to_owned();
            return Err(Status::invalid(&resource.group, &kind, &name, &[cause]));
        }
        return Ok(());
    }
    // Either form of an Event is taken on either path.
    let event = resource.is(Builtin::Event) && (version == "v1" || version == "events.k8s.io/v1");
    let known = version.is_empty() || version == expected || event;
    if !known || !(kind.is_empty() || kind == resource.kind) {
        return Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}",
            if kind.is_empty() { &resource.kind } else { &kind },
            if version.is_empty() { &expected } else { &version },
            resource.kind
        )));
    }
    if version.is_empty() {
        map.insert("apiVersion".into(), api_version(&resource.group, &resource.version).into());
    }
    map.insert("kind".into(), resource.kind.as_str().into());
    Ok(())
}
