//! Deleting everything a selector names, one object after the other.

use axum::response::Response;
use http::StatusCode;

use super::delete::{DeleteOptions, with_admission};
use super::list::{Page, yaml};
use super::{Call, Filter};
use crate::accept::Encoding;
use crate::options::ListOptions;
use crate::{Status, respond};

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, _) = call.form()?;
    let options = DeleteOptions::parse(call)?;
    let list = ListOptions::parse(&call.query)?;
    let filter = Filter::new(&call.resource, &list, None)?;
    let page = Page::take(call, &list, &filter)?;
    for object in &page.objects {
        match with_admission(call, &object.key.name, &options).await {
            Ok(_) => {}
            // Somebody else was faster.
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    call.after_write().await;
    match form.encoding {
        Encoding::Json => Ok(respond::bytes(StatusCode::OK, page.bytes(&call.resource))),
        Encoding::Yaml => yaml(&page, &call.resource, form),
    }
}
