//! Deleting everything a selector names, one object after the other.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::delete::{DeleteOptions, with_admission};
use super::{Call, Filter};
use crate::options::ListOptions;
use crate::respond::{self, view};
use crate::{Status, meta};

pub(super) async fn answer(call: &Call) -> Result<Response, Status> {
    let (form, _) = call.form()?;
    let options = DeleteOptions::parse(call)?;
    let list = ListOptions::parse(&call.query)?;
    let filter = Filter::new(&call.resource, &list, None)?;
    let found = call.server.list(&call.resource.storage, call.place.namespace.as_deref());
    let mut items = Vec::new();
    for object in &found.objects {
        if !filter.matches(&object.value) {
            continue;
        }
        if list.limit > 0 && items.len() >= list.limit {
            break;
        }
        match with_admission(call, &object.key.name, &options).await {
            Ok(_) => items.push(view(&call.resource, &object.value).into_owned()),
            // Somebody else was faster.
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    call.after_write().await;
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), found.version.to_string().into());
    if call.resource.custom().is_some() {
        metadata.insert("continue".into(), "".into());
    }
    items.sort_by(|a, b| meta::text(a, "name").cmp(meta::text(b, "name")));
    let answer: Value = json!({
        "apiVersion": call.resource.api_version(), "kind": call.resource.list_kind,
        "metadata": metadata, "items": items,
    });
    respond::encoded(StatusCode::OK, &answer, form.encoding)
}
