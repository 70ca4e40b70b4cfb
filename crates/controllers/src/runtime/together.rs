//! Patches of one status that many make at the same time, written together: while one is on its way the others wait,
//! and go as one. In a fan a thousand Stages note themselves on one piece of Freight, which grows with each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferry_engine::world::Error;
use kube::Resource;
use kube::api::Api;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Index, Key, patch_status};

/// Who writes what together, by object.
#[derive(Debug, Default)]
pub struct Together(Mutex<HashMap<Key, Arc<Line>>>);

#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<Vec<Patch>>,
    /// Held by who writes.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Patch {
    /// Of two patches of one writer the later waits for the next turn.
    writer: String,
    change: Value,
    told: oneshot::Sender<Result<(), Error>>,
}

impl Together {
    /// Merges a patch into the status of an object, with those of other writers. Each writes members of its own.
    pub async fn patch_status<K>(
        &self,
        api: &Api<K>,
        index: &Index<K>,
        key: &Key,
        writer: &str,
        change: &Value,
    ) -> Result<(), Error>
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let line = self.0.lock().entry(key.clone()).or_default().clone();
        let result = loop {
            let (told, mut answer) = oneshot::channel();
            line.waiting.lock().push(Patch { writer: writer.to_owned(), change: change.clone(), told });
            let ours = loop {
                let turn = line.turn.lock().await;
                if let Ok(result) = answer.try_recv() {
                    break Some(result);
                }
                let batch = line.next();
                if batch.is_empty() {
                    // Who took it was dropped before it could tell.
                    break None;
                }
                write(api, index, &key.name, batch).await;
                drop(turn);
            };
            if let Some(result) = ours {
                break result;
            }
        };
        let mut lines = self.0.lock();
        // The map's and ours: nobody else waits.
        if Arc::strong_count(&line) == 2 {
            lines.remove(key);
        }
        result
    }
}

impl Line {
    /// The patches that can go as one.
    fn next(&self) -> Vec<Patch> {
        let mut waiting = self.waiting.lock();
        let mut writers = HashSet::new();
        let (now, later) = waiting.drain(..).partition(|patch| writers.insert(patch.writer.clone()));
        *waiting = later;
        now
    }
}

async fn write<K>(api: &Api<K>, index: &Index<K>, name: &str, batch: Vec<Patch>)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut all = Value::Null;
    for patch in &batch {
        join(&mut all, &patch.change);
    }
    let result = patch_status(api, index, name, &all).await;
    let is_refused = matches!(result, Err(Error::Invalid(_))) && batch.len() > 1;
    for patch in batch {
        // What is wrong with one must not be held against the others.
        let own =
            if is_refused { patch_status(api, index, name, &patch.change).await } else { result.clone() };
        let _gone = patch.told.send(own);
    }
}

/// Makes one patch of two that have no member in common; nulls are kept, as they mean removal.
fn join(all: &mut Value, patch: &Value) {
    match (all, patch) {
        (Value::Object(all), Value::Object(members)) => {
            for (name, member) in members {
                join(all.entry(name.clone()).or_insert(Value::Null), member);
            }
        }
        (all, patch) => *all = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use ferry_api::Freight;
    use kube::client::Body;
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;

    /// An API server that keeps what it was sent and tells of it before it answers; `refused` it refuses.
    fn server(sent: Arc<Mutex<Vec<Value>>>, arrived: Arc<Notify>) -> kube::Client {
        let answer = move |request: http::Request<Body>| {
            let (sent, arrived) = (sent.clone(), arrived.clone());
            async move {
                let bytes = request.into_body().collect_bytes().await.unwrap();
                let patch: Value = serde_json::from_slice(&bytes).unwrap();
                let code = if patch.to_string().contains("refused") { 422 } else { 200 };
                sent.lock().push(patch);
                arrived.notify_one();
                tokio::task::yield_now().await;
                let body = match code {
                    200 => {
                        json!({"metadata": {"name": "f", "namespace": "p"}, "origin": {"kind": "Warehouse", "name": "w"}})
                    }
                    code => json!({"kind": "Status", "status": "Failure", "code": code, "reason": "Invalid"}),
                };
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, Infallible>(http::Response::builder().status(code).body(body).unwrap())
            }
        };
        kube::Client::new(tower::service_fn(answer), "p")
    }

    fn note(stage: &str, what: &Value) -> Value {
        json!({"status": {"currentlyIn": {stage: what}}})
    }

    #[tokio::test]
    async fn what_comes_while_one_is_on_its_way_goes_as_one() {
        let sent = Arc::default();
        let api = Api::<Freight>::namespaced(server(Arc::clone(&sent), Arc::default()), "p");
        let (index, together, key) = (Index::new(|_| String::new()), Together::default(), Key::new("p", "f"));
        let notes: Vec<(String, Value)> = (0..40)
            .map(|n| (format!("s{n}"), if n % 3 == 0 { Value::Null } else { json!({"since": n}) }))
            .chain([("s1".to_owned(), Value::Null), ("bad".to_owned(), json!("refused"))])
            .collect();
        let all = notes.iter().map(|(stage, what)| {
            let (api, index, together, key) = (&api, &index, &together, &key);
            async move { together.patch_status(api, index, key, stage, &note(stage, what)).await }
        });
        let results = futures::future::join_all(all).await;
        let (last, others) = results.split_last().unwrap();
        assert!(matches!(last, Err(Error::Invalid(_))), "{last:?}");
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        let sent = sent.lock();
        // The first alone; the others as one, which is refused for one of them, so each alone; what the same Stage noted
        // twice in order.
        assert_eq!(sent.first().unwrap(), &note("s0", &Value::Null));
        assert_eq!(sent.get(1).unwrap().pointer("/status/currentlyIn/s3"), Some(&Value::Null));
        assert_eq!(sent.get(1).unwrap().pointer("/status/currentlyIn/s4/since"), Some(&json!(4)));
        assert_eq!(sent.last().unwrap(), &note("s1", &Value::Null));
        assert!(together.0.lock().is_empty());
    }

    #[tokio::test]
    async fn who_is_dropped_while_it_writes_keeps_nobody_waiting() {
        let (sent, arrived) = (Arc::default(), Arc::new(Notify::new()));
        let api = Api::<Freight>::namespaced(server(Arc::clone(&sent), arrived.clone()), "p");
        let (index, together, key) = (Index::new(|_| String::new()), Together::default(), Key::new("p", "f"));
        let patch = async |stage: &str| {
            together.patch_status(&api, &index, &key, stage, &note(stage, &json!({"since": 1}))).await
        };
        // The third's note is taken along by the second, who is dropped before the answer is there.
        let cut = async {
            tokio::select! {
                biased;
                () = async { arrived.notified().await; arrived.notified().await } => {}
                _ = async { tokio::join!(patch("a"), patch("b")) } => panic!("it was not cut"),
            }
        };
        let ((), third) = tokio::join!(cut, patch("c"));
        third.unwrap();
        let of_third = |sent: &&Value| sent.pointer("/status/currentlyIn/c").is_some();
        assert_eq!(sent.lock().iter().filter(of_third).count(), 2);
    }
}
