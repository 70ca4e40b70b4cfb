//! HTTP to addresses that users word: every address is judged when it is connected to, so that neither a redirect nor
//! a name that changes its mind leads anywhere else; everything has a deadline and a size.

mod busy;
mod malformed;
mod names;
mod redirect;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferry_artifact::egress::Egress;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Proxy, Response, Url};
use tokio::sync::mpsc;

pub use crate::busy::{Patience, busy};
use crate::names::Names;

/// How many requests one may become by redirects.
const REDIRECTS: usize = 10;
/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);
/// How we call ourselves, unless a step says otherwise.
const AGENT: &str = concat!("ferry/", env!("CARGO_PKG_VERSION"));

/// HTTP of this process; a shared service.
#[derive(Clone, Debug)]
pub struct Http {
    names: Names,
    /// The client for requests that ask for nothing special. Certificates are read when the first one is made.
    usual: Arc<OnceLock<Result<Client, String>>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was given is no URL, now and for ever.
    #[error("{0}")]
    Malformed(String),
    /// Nothing was sent.
    #[error("{0}")]
    Unsent(String),
    /// It may have been sent.
    #[error("{0}")]
    Sent(String),
    /// The same: the connection broke before there was an answer.
    #[error("{0}")]
    Broken(String),
}

/// What is sent after the headers.
#[derive(Debug, Default)]
pub struct Payload(reqwest::Body);

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// What the file has, from where it stands. Say how much that is in a `content-length`; it cannot be sent twice, so no
/// redirect is followed with it.
impl From<tokio::fs::File> for Payload {
    fn from(file: tokio::fs::File) -> Self {
        Self(file.into())
    }
}

/// What comes through a channel, as fast as it is sent. The same holds as for files.
impl From<mpsc::Receiver<Bytes>> for Payload {
    fn from(pieces: mpsc::Receiver<Bytes>) -> Self {
        let pieces = futures::stream::unfold(pieces, async |mut pieces| {
            let piece = pieces.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(piece), pieces))
        });
        Self(reqwest::Body::wrap_stream(pieces))
    }
}

/// A request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where, as it is written.
    pub url: String,
    /// Headers, names and values.
    pub headers: Vec<(String, String)>,
    /// Parameters that are added to the query.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Payload,
    /// Whether any certificate will do.
    pub insecure: bool,
    /// A proxy that the request goes through.
    pub proxy: Option<String>,
    /// How long all may take, the answer's body included.
    pub timeout: Duration,
}

impl Http {
    /// With a policy for addresses.
    pub fn new(egress: Egress) -> Self {
        Self { names: Names::new(egress), usual: Arc::default() }
    }

    /// For tests: with names whose addresses are what `names` says, each time it is asked.
    pub fn with_names(egress: Egress, names: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        Self { names: Names::invented(egress, Arc::new(names)), usual: Arc::default() }
    }

