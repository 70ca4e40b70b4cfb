//! Durable writes in this process and over loopback, beside what the disk itself takes.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ferry_apiserver::{Identity, Options, Server};
use ferry_store::{Key, Scope, Start, Store};
use futures::StreamExt as _;
use kube::Client;
use serde_json::{Value, json};

use crate::figures::{Figures, per_second};

const SINGLE: usize = 2_000;
const MANY: usize = 60_000;
const IN_FLIGHT: usize = 64;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let directory = tempfile::tempdir()?;
    figures.add_distribution("fsync", fsyncs(directory.path())?);
    let store = Store::open(&ferry_store::Options::new(directory.path().join("data")))?;
    let server = Server::new(store.clone(), Options::default())?;
    let client = Client::new(server.router_for(Identity::master("bench")), "default");
    create_to_event(&store, &client, figures).await?;
    in_flight(&store, figures).await
}

/// One page at a time, as a database log grows.
fn fsyncs(directory: &std::path::Path) -> Result<Vec<Duration>> {
    let mut file = File::create(directory.join("fsync"))?;
    let mut times = Vec::new();
    for _ in 0..SINGLE {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn config_map(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "bench"}, "data": {"key": "value"},
    })
}

/// A create by the API, until its event is seen by a watcher in the same process.
async fn create_to_event(store: &Store, client: &Client, figures: &mut Figures) -> Result<()> {
    post(client, "/api/v1/namespaces", &json!({"metadata": {"name": "bench"}})).await?;
    let mut events = store
        .subscribe(Scope::all("/configmaps"), Start::After(store.version()))
        .ok()
        .context("the watch did not start")?;
    let mut times = Vec::new();
    for n in 0..SINGLE {
        let begun = Instant::now();
        let object = config_map(&format!("a-{n}"));
        post(client, "/api/v1/namespaces/bench/configmaps", &object).await?;
        events.next().await.context("the watch ended")?;
        times.push(begun.elapsed());
    }
    let all: Duration = times.iter().sum();
    figures.add("create_to_event_per_second", per_second(SINGLE, all), "1/s");
    figures.add_distribution("create_to_event", times);
    Ok(())
}

async fn post(client: &Client, path: &str, body: &Value) -> Result<()> {
    let body = kube::client::Body::from(serde_json::to_vec(body)?);
    let request = http::Request::post(path).header("content-type", "application/json").body(body)?;
    let response = client.send(request).await?;
    anyhow::ensure!(response.status().is_success(), "{path} answers {}", response.status());
    Ok(())
}

/// Durable creates with 64 waiting at any time.
async fn in_flight(store: &Store, figures: &mut Figures) -> Result<()> {
    let resource: Arc<str> = Arc::from("/configmaps");
    let begun = Instant::now();
    let written = futures::stream::iter(0..MANY).map(|n| {
        let name = format!("b-{n}");
        let value = config_map(&name);
        store.create(Key::new(resource.clone(), "bench", name), value, Vec::new())
    });
    let failed =
        written.buffer_unordered(IN_FLIGHT).filter(|reply| std::future::ready(reply.is_err())).count().await;
    anyhow::ensure!(failed == 0, "{failed} writes failed");
    figures.add("durable_writes_64_in_flight", per_second(MANY, begun.elapsed()), "1/s");
    Ok(())
}
