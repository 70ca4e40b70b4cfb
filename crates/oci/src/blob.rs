//! A blob that is read from a registry, piece by piece.

use bytes::Bytes;
use ferry_net::Patience;
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::reference::is_digest;
use crate::repository::{LONG, Repository};
use crate::session::{Ask, Error};

/// How large a blob may be.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// As large as this.
    Most(u64),
    /// Exactly as large as its manifest says.
    Said(u64),
}

impl Size {
    fn most(self) -> u64 {
        match self {
            Self::Most(most) | Self::Said(most) => most,
        }
    }
}

/// A blob that is being read; whoever reads it to its end knows that it has its digest. Where the connection breaks, it
/// is read on with another one.
#[derive(Debug)]
pub struct Blob<'a> {
    repository: &'a Repository,
    response: Response,
    patience: Patience,
    digest: String,
    hash: Sha256,
    size: Size,
    /// How much was read of it.
    read: u64,
    /// How much comes again of that.
    again: u64,
    what: String,
}

impl<'a> Blob<'a> {
    /// One that is still to be read.
    pub(crate) async fn open(repository: &'a Repository, digest: &str, size: Size) -> Result<Self, Error> {
        let what = repository.what(&format!("@{digest}"));
        if !is_digest(digest) {
            return Err(Error::Wrong {
                what,
                why: "its digest is not of the kind that we can verify".to_owned(),
            });
        }
        let response = repository.found(Ask::get(format!("blobs/{digest}"), LONG), &what).await?;
        let length = response.content_length();
        let blob = Self {
            repository,
            response,
            patience: Patience::default(),
            digest: digest.to_owned(),
            hash: Sha256::new(),
            size,
            read: 0,
            again: 0,
            what,
        };
        if length.is_some_and(|length| length > size.most()) { Err(blob.too_large()) } else { Ok(blob) }
    }

    /// What its digest is to be.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The next piece; none at its end, where its digest is right.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.response.chunk().await {
                Ok(Some(piece)) => {
                    let piece = self.took(piece)?;
                    if !piece.is_empty() {
                        return Ok(Some(piece));
                    }
                }
                Ok(None) => return self.ended().map(|()| None),
                Err(e) => self.broke(e).await?,
            }
        }
    }

    /// What is new of a piece.
    fn took(&mut self, mut piece: Bytes) -> Result<Bytes, Error> {
        let known = usize::try_from(self.again).unwrap_or(usize::MAX).min(piece.len());
        self.again = self.again.saturating_sub(length(known));
        let piece = piece.split_off(known);
        self.read = self.read.saturating_add(length(piece.len()));
        if self.read > self.size.most() {
            return Err(self.too_large());
        }
        self.hash.update(&piece);
        Ok(piece)
    }

    fn ended(&self) -> Result<(), Error> {
        let found = format!("sha256:{}", hex::encode(self.hash.clone().finalize()));
        if found != self.digest {
            return Err(self.wrong("what came has another digest".to_owned()));
        }
        match self.size {
            Size::Said(said) if self.read < said => {
                Err(self.wrong(format!("what came is smaller than its manifest says ({said} bytes)")))
            }
            Size::Said(_) | Size::Most(_) => Ok(()),
        }
    }

    /// Begins to read on where the connection broke; from the beginning, where the registry knows no other way.
    async fn broke(&mut self, error: reqwest::Error) -> Result<(), Error> {
        let timed_out = error.is_timeout();
        let why = ferry_net::told(error);
        if timed_out || !self.patience.outlasts().await {
            return Err(self.wrong(why));
        }
        tracing::debug!(blob = self.what, why, "was cut off");
        let mut ask = Ask::get(format!("blobs/{}", self.digest), LONG);
        if self.read > 0 {
            ask.headers.push(("range", format!("bytes={}-", self.read)));
        }
        self.response = self.repository.found(ask, &self.what).await?;
        let goes_on = self.response.status() == StatusCode::PARTIAL_CONTENT;
        self.again = if goes_on { 0 } else { self.read };
        Ok(())
    }

    fn too_large(&self) -> Error {
        match self.size {
            Size::Most(most) => Error::Large { what: self.what.clone(), most },
            Size::Said(said) => {
                self.wrong(format!("what came is larger than its manifest says ({said} bytes)"))
            }
        }
    }

    fn wrong(&self, why: String) -> Error {
        Error::Wrong { what: self.what.clone(), why }
    }
}

fn length(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
