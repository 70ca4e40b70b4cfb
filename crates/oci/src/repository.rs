//! One repository of a registry: its manifests and blobs.

use std::time::Duration;

use bytes::Bytes;
use ferry_net::Http;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::auth::Credential;
use crate::manifest::{ACCEPTED, Manifest, digest_of};
use crate::reference::{Reference, Target, is_digest};
use crate::session::{Ask, Error, SOON, Session};

/// How large a manifest may be; registries take no larger ones.
const MANIFEST: usize = 4 << 20;
/// How long a blob, or a part of one, may take.
const LONG: Duration = Duration::from_mins(10);
/// How large a page of tags may be, and how many pages there may be.
const TAGS: usize = 8 << 20;
const TAG_PAGES: usize = 1000;
/// How large the parts are that a blob is sent in.
const PART: usize = 8 << 20;

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
        let what =
            format!("{}/{}{target}", self.session.reference.registry, self.session.reference.repository);
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
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        Ok(Manifest { media_type, bytes })
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
    pub async fn blob(&self, digest: &str, most: u64) -> Result<Blob, Error> {
        let what =
            format!("{}/{}@{digest}", self.session.reference.registry, self.session.reference.repository);
        if !is_digest(digest) {
            return Err(Error::Wrong {
                what,
                why: "its digest is not of the kind that we can verify".to_owned(),
            });
        }
        let response = self.found(Ask::get(format!("blobs/{digest}"), LONG), &what).await?;
        if response.content_length().is_some_and(|length| length > most) {
            return Err(Error::Large { what, most });
        }
        Ok(Blob { response, digest: digest.to_owned(), hash: Sha256::new(), left: most, most, what })
    }

    /// Whether a blob is there.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, Error> {
        let ask = Ask { method: Method::HEAD, ..Ask::get(format!("blobs/{digest}"), SOON) };
        let response = self.session.ask(ask).await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.session.refused(response).await),
        }
    }

    /// Takes a blob over from another repository of the registry; whether that worked.
    pub async fn mount_blob(&self, digest: &str, from: &str) -> Result<bool, Error> {
        let path = format!("blobs/uploads/?mount={digest}&from={from}");
        let response = self.session.ask(Ask { method: Method::POST, ..Ask::get(path, SOON) }).await?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            // It began an upload instead, which is left to end by itself.
            StatusCode::ACCEPTED => Ok(false),
            _ => Err(self.session.refused(response).await),
        }
    }

    /// Sends a blob in parts, so that no more than one is held.
    pub async fn upload_blob(&self, blob: &mut Blob) -> Result<(), Error> {
        let ask = Ask { method: Method::POST, ..Ask::get("blobs/uploads/".to_owned(), SOON) };
        let response = self.accepted(ask).await?;
        let mut place = self.place(&response)?;
        let (mut part, mut sent) = (Vec::new(), 0);
        loop {
            let piece = blob.next().await?;
            let ended = piece.is_none();
            part.extend_from_slice(&piece.unwrap_or_default());
            if part.len() < PART && !ended {
                continue;
            }
            if !part.is_empty() {
                let length = part.len();
                let ask = Ask {
                    method: Method::PATCH,
                    path: place.clone(),
                    headers: vec![
                        ("content-type", "application/octet-stream".to_owned()),
                        ("content-range", format!("{sent}-{}", sent + length - 1)),
                    ],
                    body: std::mem::take(&mut part),
                    timeout: LONG,
                };
                place = self.place(&self.accepted(ask).await?)?;
                sent += length;
            }
            if ended {
                break;
            }
        }
        let joint = if place.contains('?') { '&' } else { '?' };
        let path = format!("{place}{joint}digest={}", blob.digest.replace(':', "%3A"));
        self.accepted(Ask { method: Method::PUT, ..Ask::get(path, LONG) }).await?;
        Ok(())
    }

    /// Writes a manifest; under a tag, or just as it is.
    pub async fn put_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<(), Error> {
        let digest = manifest.digest();
        let ask = Ask {
            method: Method::PUT,
            path: format!("manifests/{}", tag.unwrap_or(&digest)),
            headers: vec![("content-type", manifest.media_type.clone())],
            body: manifest.bytes.clone(),
            timeout: SOON,
        };
        self.accepted(ask).await?;
        Ok(())
    }

    async fn found(&self, ask: Ask<'_>, what: &str) -> Result<Response, Error> {
        let response = self.session.ask(ask).await?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(Error::Missing(what.to_owned())),
            _ => Err(self.session.refused(response).await),
        }
    }

    async fn accepted(&self, ask: Ask<'_>) -> Result<Response, Error> {
        let response = self.session.ask(ask).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.session.refused(response).await) }
    }

    /// Where an upload goes on: the registry says it, for itself only.
    fn place(&self, response: &Response) -> Result<String, Error> {
        let wrong =
            |why: &str| Error::Wrong { what: self.session.reference.registry.clone(), why: why.to_owned() };
        let place = header(response.headers(), "location").ok_or_else(|| wrong("an upload has no place"))?;
        let place = response.url().join(&place).map_err(|_| wrong("an upload's place is no URL"))?;
        if place.origin() != response.url().origin() {
            return Err(wrong("an upload leads to another host"));
        }
        Ok(place.into())
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

/// A blob that is being read; whoever reads it to its end knows that it has its digest.
#[derive(Debug)]
pub struct Blob {
    response: Response,
    digest: String,
    hash: Sha256,
    left: u64,
    most: u64,
    what: String,
}

impl Blob {
    /// The next piece; none at its end, where its digest is right.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let wrong = |why: String| Error::Wrong { what: self.what.clone(), why };
        let Some(piece) = self.response.chunk().await.map_err(|e| wrong(ferry_net::told(e)))? else {
            let found = format!("sha256:{}", hex::encode(self.hash.clone().finalize()));
            if found != self.digest {
                return Err(wrong("what came has another digest".to_owned()));
            }
            return Ok(None);
        };
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let large = || Error::Large { what: self.what.clone(), most: self.most };
        self.left = self.left.checked_sub(length).ok_or_else(large)?;
        self.hash.update(&piece);
        Ok(Some(piece))
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
