//! Many at once: 64 writers and 100 watchers over 50,000 objects, and lists of 5,000.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ferry_apiserver::{Identity, Options, Server};
use ferry_store::{Key, Scope, Start, Store};
use futures::StreamExt as _;
use kube::Client;
use serde_json::json;

use crate::figures::{Figures, middle, per_second};

const OBJECTS: usize = 50_000;
const LISTED: usize = 5_000;
const WRITERS: usize = 64;
const WATCHERS: usize = 100;
const WRITES: usize = 20_000;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(&ferry_store::Options::new(directory.path().join("data")))?;
    let resource: Arc<str> = Arc::from("/configmaps");
    let key = |n: usize| {
        let namespace = if n < LISTED { "listed" } else { "other" };
        Key::new(resource.clone(), namespace, format!("object-{n}"))
    };
    let value = |n: usize, turn: usize| {
        let key = key(n);
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": format!("uid-{n}")},
            "data": {"turn": turn.to_string(), "padding": "x".repeat(500)},
        })
    };
    let made = futures::stream::iter(0..OBJECTS).map(|n| store.create(key(n), value(n, 0), Vec::new()));
    let failed =
        made.buffer_unordered(WRITERS).filter(|reply| std::future::ready(reply.is_err())).count().await;
    anyhow::ensure!(failed == 0, "{failed} creates failed");

    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let mut events = store
            .subscribe(Scope::all("/configmaps"), Start::After(store.version()))
            .ok()
            .context("the watch did not start")?;
        watchers.push(tokio::spawn(async move {
            let mut seen = 0;
            while seen < WRITES && events.next().await.is_some() {
                seen += 1;
            }
            seen
        }));
    }
    let begun = Instant::now();
    let written = futures::stream::iter(0..WRITES).map(|turn| {
        let store = &store;
        async move {
            let n = turn * 7 % OBJECTS;
            let version = store.get(&key(n)).map_or(0, |object| object.version);
            store.replace(key(n), version, value(n, turn), Vec::new()).await
        }
    });
    let failed =
        written.buffer_unordered(WRITERS).filter(|reply| std::future::ready(reply.is_err())).count().await;
    anyhow::ensure!(failed == 0, "{failed} writes failed");
    figures.add("crowd_writes", per_second(WRITES, begun.elapsed()), "1/s");
    for watcher in watchers {
        let seen = watcher.await?;
        anyhow::ensure!(seen == WRITES, "a watcher saw {seen} of {WRITES} events");
    }
    figures.add("crowd_all_seen", begun.elapsed().as_secs_f64(), "s");

    let server = Server::new(store, Options::default())?;
    let client = Client::new(server.router_for(Identity::master("bench")), "default");
    let mut times = Vec::new();
    for _ in 0..7 {
        let begun = Instant::now();
        let request = http::Request::get("/api/v1/namespaces/listed/configmaps").body(Vec::new())?;
        let text = client.request_text(request).await?;
        anyhow::ensure!(text.matches("\"uid\"").count() == LISTED, "the list is not whole");
        times.push(begun.elapsed());
    }
    figures.add_ms("list_5000", middle(times));
    Ok(())
}
