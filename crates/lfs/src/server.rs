//! A server's contents: asked for in batches, each sent or received by itself, again where the server is busy.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ferry_net::{Http, Payload, Request};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};

use crate::batch::{Action, Answer, MEDIA_TYPE, Object, Operation, Question};
use crate::pointer::Pointer;
use crate::store::Store;

/// How many contents are asked about at once; servers set limits, and this is below them.
const BATCH: usize = 100;
/// How large a batch's answer may be.
const ANSWER: usize = 4 << 20;
/// How many contents are on their way at once.
const AT_ONCE: usize = 4;
/// How long an answer may take that is small.
const SOON: Duration = Duration::from_secs(30);
/// How often a request is made anew where the server is busy, and how long that takes at most each time.
const TRIES: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(30);

/// Who we are, to one server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Scheme, host and port of who may know.
    pub origin: String,
    /// The `Authorization` header.
    pub authorization: String,
}

/// Shows whom it is for.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A server, as one caller may speak to it.
#[derive(Clone)]
pub struct Server {
    /// How it is reached.
    pub http: Http,
    /// The API's URL, without a slash at the end: `https://host/app.git/info/lfs`.
    pub url: String,
    /// Who we are, if anybody.
    pub login: Option<Login>,
    /// What the server wants to see with each question, names and values.
    pub headers: Vec<(String, String)>,
    /// Whether any certificate will do.
    pub insecure: bool,
    /// How long one content may take.
    pub deadline: Duration,
    /// A transfer of no byte at all for so long is given up.
    pub stall: Duration,
}

