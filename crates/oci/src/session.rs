//! What is asked of a registry about one repository: over TLS or not, with what proves who we are, again where it is
//! busy.

use std::time::Duration;

use ferry_net::{Http, Patience, Payload, Request};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::auth::{Challenge, Credential};
use crate::body::Body;
use crate::reference::Reference;

/// How large a token's answer may be.
const TOKEN: usize = 1 << 20;
/// How long an answer may take that is small.
pub const SOON: Duration = Duration::from_secs(30);

/// Why there is no answer, or a bad one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The registry could not be reached.
    #[error("{registry}: {why}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why.
        why: String,
    },
    /// The connection broke before the answer was there.
    #[error("{registry}: {why}")]
    Broken {
        /// The registry.
        registry: String,
        /// Why.
        why: String,
    },
    /// It wants to know who we are, or knows and does not let us.
    #[error("{registry} refuses it ({status}); check the Secret for {repository}")]
    Denied {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// How it said so.
        status: u16,
    },
    /// It is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// It answered something else.
    #[error("{registry} answered {status}{said}")]
    Status {
        /// The registry.
        registry: String,
        /// The status.
        status: u16,
        /// What it said, after a colon.
        said: String,
    },
    /// What came is not what was asked for.
    #[error("{what}: {why}")]
    Wrong {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// More came than may.
    #[error("{what} has more than {} MiB", .most >> 20)]
    Large {
        /// What was asked for.
        what: String,
        /// The most bytes there may be.
        most: u64,
    },
}

/// What is asked about one repository, by one who has one credential.
#[derive(Debug)]
pub struct Session {
    pub http: Http,
    pub reference: Reference,
    pub credential: Option<Credential>,
    pub insecure: bool,
    pub credentials_over_http: bool,
    /// What is asked of the registry, as token servers name it.
    pub scopes: Vec<String>,
    /// What is known once it was asked.
    pub known: Mutex<Known>,
}

#[derive(Debug, Default)]
pub struct Known {
    /// `https` or `http`.
    scheme: Option<&'static str>,
    /// What proves who we are.
    authorization: Option<String>,
}

/// A request to a registry.
pub struct Ask<'a> {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'a str, String)>,
    pub body: Body,
    pub timeout: Duration,
}

