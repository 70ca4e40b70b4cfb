//! One content on its way, where the server has said that it goes.

use bytes::Bytes;
use reqwest::{Method, Response};
use tokio::sync::mpsc;

use crate::batch::{Action, Object};
use crate::error::Error;
use crate::pointer::Pointer;
use crate::server::{Ask, Body, Server};
use crate::store::Store;

/// How many parts of a content wait for the disk.
const WAITING: usize = 4;

impl Server {
    /// Brings a content into the store.
    pub(crate) async fn receive(
        &self,
        store: &Store,
        pointer: &Pointer,
        object: &Object,
    ) -> Result<(), Error> {
        let action = object.actions.as_ref().and_then(|actions| actions.download.as_ref());
        let action = action.ok_or_else(|| wrong(pointer, "the server does not say where it is"))?;
        let headers = self.headers_of(object, action);
        let (url, body) = (&*action.href, Body::Text(b""));
        let ask = Ask { method: Method::GET, url, headers, body, timeout: self.deadline };
        let mut response = self.transferred(pointer, self.patiently(&ask).await).await?;
        // Hashing and the disk are not for those who drive everybody's requests.
        let (sender, mut parts) = mpsc::channel::<Bytes>(WAITING);
        let (store, named) = (store.clone(), pointer.clone());
        let keeping = tokio::task::spawn_blocking(move || {
            let mut incoming = store.begin(&named).map_err(|e| e.to_string())?;
            while let Some(part) = parts.blocking_recv() {
                // An empty one is the end; without it, whoever was bringing it has gone.
                if part.is_empty() {
                    return incoming.keep();
                }
                incoming.write(&part)?;
            }
            Ok(())
        });
        let came = self.come(pointer, &mut response, &sender).await;
        if came.is_ok() {
            let _refused = sender.send(Bytes::new()).await;
        }
        drop(sender);
        let kept = keeping.await.map_err(|e| e.to_string()).flatten();
        kept.map_err(|why| wrong(pointer, &why)).and(came)
    }

    /// Hands on what comes, until it ends or nobody wants more of it.
    async fn come(
        &self,
        pointer: &Pointer,
        response: &mut Response,
        to: &mpsc::Sender<Bytes>,
    ) -> Result<(), Error> {
        loop {
            let next = tokio::time::timeout(self.stall, response.chunk()).await;
            let next = next.map_err(|_late| {
                again(pointer, format!("nothing came for {} s", self.stall.as_secs_f64()))
            })?;
            let Some(part) = next.map_err(|e| again(pointer, ferry_net::told(e)))? else { return Ok(()) };
            if !part.is_empty() && to.send(part).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Sends a content, if the server wants it.
    pub(crate) async fn give(&self, store: &Store, pointer: &Pointer, object: &Object) -> Result<(), Error> {
        // What it has, it asks nothing for.
        let Some(actions) = &object.actions else { return Ok(()) };
        if let Some(action) = &actions.upload {
            self.put(store, pointer, object, action).await?;
        }
        let Some(action) = &actions.verify else { return Ok(()) };
        let body = serde_json::json!({"oid": pointer.oid(), "size": pointer.size()}).to_string();
        self.json(&action.href, self.headers_of(object, action), body.as_bytes()).await.map(drop)
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
        self.transferred(pointer, self.patiently(&ask).await).await.map(drop)
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

    /// A place for one content holds for a short time and breaks off more easily than an API: it is asked for anew.
    async fn transferred(
        &self,
        pointer: &Pointer,
        answer: Result<Response, Error>,
    ) -> Result<Response, Error> {
        let judged = match answer {
            Ok(response) => self.judged(response).await,
            Err(error) => Err(error),
        };
        judged.map_err(|error| match error {
            Error::Denied { server, status } => again(pointer, format!("{server} refuses it ({status})")),
            Error::Unreachable { .. } => again(pointer, error.to_string()),
            other => wrong(pointer, &other.to_string()),
        })
    }
}

pub(crate) fn wrong(pointer: &Pointer, why: &str) -> Error {
    Error::Object { oid: pointer.oid().to_owned(), why: why.to_owned(), again: false }
}

fn again(pointer: &Pointer, why: String) -> Error {
    Error::Object { oid: pointer.oid().to_owned(), why, again: true }
}
