//! `http-download`: download a file.

use std::time::Duration;

use bytes::Bytes;
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_net::{Error, Http, Payload, Request, shown, told};
use reqwest::{Method, Response};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{self, Pair, Text, given, pairs};
use crate::download::{self, LIMIT, Source};

/// How long all may take where nothing is said.
const TIMEOUT: Duration = Duration::from_mins(5);

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
    /// How long all may take; an hour where it says `0s`.
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
        download::check(ctx, &self.out_path, self.allow_overwrite).await?;
        let request = Request {
            method: Method::GET,
            url: self.url.to_string(),
            headers: config::headers(&self.headers),
            query: pairs(&self.query_params),
            body: Payload::default(),
            insecure: self.insecure_skip_tls_verify,
            proxy: None,
            timeout: self.timeout.map_or(TIMEOUT, config::Duration::of_a_request),
        };
        let http = ctx.service::<Http>()?;
        let response = http.send(request).await.map_err(|error| match error {
            Error::Malformed(why) => StepError::Fatal(why),
            Error::Sent(why) | Error::Broken(why) | Error::Unsent(why) => StepError::Retryable(why),
        })?;
        if !response.status().is_success() {
            return Err(StepError::Refused(format!("{} answered {}", shown(&self.url), response.status())));
        }
        if response.content_length().is_some_and(|len| len > LIMIT) {
            return Err(download::too_large());
        }
        download::keep(ctx, self.out_path, response).await?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl Source for Response {
    async fn next(&mut self) -> Result<Option<Bytes>, StepError> {
        self.chunk().await.map_err(|e| StepError::Retryable(told(e)))
    }
}