impl Session {
    /// Asks, proves who we are where that is wanted, and asks again where the registry is busy.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let (mut proved, mut patience) = (false, Patience::default());
        loop {
            let response = self.send(ask).await?;
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED && !proved {
                proved = true;
                if self.prove(&response).await? {
                    continue;
                }
            }
            let repeatable = ask.method != Method::POST && ask.method != Method::PATCH;
            if !repeatable && status.is_server_error() || !patience.lasts(&response).await {
                return Ok(response);
            }
            tracing::debug!(registry = self.reference.registry, %status, "was busy");
        }
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let (scheme, authorization) = {
            let mut session = self.known.lock().await;
            let scheme = match session.scheme {
                Some(scheme) => scheme,
                None => *session.scheme.insert(self.scheme().await?),
            };
            (scheme, session.authorization.clone())
        };
        let url = if ask.path.contains("://") {
            ask.path.clone()
        } else {
            format!("{scheme}://{}/v2/{}/{}", self.reference.host(), self.reference.repository, ask.path)
        };
        let mut headers: Vec<_> =
            ask.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        // Where the registry sends us further, nobody is told who we are.
        let is_own = Url::parse(&url).is_ok_and(|url| self.is_own(&url, scheme));
        let authorization = authorization.filter(|_| is_own);
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
        self.request(ask.method.clone(), url, headers, ask.body.payload(), ask.timeout).await
    }

    async fn request(
        &self,
        method: Method,
        url: String,
        headers: Vec<(String, String)>,
        body: impl Into<Payload>,
        timeout: Duration,
    ) -> Result<Response, Error> {
        let insecure = self.insecure;
        let body = body.into();
        let request =
            Request { method, url, headers, query: Vec::new(), body, insecure, proxy: None, timeout };
        let sent = self.http.send(request).await;
        let registry = self.reference.registry.clone();
        sent.map_err(|e| match e {
            ferry_net::Error::Broken(why) => Error::Broken { registry, why },
            e => Error::Unreachable { registry, why: e.to_string() },
        })
    }

    /// Whether a URL is the registry's own.
    fn is_own(&self, url: &Url, scheme: &str) -> bool {
        let own = Url::parse(&format!("{scheme}://{}/", self.reference.host()));
        own.is_ok_and(|own| own.origin() == url.origin())
    }

    /// Registries on this machine and in private networks may speak plain HTTP; others do not.
    async fn scheme(&self) -> Result<&'static str, Error> {
        let host = self.reference.host();
        if !is_near(host) {
            return Ok("https");
        }
        let ping = |scheme| {
            self.request(Method::GET, format!("{scheme}://{host}/v2/"), Vec::new(), Vec::new(), SOON)
        };
        let Err(secure) = ping("https").await else { return Ok("https") };
        // One that speaks TLS only has an answer to this too, but not that of a registry.
        match ping("http").await.map(|response| response.status()) {
            Ok(StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Ok("http"),
            _ => Err(secure),
        }
    }

    /// Proves who we are, as the registry asks for it. Whether there is something new to prove it with.
    async fn prove(&self, response: &Response) -> Result<bool, Error> {
        let scheme = self.known.lock().await.scheme.unwrap_or("https");
        if !self.is_own(response.url(), scheme) {
            return Ok(false);
        }
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let authorization = match Challenge::choose(challenges.filter_map(|c| c.to_str().ok())) {
            Some(Challenge::Basic) => {
                let credential = self.credential.as_ref();
                credential.filter(|_| self.may_be_sent(response.url())).map(Credential::basic)
            }
            Some(Challenge::Bearer { realm, service }) => {
                Some(self.token(&realm, service.as_deref(), scheme == "http").await?)
            }
            None => None,
        };
        let is_new = authorization.is_some();
        self.known.lock().await.authorization = authorization;
        Ok(is_new)
    }

    /// Whether the credential may go there as far as others can read on the way.
    fn may_be_sent(&self, to: &Url) -> bool {
        to.scheme() == "https" || self.credentials_over_http || to.host_str().is_some_and(is_this_machine)
    }

    async fn token(&self, realm: &str, service: Option<&str>, is_plain: bool) -> Result<String, Error> {
        let wrong = |why: &str| Error::Wrong { what: self.reference.registry.clone(), why: why.to_owned() };
        let mut url = Url::parse(realm).map_err(|_| wrong("it sends us for a token to what is no URL"))?;
        if url.scheme() == "http" && !is_plain {
            return Err(wrong("it sends us for a token to a place without TLS"));
        }
        url.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .extend_pairs(self.scopes.iter().map(|scope| ("scope", scope.as_str())));
        let credential = self.credential.as_ref().filter(|_| self.may_be_sent(&url));
        let headers: Vec<_> =
            credential.map(|c| ("authorization".to_owned(), c.basic())).into_iter().collect();
        let mut patience = Patience::default();
        let mut response = loop {
            let asked = self.request(Method::GET, url.to_string(), headers.clone(), Vec::new(), SOON).await;
            let response = asked?;
            if !patience.lasts(&response).await {
                break response;
            }
        };
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let body = ferry_net::body(&mut response, TOKEN).await.map_err(|why| wrong(&why))?;
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| wrong("its token is not readable"))?;
        let given = [answer.token, answer.access_token].into_iter().flatten().find(|token| !token.is_empty());
        let token = given.ok_or_else(|| wrong("it gave no token"))?;
        Ok(format!("Bearer {token}"))
    }

    /// Why an answer is none.
    pub async fn refused(&self, mut response: Response) -> Error {
        let status = response.status();
        let registry = self.reference.registry.clone();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Error::Denied { registry, repository: self.reference.name(), status: status.as_u16() };
        }
        let said = ferry_net::body(&mut response, 64 << 10).await.ok().and_then(|body| said(&body));
        let secrets = self.secrets().await;
        let said = said.filter(|said| !secrets.iter().any(|secret| said.contains(secret.as_str())));
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        Error::Status { registry, status: status.as_u16(), said }
    }
}

impl Session {
    /// What a server could repeat of what it was sent, and nobody else is to read.
    async fn secrets(&self) -> Vec<String> {
        let sent = self.known.lock().await.authorization.clone();
        let headers = [sent, self.credential.as_ref().map(Credential::basic)].into_iter().flatten();
        let proofs = headers.filter_map(|header| header.split_once(' ').map(|(_, proof)| proof.to_owned()));
        let password = self.credential.as_ref().map(|credential| credential.password.clone());
        proofs.chain(password).filter(|secret| !secret.is_empty()).collect()
    }
}

impl Ask<'_> {
    pub fn get(path: String, timeout: Duration) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), body: Body::default(), timeout }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a registry says went wrong.
fn said(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let first = answer.get("errors")?.get(0)?;
    let text = |key: &str| first.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    let said = text("message").or(text("code"))?;
    Some(said.chars().filter(|c| !c.is_control()).take(300).collect())
}

fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a registry may speak plain HTTP: on this machine, in a private network, or with a name of one.
fn is_near(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let private = name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_private());
    is_this_machine(host) || private || [".local", ".localhost"].iter().any(|ending| name.ends_with(ending))
}