    /// Sends a request; the answer's body is still to be read.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let url = url(&request.url, &request.query)?;
        let proxy = request.proxy.as_deref();
        let client = match (proxy, request.insecure) {
            (None, false) => self.usual.get_or_init(|| client(&self.names, false, None)).clone(),
            (proxy, insecure) => client(&self.names, insecure, proxy),
        };
        let client = client.map_err(Error::Unsent)?;
        let headers = headers(&request.headers).map_err(Error::Unsent)?;
        let first = client.request(request.method, url).headers(headers).body(request.body.0);
        let mut hop = first.build().map_err(|e| Error::Unsent(told(e)))?;
        let begun = Instant::now();
        for hops in 0..REDIRECTS {
            let copy = hop.try_clone();
            *hop.timeout_mut() = Some(request.timeout.saturating_sub(begun.elapsed()));
            let sent = self.hop(&client, hop, proxy.is_some()).await;
            // What was answered by a redirect has arrived.
            let response = sent.map_err(|e| match e {
                Error::Unsent(why) if hops > 0 => Error::Sent(why),
                e => e,
            })?;
            let next = copy.map_or(Ok(None), |copy| redirect::next(&response, copy)).map_err(Error::Sent)?;
            let Some(next) = next else { return Ok(response) };
            hop = next;
        }
        Err(Error::Sent(format!("stopped after {REDIRECTS} redirects")))
    }

    /// Sends a request without following where the answer leads.
    async fn hop(&self, client: &Client, hop: reqwest::Request, by_proxy: bool) -> Result<Response, Error> {
        let url = hop.url();
        if !is_http(url) {
            return Err(Error::Unsent(format!("a redirect leads to {:?}: http or https", url.scheme())));
        }
        let judged = if by_proxy { self.names.judge_behind_proxy(url).await } else { self.names.judge(url) };
        judged.map_err(Error::Unsent)?;
        client.execute(hop).await.map_err(|e| match () {
            () if e.is_connect() || e.is_builder() => Error::Unsent(told(e)),
            () if e.is_timeout() => Error::Sent(told(e)),
            () => Error::Broken(told(e)),
        })
    }
}

/// Reads a body, up to a size.
pub async fn body(response: &mut Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if read.len() + chunk.len() > limit {
            return Err(format!("the answer has more than {limit} bytes"));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

/// Where a URL leads, without what may be a secret in it: name and password, path and query.
pub fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization(),
        _ => "the URL".to_owned(),
    }
}

/// An error with its causes, but without the URL, which may hold secrets.
pub fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

fn client(names: &Names, insecure: bool, proxy: Option<&str>) -> Result<Client, String> {
    // Whoever was first has chosen for the process; all of ours choose the same.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .dns_resolver(Arc::new(names.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(insecure)
        .no_proxy();
    if let Some(proxy) = proxy {
        let url = Url::parse(proxy).map_err(|e| format!("the proxy is no URL: {e}"))?;
        names.judge(&url)?;
        builder = builder.proxy(Proxy::all(url).map_err(told)?);
    }
    builder.build().map_err(told)
}

fn url(text: &str, query: &[(String, String)]) -> Result<Url, Error> {
    let unsent = |why: String| Error::Unsent(format!("url: {why}"));
    let mut url = Url::parse(text).map_err(|e| {
        let why = format!("url: {e}; write it as https://host/path");
        if malformed::is(text, Some(e)) { Error::Malformed(why) } else { Error::Unsent(why) }
    })?;
    if malformed::is(text, None) {
        return Err(Error::Malformed("url: it holds what no URL may; escape it as %20".to_owned()));
    }
    if !is_http(&url) {
        return Err(unsent(format!("{:?} is no scheme of this step: http or https", url.scheme())));
    }
    if !query.is_empty() {
        let mut pairs = pairs(url.query().unwrap_or_default());
        pairs.extend_from_slice(query);
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let pairs = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        url.set_query(Some(&pairs.collect::<Vec<_>>().join("&")));
    }
    Ok(url)
}

/// The parameters of a query. What Go cannot read of it is left out.
fn pairs(query: &str) -> Vec<(String, String)> {
    let readable = query.split('&').filter(|pair| !pair.contains(';') && malformed::is_escaped(pair));
    let readable = readable.collect::<Vec<_>>().join("&");
    url::form_urlencoded::parse(readable.as_bytes()).into_owned().collect()
}

/// A part of a query as Go writes it.
fn escaped(text: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, ESCAPED).to_string().replace("%20", "+")
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let read = HeaderName::from_bytes(name.as_bytes());
        let name = read.map_err(|_invalid| format!("{name:?} is no name of a header"))?;
        // Where the request goes is said by its URL alone.
        if name == reqwest::header::HOST {
            continue;
        }
        // The value may be a secret.
        let mut value = HeaderValue::from_str(value)
            .map_err(|_invalid| format!("the value of header {name} holds what no header may"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}
