//! A server, and what it is asked: about many contents at once, again where it is busy.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ferry_net::{Http, Patience, Payload, Request};
use futures::TryStreamExt as _;
use futures::{FutureExt as _, StreamExt as _};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Response};

use crate::batch::{Answer, MEDIA_TYPE, Object, Operation, Question};
use crate::error::Error;
use crate::pointer::Pointer;
use crate::proxies::Proxies;
use crate::store::Store;
use crate::transfer::wrong as of_object;

/// How many contents are asked about at once; servers set limits, and this is below them.
const BATCH: usize = 100;
/// How large a batch's answer may be.
const ANSWER: usize = 4 << 20;
/// How many contents are on their way at once.
const AT_ONCE: usize = 4;
/// How long an answer may take that is small.
const SOON: Duration = Duration::from_secs(30);
/// How often the server is asked where contents are: what it says may hold for a short time only.
const ROUNDS: u32 = 3;

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
    /// The proxies that there are.
    pub proxies: Proxies,
    /// Whether any certificate of it will do.
    pub insecure: bool,
    /// How long all of it may take.
    pub deadline: Duration,
    /// A transfer of no byte at all for so long is given up.
    pub stall: Duration,
}

/// A request that can be made again.
pub(crate) struct Ask<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: Vec<(String, String)>,
    pub body: Body<'a>,
    pub timeout: Duration,
}

pub(crate) enum Body<'a> {
    Text(&'a [u8]),
    File(PathBuf, u64),
}

impl Server {
    /// Brings contents into the store.
    pub async fn download(&self, store: &Store, pointers: &[Pointer]) -> Result<(), Error> {
        self.in_time(self.move_all(Operation::Download, store, pointers)).await
    }

    /// Sends those contents of the store that the server does not have. One that neither has is an error.
    pub async fn upload(&self, store: &Store, pointers: &[Pointer]) -> Result<(), Error> {
        self.in_time(self.move_all(Operation::Upload, store, pointers)).await
    }

    async fn in_time(&self, work: impl Future<Output = Result<(), Error>> + Send) -> Result<(), Error> {
        let late = || Error::Late { server: ferry_net::shown(&self.url), seconds: self.deadline.as_secs() };
        tokio::time::timeout(self.deadline, work).await.map_err(|_late| late())?
    }

    async fn move_all(&self, operation: Operation, store: &Store, pointers: &[Pointer]) -> Result<(), Error> {
        for some in pointers.chunks(BATCH) {
            let mut round = 1;
            loop {
                match self.move_some(operation, store, some).await {
                    Err(error @ Error::Object { again: true, .. }) if round < ROUNDS => {
                        tracing::debug!(%error, "asking anew");
                        round += 1;
                    }
                    other => break other?,
                }
            }
        }
        Ok(())
    }

    async fn move_some(&self, operation: Operation, store: &Store, some: &[Pointer]) -> Result<(), Error> {
        // What came in an earlier round is here.
        let is_done = |pointer: &Pointer| operation == Operation::Download && store.has(pointer);
        let some: Vec<Pointer> = some.iter().filter(|p| !p.is_empty() && !is_done(p)).cloned().collect();
        if some.is_empty() {
            return Ok(());
        }
        let answers = self.ask_about(operation, &some).await?;
        let mut each = Vec::with_capacity(some.len());
        for pointer in &some {
            let object = answers.get(pointer.oid());
            let object = object.ok_or_else(|| of_object(pointer, "the server says nothing of it"))?;
            each.push(match operation {
                Operation::Download => self.receive(store, pointer, object).boxed(),
                Operation::Upload => self.give(store, pointer, object).boxed(),
            });
        }
        futures::stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn ask_about(
        &self,
        operation: Operation,
        some: &[Pointer],
    ) -> Result<HashMap<String, Object>, Error> {
        let url = format!("{}/objects/batch", self.url);
        let question = serde_json::to_vec(&Question::new(operation, some));
        let body = question.map_err(|e| wrong(&url, &e.to_string()))?;
        let mut response = self.json(&url, self.headers.clone(), &body).await?;
        let read = ferry_net::body(&mut response, ANSWER).await.map_err(|why| wrong(&url, &why))?;
        let answer: Answer = serde_json::from_slice(&read)
            .map_err(|_| wrong(&url, "what it answers is not readable: is it a server for Git LFS?"))?;
        if let Some(transfer) = answer.transfer.filter(|transfer| transfer != "basic") {
            let why = format!("it wants transfers of the kind {transfer:?}, which was not offered");
            return Err(wrong(&url, &why));
        }
        let failed = answer.objects.iter().find_map(|object| Some((object, object.error.as_ref()?)));
        if let Some((object, problem)) = failed {
            let why = format!("the server says {}: {}", problem.code, plain(&problem.message));
            // What is told is a text of the server's.
            let oid = Pointer::new(&object.oid, 0).map(|pointer| pointer.oid().to_owned());
            return Err(Error::Object { oid: oid.unwrap_or_default(), why, again: false });
        }
        Ok(answer.objects.into_iter().map(|object| (object.oid.clone(), object)).collect())
    }

    /// Asks the API, proving who we are.
    pub(crate) async fn json(
        &self,
        url: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Result<Response, Error> {
        let mut at = url.to_owned();
        loop {
            let mut all = headers.clone();
            all.extend(self.authorization(&at, &headers));
            all.extend(["accept", "content-type"].map(|name| (name.to_owned(), MEDIA_TYPE.to_owned())));
            let ask =
                Ask { method: Method::POST, url: &at, headers: all, body: Body::Text(body), timeout: SOON };
            let response = self.patiently(&ask).await?;
            let ended = response.url().to_string();
            if response.status().is_success() || ended == at || at != url {
                return self.judged(response).await;
            }
            // Most redirections turn a question into a mere request for a page: it is put once more, where they led to.
            at = ended;
        }
    }

    pub(crate) fn authorization(&self, url: &str, headers: &[(String, String)]) -> Option<(String, String)> {
        let has_one = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let login = self.login.as_ref().filter(|login| !has_one && login.origin == ferry_net::shown(url))?;
        Some(("authorization".to_owned(), login.authorization.clone()))
    }

    /// Makes a request, again where the server is busy.
    pub(crate) async fn patiently(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let mut patience = Patience::default();
        loop {
            let response = self.once(ask).await?;
            if !patience.lasts(&response).await {
                return Ok(response);
            }
            tracing::debug!(server = ferry_net::shown(ask.url), status = %response.status(), "was busy");
        }
    }

    /// An answer that is none is an error.
    pub(crate) async fn judged(&self, mut response: Response) -> Result<Response, Error> {
        if response.status().is_success() {
            return Ok(response);
        }
        let (server, status) = (ferry_net::shown(response.url().as_str()), response.status().as_u16());
        if matches!(status, 401 | 403) {
            return Err(Error::Denied { server, status });
        }
        let said = ferry_net::body(&mut response, 64 << 10).await.ok().and_then(|body| said(&body));
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        Err(Error::Status { server, status, said })
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let mut headers = ask.headers.clone();
        let server = ferry_net::shown(ask.url);
        // Nobody has said of other places that they need not be known.
        let insecure = self.insecure && server == ferry_net::shown(&self.url);
        let unreachable = |why: String| Error::Unreachable { server: server.clone(), why };
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
            insecure,
            proxy: self.proxies.of(ask.url),
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

fn wrong(url: &str, why: &str) -> Error {
    Error::Wrong { server: ferry_net::shown(url), why: why.to_owned() }
}

/// What a server says went wrong.
fn said(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    answer.get("message")?.as_str().map(plain)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