/// Why contents did not come or go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server could not be reached, or broke off.
    #[error("{server} cannot be reached: {why}")]
    Unreachable {
        /// Scheme, host and port.
        server: String,
        /// Why.
        why: String,
    },
    /// It wants to know who we are, or knows and does not let us.
    #[error("{server} refuses it ({status}): check the credential of the repository")]
    Denied {
        /// Scheme, host and port.
        server: String,
        /// How it said so.
        status: u16,
    },
    /// It answered something else.
    #[error("{server} answered {status}{said}")]
    Status {
        /// Scheme, host and port.
        server: String,
        /// The status.
        status: u16,
        /// What it said, after a colon.
        said: String,
    },
    /// The answer is none.
    #[error("{server}: {why}")]
    Wrong {
        /// Scheme, host and port.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// One content.
    #[error("object {oid}: {why}")]
    Object {
        /// Its SHA-256.
        oid: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A request that can be made again.
struct Ask<'a> {
    method: Method,
    url: &'a str,
    headers: Vec<(String, String)>,
    body: Body<'a>,
    timeout: Duration,
}

enum Body<'a> {
    Text(&'a [u8]),
    File(PathBuf, u64),
}

impl Server {
    /// Brings contents into the store.
    pub async fn download(&self, store: &Store, pointers: &[Pointer]) -> Result<(), Error> {
        for some in pointers.chunks(BATCH) {
            let answers = self.ask_about(Operation::Download, some).await?;
            let each =
                some.iter().map(|pointer| self.receive(store, pointer, answers.get(pointer.oid())).boxed());
            some_at_once(each.collect()).await?;
        }
        Ok(())
    }

    /// Sends those contents of the store that the server does not have. One that neither has is an error.
    pub async fn upload(&self, store: &Store, pointers: &[Pointer]) -> Result<(), Error> {
        for some in pointers.chunks(BATCH) {
            let answers = self.ask_about(Operation::Upload, some).await?;
            let each =
                some.iter().map(|pointer| self.give(store, pointer, answers.get(pointer.oid())).boxed());
            some_at_once(each.collect()).await?;
        }
        Ok(())
    }

    async fn ask_about(
        &self,
        operation: Operation,
        some: &[Pointer],
    ) -> Result<HashMap<String, Object>, Error> {
        let url = format!("{}/objects/batch", self.url);
        let question = serde_json::to_vec(&Question::new(operation, some));
        let body = question.map_err(|e| broke(&url, &e.to_string()))?;
        let mut response = self.json(&url, self.headers.clone(), &body, false).await?;
        let read = ferry_net::body(&mut response, ANSWER).await.map_err(|why| broke(&url, &why))?;
        let answer: Answer = serde_json::from_slice(&read)
            .map_err(|_| broke(&url, "what it answers is not readable: is it a server for Git LFS?"))?;
        if let Some(transfer) = answer.transfer.filter(|transfer| transfer != "basic") {
            return Err(broke(
                &url,
                &format!("it wants transfers of the kind {transfer:?}, which was not offered"),
            ));
        }
        let failed = answer.objects.iter().find_map(|object| Some((object, object.error.as_ref()?)));
        if let Some((object, problem)) = failed {
            let said: String = plain(&problem.message);
            let why = format!("the server says {}: {said}", problem.code);
            // What is told is a text of the server's.
            let oid =
                Pointer::new(&object.oid, 0).map(|pointer| pointer.oid().to_owned()).unwrap_or_default();
            return Err(Error::Object { oid, why });
        }
        Ok(answer.objects.into_iter().map(|object| (object.oid.clone(), object)).collect())
    }

    async fn receive(&self, store: &Store, pointer: &Pointer, object: Option<&Object>) -> Result<(), Error> {
        let object = object.ok_or_else(|| wrong(pointer, "the server says nothing of it"))?;
        let action = object.actions.as_ref().and_then(|actions| actions.download.as_ref());
        let action = action.ok_or_else(|| wrong(pointer, "the server does not say where it is"))?;
        let ask = Ask {
            method: Method::GET,
            url: &action.href,
            headers: self.headers_of(object, action),
            body: Body::Text(b""),
            timeout: self.deadline,
        };
        let mut response = self.found(ask).await?;
        let store = store.clone();
        let failed = |why: String| Error::Object { oid: pointer.oid().to_owned(), why };
        let mut incoming = store.begin(pointer).map_err(|e| failed(e.to_string()))?;
        loop {
            let next = tokio::time::timeout(self.stall, response.chunk()).await;
            let next =
                next.map_err(|_late| failed(format!("nothing came for {} s", self.stall.as_secs_f64())))?;
            let Some(part) = next.map_err(|e| failed(ferry_net::told(e)))? else { break };
            incoming.write(&part).map_err(failed)?;
        }
        let kept = tokio::task::spawn_blocking(move || incoming.keep()).await;
        kept.map_err(|e| failed(e.to_string()))?.map_err(failed)
    }

    async fn give(&self, store: &Store, pointer: &Pointer, object: Option<&Object>) -> Result<(), Error> {
        let object = object.ok_or_else(|| wrong(pointer, "the server says nothing of it"))?;
        // What it has, it asks nothing for.
        let Some(actions) = &object.actions else { return Ok(()) };
        if let Some(action) = &actions.upload {
            self.put(store, pointer, object, action).await?;
        }
        match &actions.verify {
            Some(action) => self.verify(pointer, object, action).await,
            None => Ok(()),
        }
    }

    async fn put(
        &self,
        store: &Store,
        pointer: &Pointer,
        object: &Object,
        action: &Action,
    ) -> Result<(), Error> {
        if !store.has(pointer) {
            return Err(wrong(pointer, "neither the server nor this checkout has it"));
        }
        let mut headers = self.headers_of(object, action);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".to_owned(), "application/octet-stream".to_owned()));
        }
        let body = Body::File(store.path(pointer), pointer.size());
        let ask = Ask { method: Method::PUT, url: &action.href, headers, body, timeout: self.deadline };
        self.found(ask).await.map(drop)
    }

    async fn verify(&self, pointer: &Pointer, object: &Object, action: &Action) -> Result<(), Error> {
        let body = serde_json::json!({"oid": pointer.oid(), "size": pointer.size()}).to_string();
        self.json(&action.href, self.headers_of(object, action), body.as_bytes(), true).await.map(drop)
    }

    async fn json(
        &self,
        url: &str,
        mut headers: Vec<(String, String)>,
        body: &[u8],
        proved: bool,
    ) -> Result<Response, Error> {
        if !proved {
            headers.extend(self.authorization(url, &headers));
        }
        headers.extend(["accept", "content-type"].map(|name| (name.to_owned(), MEDIA_TYPE.to_owned())));
        let ask = Ask { method: Method::POST, url, headers, body: Body::Text(body), timeout: SOON };
        self.found(ask).await
    }

    /// What an action wants to see, and who we are where it says nothing of that and is the same server's.
    fn headers_of(&self, object: &Object, action: &Action) -> Vec<(String, String)> {
        let mut headers: Vec<_> = action.header.clone().into_iter().flatten().collect();
        // How much is sent, and that it is, is for us to say; some servers would have it in parts.
        headers.retain(|(name, _)| {
            !["content-length", "transfer-encoding"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
        });
        if object.authenticated != Some(true) {
            headers.extend(self.authorization(&action.href, &headers));
        }
        headers
    }

    fn authorization(&self, url: &str, headers: &[(String, String)]) -> Option<(String, String)> {
        let has_one = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let login = self.login.as_ref().filter(|login| !has_one && login.origin == ferry_net::shown(url))?;
        Some(("authorization".to_owned(), login.authorization.clone()))
    }

    async fn found(&self, ask: Ask<'_>) -> Result<Response, Error> {
        let server = ferry_net::shown(ask.url);
        let mut tries = 0;
        loop {
            let mut response = self.once(&ask).await?;
            let status = response.status();
            let is_busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            tries += 1;
            if is_busy && tries < TRIES {
                let wait = retry_after(response.headers()).unwrap_or(Duration::from_secs(1 << tries));
                tracing::debug!(server, %status, ?wait, "busy");
                tokio::time::sleep(wait.min(PATIENCE)).await;
                continue;
            }
            if status.is_success() {
                return Ok(response);
            }
            let status = status.as_u16();
            if matches!(status, 401 | 403) {
                return Err(Error::Denied { server, status });
            }
            let said = ferry_net::body(&mut response, 64 << 10).await.ok().and_then(|body| said(&body));
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            return Err(Error::Status { server, status, said });
        }
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let mut headers = ask.headers.clone();
        let unreachable = |why: String| Error::Unreachable { server: ferry_net::shown(ask.url), why };
        let body = match &ask.body {
            Body::Text(text) => Payload::from(text.to_vec()),
            Body::File(path, size) => {
                headers.push((CONTENT_LENGTH.to_string(), size.to_string()));
                let file = tokio::fs::File::open(path).await.map_err(|e| unreachable(e.to_string()))?;
                Payload::from(file)
            }
        };
        let request = Request {
            method: ask.method.clone(),
            url: ask.url.to_owned(),
            headers,
            query: Vec::new(),
            body,
            insecure: self.insecure,
            proxy: None,
            timeout: ask.timeout,
        };
        // What is sent may take its time; an answer without it does not.
        let patience = if matches!(ask.body, Body::Text(_)) { self.stall } else { ask.timeout };
        let sent = tokio::time::timeout(patience, self.http.send(request)).await;
        let sent =
            sent.map_err(|_late| unreachable(format!("nothing came for {} s", patience.as_secs_f64())))?;
        sent.map_err(|e| unreachable(e.to_string()))
    }
}

async fn some_at_once(all: Vec<BoxFuture<'_, Result<(), Error>>>) -> Result<(), Error> {
    futures::stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
}

fn broke(url: &str, why: &str) -> Error {
    Error::Wrong { server: ferry_net::shown(url), why: why.to_owned() }
}

fn wrong(pointer: &Pointer, why: &str) -> Error {
    Error::Object { oid: pointer.oid().to_owned(), why: why.to_owned() }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What a server says went wrong.
fn said(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    answer.get("message")?.as_str().map(plain)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
