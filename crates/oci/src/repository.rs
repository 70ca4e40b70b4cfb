//! One repository of a registry: its manifests and blobs.

use std::time::Duration;

use ferry_net::{Http, Patience};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth::Credential;
use crate::blob::{Blob, Size};
use crate::body::Body;
use crate::manifest::{ACCEPTED, Descriptor, Manifest, digest_of};
use crate::reference::{Reference, Target};
use crate::session::{Ask, Error, SOON, Session};

/// How large a manifest may be; registries take no larger ones.
const MANIFEST: usize = 4 << 20;
/// How long a blob may take.
pub const LONG: Duration = Duration::from_mins(10);
/// How large a page of tags may be, and how many pages there may be.
const TAGS: usize = 8 << 20;
const TAG_PAGES: usize = 1000;

/// One repository, for one who has one credential.
#[derive(Debug)]
pub struct Repository {
    session: Session,
}

impl Repository {
    /// The repository of a reference. `writes` says whether something will be pushed.
    pub fn new(http: Http, reference: &Reference, credential: Option<Credential>, writes: bool) -> Self {
        let scope = if writes { "pull,push" } else { "pull" };
        Self {
            session: Session {
                http,
                scopes: vec![format!("repository:{}:{scope}", reference.repository)],
                reference: reference.clone(),
                credential,
                insecure: false,
                credentials_over_http: false,
                known: Mutex::default(),
            },
        }
    }

    /// With any certificate accepted.
    #[must_use]
    pub fn with_any_certificate(mut self, any: bool) -> Self {
        self.session.insecure = any;
        self
    }

    /// With credentials sent over plain HTTP, too.
    #[must_use]
    pub fn with_credentials_over_http(mut self, over_http: bool) -> Self {
        self.session.credentials_over_http = over_http;
        self
    }

    /// May also take blobs over from another repository of the registry.
    #[must_use]
    pub fn with_blobs_of(mut self, other: &Reference) -> Self {
        self.session.scopes.push(format!("repository:{}:pull", other.repository));
        self
    }

    /// A manifest.
    pub async fn manifest(&self, target: &Target) -> Result<Manifest, Error> {
        let what = self.what(&target.to_string());
        let path = format!("manifests/{}", target.as_str());
        let ask = Ask { headers: vec![("accept", ACCEPTED.to_owned())], ..Ask::get(path, SOON) };
        let mut response = self.found(ask, &what).await?;
        let media_type = header(response.headers(), "content-type").unwrap_or_default();
        let bytes = ferry_net::body(&mut response, MANIFEST).await;
        let bytes = bytes.map_err(|why| Error::Wrong { what: what.clone(), why })?;
        if let Target::Digest(digest) = target
            && digest_of(&bytes) != *digest
        {
            return Err(Error::Wrong { what, why: "what came has another digest".to_owned() });
        }
        Ok(Manifest::new(&media_type, bytes))
    }

    /// All tags of the repository.
    pub async fn tags(&self) -> Result<Vec<String>, Error> {
        let what = self.session.reference.name();
        let wrong = |why: &str| Error::Wrong { what: what.clone(), why: why.to_owned() };
        let (mut tags, mut place) = (Vec::new(), "tags/list?n=1000".to_owned());
        for _ in 0..TAG_PAGES {
            let mut response = self.found(Ask::get(place, SOON), &what).await?;
            let next = header(response.headers(), "link").and_then(|link| next_page(&link));
            let next = next.map(|next| response.url().join(&next)).transpose();
            let next = next.map_err(|_| wrong("its list of tags goes on at what is no URL"))?;
            if next.as_ref().is_some_and(|next| next.origin() != response.url().origin()) {
                return Err(wrong("its list of tags goes on at another host"));
            }
            let body = ferry_net::body(&mut response, TAGS).await.map_err(|why| wrong(&why))?;
            let page: TagPage =
                serde_json::from_slice(&body).map_err(|_| wrong("its list of tags is not readable"))?;
            tags.extend(page.tags.unwrap_or_default());
            match next {
                Some(next) => place = next.into(),
                None => return Ok(tags),
            }
        }
        Err(wrong("its list of tags does not end"))
    }

