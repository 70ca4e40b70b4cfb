//! `/openapi/v3` and what is below it: documents are made when they are first asked for and kept until a definition
//! of their group changes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;

use crate::catalog::Catalog;
use crate::handler::page_not_found;
use crate::openapi::{Resource, hash, v3_document, v3_index};
use crate::resource::Nature;
use crate::{Server, respond};

/// The documents made so far.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// By path: what the document was made from, and the document.
    made: Mutex<HashMap<String, (String, Arc<Document>)>>,
}

#[derive(Debug)]
struct Document {
    hash: String,
    body: Bytes,
}

pub(crate) fn answer(server: &Server, path: &str) -> Response {
    let catalog = server.catalog();
    let rest = path.trim_start_matches("/openapi").trim_matches('/');
    let Some(key) = rest.strip_prefix("v3") else { return page_not_found() };
    let key = key.trim_start_matches('/');
    if key.is_empty() {
        return index(server, &catalog);
    }
    for (group, version) in all(&catalog) {
        if name(&group, &version) == key {
            let document = server.documents().get(&catalog, &group, &version);
            let mut response = respond::bytes(StatusCode::OK, document.body.clone());
            if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", document.hash)) {
                response.headers_mut().insert(header::ETAG, tag);
            }
            return response;
        }
    }
    page_not_found()
}

fn index(server: &Server, catalog: &Catalog) -> Response {
    let documents: Vec<(String, Arc<Document>)> = all(catalog)
        .into_iter()
        .map(|(group, version)| (name(&group, &version), server.documents().get(catalog, &group, &version)))
        .collect();
    respond::json(&v3_index(documents.iter().map(|(key, d)| (key.as_str(), d.hash.as_str()))))
}

/// Every group version.
fn all(catalog: &Catalog) -> Vec<(String, String)> {
    std::iter::once("")
        .chain(catalog.groups())
        .flat_map(|group| catalog.versions(group).into_iter().map(move |v| (group.to_owned(), v.to_owned())))
        .collect()
}

fn name(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

impl Documents {
    fn get(&self, catalog: &Catalog, group: &str, version: &str) -> Arc<Document> {
        let (key, source) = (name(group, version), catalog.fingerprint(group));
        if let Some((from, document)) = self.made.lock().get(&key)
            && *from == source
        {
            return Arc::clone(document);
        }
        let resources: Vec<Resource> = catalog
            .resources(group, version)
            .map(|resource| Resource {
                plural: resource.plural.clone(),
                kind: resource.kind.clone(),
                list_kind: resource.list_kind.clone(),
                namespaced: resource.namespaced,
                schema: match &resource.nature {
                    Nature::Custom(custom) => {
                        Some(custom.spec.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default())
                    }
                    _ => None,
                },
                subresources: if resource.has_status { vec!["status".to_owned()] } else { Vec::new() },
            })
            .collect();
        let value = v3_document(group, version, &resources);
        let document = Arc::new(Document { hash: hash(&value), body: Bytes::from(value.to_string()) });
        self.made.lock().insert(key, (source, Arc::clone(&document)));
        document
    }
}
