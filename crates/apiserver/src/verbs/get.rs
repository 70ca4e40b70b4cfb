//! Reading one object.

use axum::response::Response;
use http::StatusCode;

use super::Call;
use crate::options::bad_version;
use crate::{Status, respond};

pub(super) fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    if let Some(text) = call.query.text("resourceVersion") {
        let version: u64 = text.parse().map_err(|_| bad_version(text))?;
        super::list::not_in_the_future(version, call.server.store().version())?;
    }
    let object = call.find()?;
    respond::object(StatusCode::OK, &call.resource, &object, form, include)
}
