//! Sending a blob: it is begun, sent as one stream, and committed once what came is known to be right.

use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use tokio::sync::mpsc;

use crate::blob::Blob;
use crate::body::Body;
use crate::copy::Failed;
use crate::repository::{LONG, Repository, header};
use crate::session::{Ask, Error, SOON};

/// How many pieces may be on their way from one registry to the other.
const PIECES: usize = 4;

/// What became of an upload.
#[derive(Debug)]
pub enum Upload {
    /// The blob is there.
    Done,
    /// The registry cannot now; nothing was committed.
    Busy(Response),
}

/// Why a request with a stream was given up.
enum Stop {
    Failed(Failed),
    Answered(Response),
}

impl Repository {
    /// Sends a blob of this size as it comes, so that no more than some pieces of it are held.
    pub(crate) async fn upload_blob(&self, blob: &mut Blob<'_>, size: u64) -> Result<Upload, Failed> {
        let ask = Ask { method: Method::POST, ..Ask::get("blobs/uploads/".to_owned(), SOON) };
        let response = self.ask(&ask).await.map_err(Failed::Destination)?;
        if !response.status().is_success() {
            return self.stopped(response).await;
        }
        let place = self.place(&response).map_err(Failed::Destination)?;
        let place = match self.send_blob(place, blob, size).await {
            Ok(response) => self.place(&response).map_err(Failed::Destination)?,
            Err(Stop::Answered(response)) => return self.stopped(response).await,
            Err(Stop::Failed(why)) => return Err(why),
        };
        let joint = if place.contains('?') { '&' } else { '?' };
        let path = format!("{place}{joint}digest={}", blob.digest().replace(':', "%3A"));
        let ask = Ask { method: Method::PUT, ..Ask::get(path, LONG) };
        let response = self.ask(&ask).await.map_err(Failed::Destination)?;
        // It may be there all the same, if this was not the first time that it was asked.
        if response.status().is_success() || self.has_blob(blob.digest()).await == Ok(true) {
            return Ok(Upload::Done);
        }
        self.stopped(response).await
    }

    async fn send_blob(&self, place: String, blob: &mut Blob<'_>, size: u64) -> Result<Response, Stop> {
        let (pieces, coming) = mpsc::channel(PIECES);
        let ask = Ask {
            method: Method::PATCH,
            path: place,
            headers: vec![
                ("content-type", "application/octet-stream".to_owned()),
                ("content-length", size.to_string()),
            ],
            body: Body::coming(coming),
            timeout: LONG,
        };
        let sent = async {
            let response = self.ask(&ask).await.map_err(|e| Stop::Failed(Failed::Destination(e)))?;
            if response.status().is_success() { Ok(response) } else { Err(Stop::Answered(response)) }
        };
        let read = async { pass(blob, pieces).await.map_err(|e| Stop::Failed(Failed::Source(e))) };
        // What cannot be read is why it cannot be sent, and what is not wanted need not be read.
        let (all, response) = tokio::try_join!(read, sent)?;
        if all {
            return Ok(response);
        }
        let why = "it took a part of a blob for all of it".to_owned();
        let registry = self.registry().to_owned();
        Err(Stop::Failed(Failed::Destination(Error::Broken { registry, why })))
    }

    async fn stopped(&self, response: Response) -> Result<Upload, Failed> {
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Upload::Busy(response));
        }
        Err(Failed::Destination(self.refused(response).await))
    }

    /// Where an upload goes on: the registry says it, for itself only.
    fn place(&self, response: &Response) -> Result<String, Error> {
        let wrong = |why: &str| Error::Wrong { what: self.registry().to_owned(), why: why.to_owned() };
        let place = header(response.headers(), "location").ok_or_else(|| wrong("an upload has no place"))?;
        let place = response.url().join(&place).map_err(|_| wrong("an upload's place is no URL"))?;
        if place.origin() != response.url().origin() {
            return Err(wrong("an upload leads to another host"));
        }
        Ok(place.into())
    }
}

/// Passes a blob on to its end; whether somebody took all of it.
async fn pass(blob: &mut Blob<'_>, pieces: mpsc::Sender<Bytes>) -> Result<bool, Error> {
    while let Some(piece) = blob.next().await? {
        if pieces.send(piece).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}
