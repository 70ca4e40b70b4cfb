//! Waits for objects through watches; what does not come in time is shown as it was last.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::{StreamExt as _, pin_mut};
use kube::Resource;
use kube::api::Api;
use kube::runtime::watcher::{self, Event, watcher};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long anything may take, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The object, once it is as wanted.
pub async fn until<K>(api: &Api<K>, name: &str, wanted: impl FnMut(&K) -> bool) -> Result<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut wanted = wanted;
    let mut last = None;
    let seen = watch_one(api, name, |found| match found {
        Some(object) if wanted(object) => true,
        found => {
            last = found.cloned();
            false
        }
    });
    match tokio::time::timeout(PATIENCE, seen).await {
        Ok(Some(object)) => Ok(object),
        _ => Err(too_late(name, "is not as wanted", last.as_ref())),
    }
}

/// Returns when the object is gone.
pub async fn until_gone<K>(api: &Api<K>, name: &str) -> Result<()>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut last = None;
    let gone = watch_one(api, name, |found| {
        last = found.cloned();
        found.is_none()
    });
    if tokio::time::timeout(PATIENCE, gone).await.is_ok() {
        return Ok(());
    }
    Err(too_late(name, "is still there", last.as_ref()))
}

fn too_late<K: Serialize>(name: &str, what: &str, last: Option<&K>) -> anyhow::Error {
    let last = last.and_then(|object| serde_json::to_string_pretty(object).ok());
    anyhow!("{name} {what} after {PATIENCE:?}; it was {}", last.as_deref().unwrap_or("not there"))
}

/// Gives the object to `enough` whenever it changes, until that says so.
async fn watch_one<K>(api: &Api<K>, name: &str, mut enough: impl FnMut(Option<&K>) -> bool) -> Option<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let events = watcher(api.clone(), config);
    pin_mut!(events);
    let mut is_there = false;
    while let Some(event) = events.next().await {
        let found = match event {
            Ok(Event::Init) => {
                is_there = false;
                continue;
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                is_there = true;
                Some(object)
            }
            Ok(Event::InitDone) if is_there => continue,
            Ok(Event::InitDone | Event::Delete(_)) => None,
            // The kind may not be there yet, or the server may be away: the watcher tries again at once.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        if enough(found.as_ref()) {
            return found;
        }
    }
    None
}
