//! Watches Applications and the objects that they manage, and keeps one task for each Application.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll};
use kube::api::DynamicObject;
use kube::core::ApiResource;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::cluster::argo;
use super::observation::Sources;
use super::repository::Repositories;
use super::resource::Key;
use super::step::Due;
use super::worker::{Mailbox, Managed, Shared, Worker};

/// Runs the stand-in until `shutdown`; what it is in the middle of is finished first.
pub async fn run(
    client: Client,
    repositories: Arc<dyn Repositories>,
    settings: Settings,
    shutdown: CancellationToken,
) {
    let (managed, mut newly_managed) = mpsc::unbounded_channel();
    let shared =
        Arc::new(Shared { client: client.clone(), sources: Sources::new(repositories), settings, managed });
    let mut workers = Workers {
        shared,
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
        mailboxes: HashMap::new(),
        managed: HashMap::new(),
    };
    let mut applications = objects(&client, &argo("Application"));
    let mut changes: SelectAll<BoxStream<'static, Option<DynamicObject>>> = SelectAll::new();
    let mut watched = HashSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(app) = applications.next() => if let Some(app) = app { workers.wake(&app) },
            Some(object) = changes.next(), if !changes.is_empty() => if let Some(object) = object { workers.owe(&object) },
            Some(Managed { kind, key, by }) = newly_managed.recv() => {
                if watched.insert((key.group.clone(), key.kind.clone())) {
                    changes.push(objects(&client, &kind));
                }
                workers.managed.entry(place(&key)).or_default().insert(by);
            }
        }
    }
    workers.tasks.close();
    workers.tasks.wait().await;
}

/// Every object of a kind that appears, changes or goes; `None` for what is no object.
fn objects(client: &Client, kind: &ApiResource) -> BoxStream<'static, Option<DynamicObject>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let kind = kind.kind.clone();
    let events = watcher(api, watcher::Config::default()).default_backoff();
    events
        .map(move |event| match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => Some(object),
            Ok(Event::Init | Event::InitDone) => None,
            Err(error) => {
                tracing::debug!(kind, %error, "watching");
                None
            }
        })
        .boxed()
}

struct Workers {
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    mailboxes: HashMap<(String, String), Arc<Mailbox>>,
    /// Who manages an object.
    managed: HashMap<Place, HashSet<(String, String)>>,
}

impl Workers {
    /// An Application changed: its task looks at it.
    fn wake(&mut self, app: &DynamicObject) {
        let (namespace, name) = (app.namespace().unwrap_or_default(), app.name_any());
        let key = (namespace.clone(), name.clone());
        if let Some(mailbox) = self.mailboxes.get(&key) {
            return mailbox.ring();
        }
        let mailbox = Arc::new(Mailbox::default());
        self.mailboxes.insert(key, mailbox.clone());
        let worker =
            Worker { shared: self.shared.clone(), mailbox, namespace, name, shutdown: self.shutdown.clone() };
        self.tasks.spawn(worker.run());
    }

    /// An object changed: the Applications that manage it look at it.
    fn owe(&self, object: &DynamicObject) {
        let object = serde_json::to_value(object).unwrap_or_default();
        for by in self.managed.get(&place(&Key::of(&object))).into_iter().flatten() {
            if let Some(mailbox) = self.mailboxes.get(by) {
                mailbox.owe(Due::Resources);
            }
        }
    }
}

/// An object, whatever version it is asked for in.
type Place = [String; 4];

fn place(key: &Key) -> Place {
    [&key.group, &key.kind, &key.namespace, &key.name].map(Clone::clone)
}
