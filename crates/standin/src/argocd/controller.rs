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
use super::repository::Repositories;
use super::resource::TRACKING_ID;
use super::step::Due;
use super::worker::{Mailbox, Shared, Worker};

/// Runs the stand-in until `shutdown`; what it is in the middle of is finished first.
pub async fn run(
    client: Client,
    repositories: Arc<dyn Repositories>,
    settings: Settings,
    shutdown: CancellationToken,
) {
    let (kinds, mut new_kinds) = mpsc::unbounded_channel();
    let own_namespace = settings.namespace.clone();
    let shared = Arc::new(Shared { client: client.clone(), repositories, settings, kinds });
    let mut workers = Workers {
        shared,
        own_namespace,
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
        mailboxes: HashMap::new(),
    };
    let mut applications = objects(&client, &argo("Application"));
    let mut managed: SelectAll<BoxStream<'static, Option<DynamicObject>>> = SelectAll::new();
    let mut watched = HashSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(app) = applications.next() => if let Some(app) = app { workers.wake(&app) },
            Some(object) = managed.next(), if !managed.is_empty() => if let Some(object) = object { workers.owe(&object) },
            Some(kind) = new_kinds.recv() => if watched.insert((kind.group.clone(), kind.kind.clone())) {
                managed.push(objects(&client, &kind));
            },
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
    own_namespace: String,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    mailboxes: HashMap<(String, String), Arc<Mailbox>>,
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

    /// An object changed: the Application that it says it belongs to looks at it.
    fn owe(&self, object: &DynamicObject) {
        let Some((owner, _)) = object.annotations().get(TRACKING_ID).and_then(|id| id.split_once(':')) else {
            return;
        };
        let (namespace, name) = owner.split_once('_').unwrap_or((&self.own_namespace, owner));
        if let Some(mailbox) = self.mailboxes.get(&(namespace.to_owned(), name.to_owned())) {
            mailbox.owe(Due::Resources);
        }
    }
}
