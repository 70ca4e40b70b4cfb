//! Feeds an index from a watch, for ever: what breaks is started again, what is missing is waited for.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_api};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{Change, Index, Key};

/// Watches until `stop`. `changed` hears of every change; also of those that were missed while the watch was down.
pub async fn watch<K>(
    kind: &'static str,
    api: Api<K>,
    index: Arc<Index<K>>,
    stop: CancellationToken,
    changed: impl Fn(&Change<K>),
) where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default + Eq + std::hash::Hash + Clone,
{
    let config = watcher::Config::default();
    // Who owns which field is never asked here, and is the larger part of many objects. A write without it keeps it.
    let slim = watch_api(api, config).modify(|object| object.managed_fields_mut().clear());
    let mut events = Box::pin(slim.backoff(Pauses::default()));
    let mut seen = std::collections::HashSet::new();
    loop {
        let event = tokio::select! {
            event = events.try_next() => event,
            () = stop.cancelled() => return,
        };
        match event {
            Ok(Some(event)) => take(&index, event, &mut seen, &changed),
            Ok(None) => return,
            Err(error) if is_absent(&error) => tracing::debug!(kind, "the server has no such kind yet"),
            Err(error) => tracing::warn!(kind, %error, "watch broke; it is started again"),
        }
    }
}

/// Whether the kind itself is missing: Argo CD's, where it is not installed. Who needs it says so.
fn is_absent(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}

fn take<K: ResourceExt>(
    index: &Index<K>,
    event: Event<K>,
    seen: &mut std::collections::HashSet<Key>,
    changed: &impl Fn(&Change<K>),
) {
    match event {
        Event::Init => {
            seen.clear();
            index.begin_list();
        }
        Event::InitApply(object) => {
            seen.insert(Key::of(&object));
            index.apply(object).iter().for_each(changed);
        }
        Event::InitDone => {
            index.end_list(seen).iter().for_each(changed);
            seen.clear();
        }
        Event::Apply(object) => index.apply(object).iter().for_each(changed),
        Event::Delete(object) => index.remove(&object).iter().for_each(changed),
    }
}

/// Pauses between attempts: short at first, ten seconds at the longest, so that what heals is seen soon.
#[derive(Debug)]
struct Pauses {
    next: Duration,
    /// When the last pause was over.
    over: Option<std::time::Instant>,
}

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST, over: None }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = std::time::Instant::now();
        if self.over.is_some_and(|over| now.saturating_duration_since(over) > LONGEST) {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        self.over = Some(now + pause);
        Some(pause)
    }
}

impl kube::runtime::utils::Backoff for Pauses {
    /// A watch that begins says so before its list fails: only one that held for a while starts anew.
    fn reset(&mut self) {}
}
