//! The `Status` object: how every failure (and a deletion's success) is answered.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::resource::Resource;
use crate::schema::Cause;

/// An answer of kind `Status`. As an error it is what a handler or an admission hook refuses with.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`; empty where there is none.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// What it is about.
    pub details: Box<Details>,
}

/// What a status is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// API group.
    pub group: String,
    /// Kind or plural resource.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Uid of the object.
    pub uid: String,
    /// What is wrong with which field: reason, message, field.
    pub causes: Vec<(String, String, String)>,
    /// After how many seconds a client may try again.
    pub retry_after_seconds: Option<u32>,
}

impl Status {
    /// A failure without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), message: message.into(), details: Box::default() }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500: our fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// 401: the credential is not known.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 422: the object's content is refused. `kind` is the kind (not the plural), `group` its API group.
    pub fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let qualified = qualified(kind, group);
        let mut texts: Vec<String> = Vec::new();
        for cause in causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let text = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut status = Self::new(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {text}"));
        status.details = Box::new(Details {
            group: group.into(),
            kind: kind.into(),
            name: name.into(),
            causes: causes.iter().map(|c| (reason(c), c.message.clone(), c.field.clone())).collect(),
            ..Details::default()
        });
        status
    }

    /// 403: refused for a reason given by the server's rules. `resource` is the plural.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let qualified = qualified(resource, group);
        let message = if name.is_empty() {
            format!("{qualified} is forbidden: {why}")
        } else {
            format!("{qualified} \"{name}\" is forbidden: {why}")
        };
        Self::about(403, "Forbidden", message, group, resource, name)
    }

    /// 409: the object changed, or the change contradicts what is stored. `resource` is the plural.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let qualified = qualified(resource, group);
        let message = format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}");
        Self::about(409, "Conflict", message, group, resource, name)
    }

    pub(crate) fn about(
        code: u16,
        reason: &str,
        message: impl Into<String>,
        group: &str,
        kind: &str,
        name: &str,
    ) -> Self {
        let mut status = Self::new(code, reason, message);
        status.details.group = group.into();
        status.details.kind = kind.into();
        status.details.name = name.into();
        status
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::about(404, "NotFound", message, &resource.group, &resource.plural, name)
    }

    pub(crate) fn exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::about(409, "AlreadyExists", message, &resource.group, &resource.plural, name)
    }

    pub(crate) fn stale(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            &resource.group,
            &resource.plural,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub(crate) fn method_not_allowed(resource: &Resource, verb: &str) -> Self {
        if resource.custom().is_none() {
            return Self::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            );
        }
        let message = format!("{verb} is not supported on resources of kind \"{}\"", resource.qualified());
        Self::about(405, "MethodNotAllowed", message, &resource.group, &resource.plural, "")
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn too_many() -> Self {
        let mut status = Self::new(429, "TooManyRequests", "Too many requests, please try again later.");
        status.details.retry_after_seconds = Some(1);
        status
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    }

    pub(crate) fn unsupported_media(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object as JSON.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".into(), "Status".into());
        object.insert("apiVersion".into(), "v1".into());
        object.insert("metadata".into(), json!({}));
        let success = self.code < 300;
        object.insert("status".into(), if success { "Success" } else { "Failure" }.into());
        if !self.message.is_empty() {
            object.insert("message".into(), self.message.as_str().into());
        }
        if !self.reason.is_empty() {
            object.insert("reason".into(), self.reason.as_str().into());
        }
        if let Some(details) = self.details.to_value() {
            object.insert("details".into(), details);
        }
        if !success {
            object.insert("code".into(), self.code.into());
        }
        Value::Object(object)
    }
}

impl Details {
    fn to_value(&self) -> Option<Value> {
        let mut details = Map::new();
        for (field, value) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            if !value.is_empty() {
                details.insert(field.into(), value.as_str().into());
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|(reason, message, field)| {
                let mut cause = Map::new();
                for (name, value) in [("reason", reason), ("message", message), ("field", field)] {
                    if !value.is_empty() {
                        cause.insert(name.into(), value.as_str().into());
                    }
                }
                Value::Object(cause)
            });
            details.insert("causes".into(), causes.collect());
        }
        if let Some(seconds) = self.retry_after_seconds {
            details.insert("retryAfterSeconds".into(), seconds.into());
        }
        (!details.is_empty()).then_some(Value::Object(details))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_value().to_string()));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.details.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// `name.group`, or the bare name in the core group.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// The reason as Kubernetes writes it.
fn reason(cause: &Cause) -> String {
    serde_json::to_value(cause.reason).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
