//! `http-download`: download a file.

use std::io;
use std::time::Duration;

use ferry_engine::work::{Kind, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use reqwest::{Method, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::broke;
use crate::config::{self, Text, given};
use crate::net::{Http, Pair, Request, pairs, shown, told};

/// How large a file may be, in bytes.
const LIMIT: u64 = 100 << 20;
/// How long all may take where nothing is said.
const TIMEOUT: Duration = Duration::from_mins(5);
/// The mode of the file.
const MODE: u32 = 0o600;
/// The mode of directories that are made for it.
const DIRECTORY_MODE: u32 = 0o700;

/// Download a file.
///
/// Redirects are followed. What is not answered with success fails the step below its error threshold. A file that is
/// there is replaced only with `allowOverwrite`. It may have 100 MiB, and take five minutes where `timeout` says nothing
/// else. There is no output.
/// ```yaml
/// - uses: http-download
///   config:
///     url: https://example.com/releases/app.tgz
///     outPath: app.tgz
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpDownload {
    /// Where from.
    url: Text,
    /// The file to make.
    out_path: WorkPath,
    /// Replace a file that is there.
    #[serde(default)]
    allow_overwrite: bool,
    /// Headers of the request.
    #[serde(default)]
    headers: Vec<Pair>,
    /// Parameters that are added to the URL.
    #[serde(default)]
    query_params: Vec<Pair>,
    /// Accept any certificate of the server.
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure_skip_tls_verify: bool,
    /// How long all may take.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "config::Duration")]
    timeout: Option<config::Duration>,
}

impl Step for HttpDownload {
    const KIND: &'static str = "http-download";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        self.check_out_path(ctx).await?;
        let request = Request {
            method: Method::GET,
            url: self.url.to_string(),
            headers: pairs(&self.headers),
            query: pairs(&self.query_params),
            body: Vec::new(),
            insecure: self.insecure_skip_tls_verify,
            proxy: None,
            timeout: self.timeout.map_or(TIMEOUT, |timeout| timeout.0),
        };
        let http = ctx.service::<Http>()?;
        let response = http.send(request).await.map_err(|e| StepError::Retryable(e.to_string()))?;
        if !response.status().is_success() {
            return Err(StepError::Refused(format!("{} answered {}", shown(&self.url), response.status())));
        }
        if response.content_length().is_some_and(|len| len > LIMIT) {
            return Err(too_large());
        }
        keep(ctx, self.out_path, response).await?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl HttpDownload {
    async fn check_out_path(&self, ctx: &StepContext) -> Result<(), StepError> {
        let out = self.out_path.clone();
        let found = ctx.work.blocking(move |work| work.kind(&out)).await.map_err(broke)?;
        let path = self.out_path.as_written();
        match found {
            Some(Kind::Directory) if self.allow_overwrite => {
                Err(StepError::Fatal(format!("{path:?} is a directory; name a file")))
            }
            Some(_) if !self.allow_overwrite => {
                Err(StepError::Fatal(format!("{path:?} is there already; set allowOverwrite to replace it")))
            }
            _ => Ok(()),
        }
    }
}

/// Writes the body as it comes; only one that has come to its end becomes a file.
async fn keep(ctx: &StepContext, out: WorkPath, mut response: Response) -> Result<(), StepError> {
    let (sender, mut receiver) = mpsc::channel::<Piece>(8);
    let written = ctx.work.blocking(move |work| {
        if let Some(parent) = out.parent().filter(|parent| !parent.is_root()) {
            work.create_dir_all_with_mode(&parent, DIRECTORY_MODE)?;
        }
        work.write_from(&out, MODE, |file| {
            loop {
                match receiver.blocking_recv() {
                    Some(Piece::Bytes(bytes)) => file.write_all(&bytes)?,
                    Some(Piece::End) => return Ok(()),
                    None => return Err(io::Error::other("the download was given up")),
                }
            }
        })
    });
    let read = async move {
        let mut left = LIMIT;
        while let Some(chunk) = response.chunk().await.map_err(|e| StepError::Retryable(told(e)))? {
            let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(len).ok_or_else(too_large)?;
            if sender.send(Piece::Bytes(chunk.to_vec())).await.is_err() {
                // Whoever writes says why.
                return Ok(());
            }
        }
        let _ = sender.send(Piece::End).await;
        Ok(())
    };
    // What could not be read is why nothing was written.
    let (written, read) = tokio::join!(written, read);
    read?;
    written.map_err(broke)
}

/// A part of a body, or its end.
enum Piece {
    Bytes(Vec<u8>),
    End,
}

fn too_large() -> StepError {
    StepError::Fatal(format!("the file has more than {} MiB", LIMIT >> 20))
}