    /// A blob, which is still to be read. It may have this many bytes.
    pub async fn blob(&self, digest: &str, most: u64) -> Result<Blob<'_>, Error> {
        Blob::open(self, digest, Size::Most(most)).await
    }

    /// The same, as large as its manifest says.
    pub async fn blob_of(&self, descriptor: &Descriptor) -> Result<Blob<'_>, Error> {
        Blob::open(self, &descriptor.digest, Size::Said(descriptor.size)).await
    }

    /// Whether a blob is there.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, Error> {
        let ask = Ask { method: Method::HEAD, ..Ask::get(format!("blobs/{digest}"), SOON) };
        let response = self.ask(&ask).await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.session.refused(response).await),
        }
    }

    /// Takes a blob over from another repository of the registry; whether that worked. Where it did not, why does not
    /// matter: the blob is sent.
    pub async fn mount_blob(&self, digest: &str, from: &str) -> bool {
        let path = format!("blobs/uploads/?mount={digest}&from={from}");
        let answer = self.ask(&Ask { method: Method::POST, ..Ask::get(path, SOON) }).await;
        // One that was accepted began an upload instead, which is left to end by itself.
        answer.is_ok_and(|response| response.status() == StatusCode::CREATED)
    }

    /// Writes a manifest; under a tag, or just as it is. One that is there is not written again: there are tags that may
    /// be written once.
    pub async fn put_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<(), Error> {
        let digest = manifest.digest();
        let name = tag.unwrap_or(&digest);
        if self.has_manifest(name, &digest).await {
            return Ok(());
        }
        let ask = Ask {
            method: Method::PUT,
            path: format!("manifests/{name}"),
            headers: vec![("content-type", manifest.media_type.clone())],
            body: Body::Bytes(manifest.bytes.clone()),
            timeout: SOON,
        };
        let mut patience = Patience::default();
        loop {
            match self.ask(&ask).await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Err(Error::Broken { .. }) if patience.outlasts().await => {}
                // It may be there all the same, if this was not the first time.
                Ok(_) if self.has_manifest(name, &digest).await => return Ok(()),
                Ok(response) => return Err(self.refused(response).await),
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether a name leads to a manifest with this digest, as far as the registry says.
    async fn has_manifest(&self, name: &str, digest: &str) -> bool {
        let path = format!("manifests/{name}");
        let headers = vec![("accept", ACCEPTED.to_owned())];
        let ask = Ask { method: Method::HEAD, headers, ..Ask::get(path, SOON) };
        let Ok(response) = self.ask(&ask).await else { return false };
        if !response.status().is_success() {
            return false;
        }
        if let Some(found) = header(response.headers(), "docker-content-digest") {
            return found == digest;
        }
        let found = self.manifest(&Target::Tag(name.to_owned())).await;
        found.is_ok_and(|found| found.digest() == digest)
    }

    /// Asks; a read is repeated where the connection breaks.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let mut patience = Patience::default();
        let reads = ask.method == Method::GET || ask.method == Method::HEAD;
        loop {
            match self.session.ask(ask).await {
                Err(Error::Broken { registry, why }) if reads => {
                    tracing::debug!(registry, why, "was cut off");
                    // Whoever hears of it need not try it again.
                    if !patience.outlasts().await {
                        return Err(Error::Unreachable { registry, why });
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Why an answer is none.
    pub(crate) async fn refused(&self, response: Response) -> Error {
        self.session.refused(response).await
    }

    /// The registry as it is written.
    pub(crate) fn registry(&self) -> &str {
        &self.session.reference.registry
    }

    /// Something of the repository, as messages name it.
    pub(crate) fn what(&self, of: &str) -> String {
        format!("{}/{}{of}", self.session.reference.registry, self.session.reference.repository)
    }

    /// What is there.
    pub(crate) async fn found(&self, ask: Ask<'_>, what: &str) -> Result<Response, Error> {
        let response = self.ask(&ask).await?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(Error::Missing(what.to_owned())),
            _ => Err(self.refused(response).await),
        }
    }
}

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

/// Where a list goes on: `<place>; rel="next"`.
fn next_page(link: &str) -> Option<String> {
    let (place, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| place.to_owned())
}

pub fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
