//! `/openapi/v2`, `/openapi/v3` and what is below it: documents are made when they are first asked for and kept until a definition
//! of their group changes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;

use crate::catalog::Catalog;
use crate::handler::page_not_found;
use crate::openapi::{Resource, hash, v2_document, v2_wire, v3_document, v3_index};
use crate::resource::Nature;
use crate::{Server, respond};

/// How kubectl asks for the document of version 2.
const WIRE: &str = "com.github.proto-openapi.spec.v2";

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

pub(crate) fn answer(server: &Server, path: &str, accept: &str) -> Response {
    let catalog = server.catalog();
    let rest = path.trim_start_matches("/openapi").trim_matches('/');
    if rest == "v2" {
        return second(server, &catalog, accept);
    }
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

/// The document of version 2, all in one, in the form that was asked for.
fn second(server: &Server, catalog: &Catalog, accept: &str) -> Response {
    let wire = accept.contains(WIRE);
    let key = if wire { "v2 wire" } else { "v2" };
    let document = server.documents().kept(key, catalog.whole_fingerprint(), || {
        let groups: Vec<(String, String, Vec<Resource>)> = all(catalog)
            .into_iter()
            .map(|(group, version)| {
                let resources = described(catalog, &group, &version);
                (group, version, resources)
            })
            .collect();
        let value = v2_document(groups.iter().map(|(g, v, r)| (g.as_str(), v.as_str(), r.as_slice())));
        let body = if wire { v2_wire(&value) } else { value.to_string().into_bytes() };
        Document { hash: hash(&value), body: Bytes::from(body) }
    });
    let mut response = respond::bytes(StatusCode::OK, document.body.clone());
    if wire {
        let name = HeaderValue::from_static("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
        response.headers_mut().insert(header::CONTENT_TYPE, name);
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", document.hash)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
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
        self.kept(&name(group, version), catalog.fingerprint(group), || {
            let value = v3_document(group, version, &described(catalog, group, version));
            Document { hash: hash(&value), body: Bytes::from(value.to_string()) }
        })
    }

    /// A document, made anew where what it is made from has changed.
    fn kept(&self, key: &str, source: String, make: impl FnOnce() -> Document) -> Arc<Document> {
        if let Some((from, document)) = self.made.lock().get(key)
            && *from == source
        {
            return Arc::clone(document);
        }
        let document = Arc::new(make());
        self.made.lock().insert(key.to_owned(), (source, Arc::clone(&document)));
        document
    }
}

/// The resources of a group version, as documents describe them.
fn described(catalog: &Catalog, group: &str, version: &str) -> Vec<Resource> {
    catalog
        .resources(group, version)
        .map(|resource| Resource {
            plural: resource.plural.clone(),
            kind: resource.kind.clone(),
            list_kind: resource.list_kind.clone(),
            namespaced: resource.namespaced,
            schema: match &resource.nature {
                Nature::Custom(custom) => Some(custom.schema()),
                _ => None,
            },
            subresources: if resource.has_status { vec!["status".to_owned()] } else { Vec::new() },
        })
        .collect()
}
