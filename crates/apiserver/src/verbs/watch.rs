//! Watches: the backlog, then what happens, as one line of JSON per event. A version that is too old is answered
//! inside the stream, as the real server does: clients rely on it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use ferry_store::{Event, Object, Scope, Start, Subscription};
use futures::stream;
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{Call, Filter};
use crate::accept::{Form, Shape};
use crate::options::ListOptions;
use crate::resource::Resource;
use crate::respond::{self, Include, Table, view};
use crate::{Server, Status};

/// Between bookmarks.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// The first after initial events.
const FIRST_BOOKMARK: Duration = Duration::from_secs(1);
/// A last bookmark comes this long before the end of a watch with a deadline.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Most events in one piece of the answer.
const PIECE: usize = 256;

pub(super) fn answer(call: &Call) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    let options = ListOptions::parse(&call.query)?;
    Filter::new(&call.resource, &options, None)?;
    let watch = Watch::start(call, options, form, include);
    let stream = stream::unfold(watch, |mut watch| async move {
        watch.piece().await.map(|piece| (Ok::<_, std::convert::Infallible>(piece), watch))
    });
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A running watch.
struct Watch {
    server: Server,
    resource: Arc<Resource>,
    options: ListOptions,
    form: Form,
    include: Include,
    subscription: Option<Subscription>,
    /// Objects that were there at the start, still to be told.
    initial: VecDeque<Arc<Object>>,
    /// The version to be marked after them.
    initial_end: Option<u64>,
    /// What is written, still to be sent.
    ready: Vec<u8>,
    /// The version up to which the client knows everything.
    seen: u64,
    deadline: Instant,
    bookmark: Option<Instant>,
    catalog: tokio::sync::watch::Receiver<u64>,
    columns_sent: bool,
    bookmarked: bool,
}

impl Watch {
    fn start(call: &Call, options: ListOptions, form: Form, include: Include) -> Self {
        let store = call.server.store();
        let name = options.only_name().map(str::to_owned);
        let scope = Scope {
            resource: Arc::clone(&call.resource.storage),
            namespace: call.place.namespace.clone(),
            name,
        };
        let from_start = match (options.version, options.initial_events) {
            (None | Some(0), Some(false)) => Start::After(store.version()),
            (_, Some(true)) | (None | Some(0), None) => Start::Now,
            (Some(version), _) => Start::After(version),
        };
        // A real server ends watches after 30 to 60 minutes.
        let timeout = options
            .timeout
            .unwrap_or_else(|| Duration::from_secs(rand::Rng::random_range(&mut rand::rng(), 1800..3600)));
        let now = Instant::now();
        let mut watch = Self {
            server: call.server.clone(),
            resource: Arc::clone(&call.resource),
            form,
            include,
            subscription: None,
            initial: VecDeque::new(),
            initial_end: None,
            ready: Vec::new(),
            seen: 0,
            deadline: now + timeout,
            bookmark: None,
            catalog: call.server.catalog_changes(),
            columns_sent: false,
            bookmarked: false,
            options,
        };
        match call.server.subscribe(scope, from_start) {
            Ok(subscription) => watch.begin(subscription, from_start),
            Err(expired) => {
                let text = format!("too old resource version: {} ({})", expired.requested, expired.oldest);
                watch.line("ERROR", Status::expired(text).to_value().to_string().as_bytes());
            }
        }
        watch.plan_bookmark();
        watch
    }

    fn begin(&mut self, mut subscription: Subscription, start: Start) {
        let initial = std::mem::take(&mut subscription.initial);
        self.seen = match start {
            Start::Now => subscription.version,
            Start::After(version) => version,
        };
        let version = subscription.version;
        self.subscription = Some(subscription);
        self.initial = initial.into();
        let wanted = self.options.initial_events == Some(true) || self.options.version.is_none();
        if start == Start::Now && self.options.bookmarks && wanted {
            self.initial_end = Some(version);
        }
    }

    /// The next of the objects that were there at the start, and the mark at their end.
    fn take_initial(&mut self) {
        for object in (0..PIECE).map_while(|_| self.initial.pop_front()).collect::<Vec<_>>() {
            if self.filter_matches(&object) {
                self.event("ADDED", &object, None);
            }
        }
        if self.initial.is_empty()
            && let Some(version) = self.initial_end.take()
        {
            self.bookmark_line(version, true);
        }
    }

    fn plan_bookmark(&mut self) {
        if !self.options.bookmarks {
            return;
        }
        let now = Instant::now();
        let last = self.deadline.checked_sub(BOOKMARK_BEFORE_END).unwrap_or(now);
        // After the initial events clients wait for a version they can rely on.
        let soon = self.options.initial_events == Some(true) && !self.bookmarked;
        self.bookmarked = true;
        let next = now + if soon { FIRST_BOOKMARK } else { BOOKMARK_EVERY };
        self.bookmark = if next < last {
            Some(next)
        } else if last > now {
            Some(last)
        } else {
            None
        };
    }

    fn filter_matches(&self, object: &Object) -> bool {
        Filter::new(&self.resource, &self.options, None).is_ok_and(|f| f.admits(object))
    }

    /// The next piece of the answer; `None`: the watch is over.
    async fn piece(&mut self) -> Option<Bytes> {
        loop {
            while self.ready.is_empty() && (!self.initial.is_empty() || self.initial_end.is_some()) {
                self.take_initial();
            }
            if !self.ready.is_empty() {
                return Some(Bytes::from(std::mem::take(&mut self.ready)));
            }
            let subscription = self.subscription.as_mut()?;
            let bookmark = self.bookmark.unwrap_or(self.deadline);
            let stop = self.server.stopped().clone();
            tokio::select! {
                event = subscription.next() => {
                    let event = event?;
                    self.take(&event);
                    let mut taken = 1;
                    while taken < PIECE
                        && let Some(event) = self.subscription.as_mut().and_then(Subscription::try_next)
                    {
                        self.take(&event);
                        taken += 1;
                    }
                }
                () = sleep_until(bookmark), if self.bookmark.is_some() => {
                    // Everything up to this version is in the channel already.
                    let version = self.server.store().version();
                    while let Some(event) = self.subscription.as_mut().and_then(Subscription::try_next) {
                        self.take(&event);
                    }
                    self.seen = self.seen.max(version);
                    self.bookmark_line(self.seen, false);
                    self.plan_bookmark();
                }
                () = sleep_until(self.deadline) => return None,
                () = stop.cancelled() => return None,
                changed = self.catalog.changed() => {
                    changed.ok()?;
                    if !self.is_served() {
                        self.drain();
                        self.subscription = None;
                    }
                }
            }
        }
    }

    /// Hands over what happened before the resource went away.
    fn drain(&mut self) {
        while let Some(event) = self.subscription.as_mut().and_then(Subscription::try_next) {
            self.take(&event);
        }
    }

    fn is_served(&self) -> bool {
        let (catalog, own) = (self.server.catalog(), &self.resource);
        let Some(now) = catalog.get(&own.group, &own.version, &own.plural) else { return false };
        now.custom().map(|c| &c.definition) == own.custom().map(|c| &c.definition)
    }

    fn take(&mut self, event: &Event) {
        // A client may start from a version that is still to come.
        if event.version() <= self.seen {
            return;
        }
        self.seen = event.version();
        let now = !event.deleted && self.filter_matches(&event.object);
        let before = event.previous.as_ref().is_some_and(|p| self.filter_matches(p));
        match (before, now) {
            (false, true) => self.event("ADDED", &event.object, None),
            (true, true) => self.event("MODIFIED", &event.object, None),
            (true, false) if event.deleted => self.event("DELETED", &event.object, None),
            // It left the selection: its last content that belonged, with the version of the change.
            (true, false) => {
                if let Some(previous) = &event.previous {
                    self.event("DELETED", previous, Some(event.version()));
                }
            }
            (false, false) => {}
        }
    }

    fn event(&mut self, kind: &str, object: &Object, version: Option<u64>) {
        if self.form.shape == Shape::Object && version.is_none() {
            let bytes = respond::object_bytes(&self.resource, object);
            self.line(kind, &bytes);
            return;
        }
        let mut value = view(&self.resource, object).into_owned();
        if let Some(version) = version
            && let Some(slot) = value.pointer_mut("/metadata/resourceVersion")
        {
            *slot = version.to_string().into();
        }
        let shaped = self.shaped(&value);
        self.line(kind, shaped.to_string().as_bytes());
    }

    fn shaped<'v>(&mut self, value: &'v Value) -> Cow<'v, Value> {
        match self.form.shape {
            Shape::Table { beta } => {
                let table = Table::new(&self.resource, beta, self.include);
                let list = json!({"resourceVersion": crate::meta::text(value, "resourceVersion")});
                let one = std::iter::once(value);
                let shaped = if self.columns_sent { table.rows(one, &list) } else { table.whole(one, &list) };
                self.columns_sent = true;
                Cow::Owned(shaped)
            }
            Shape::Metadata { beta } | Shape::MetadataList { beta } => {
                Cow::Owned(respond::partial(value, beta))
            }
            Shape::Object | Shape::Discovery => Cow::Borrowed(value),
        }
    }

    fn bookmark_line(&mut self, version: u64, initial: bool) {
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if initial && let Some(map) = metadata.as_object_mut() {
            map.insert("annotations".into(), json!({"k8s.io/initial-events-end": "true"}));
        }
        if self.resource.custom().is_none()
            && let Some(map) = metadata.as_object_mut()
        {
            map.insert("creationTimestamp".into(), Value::Null);
        }
        let object = json!({"kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata});
        let shaped = match self.form.shape {
            Shape::Table { .. } => {
                let mut table = self.shaped(&object).into_owned();
                if let Some(table) = table.as_object_mut() {
                    table.insert("metadata".into(), json!({"resourceVersion": version.to_string()}));
                }
                // There is no object, so its name is empty rather than absent.
                if let Some(name) = table.pointer_mut("/rows/0/cells/0") {
                    *name = "".into();
                }
                table
            }
            _ => self.shaped(&object).into_owned(),
        };
        self.line("BOOKMARK", shaped.to_string().as_bytes());
    }

    fn line(&mut self, kind: &str, object: &[u8]) {
        self.ready.reserve(object.len() + 40);
        self.ready.extend_from_slice(b"{\"type\":\"");
        self.ready.extend_from_slice(kind.as_bytes());
        self.ready.extend_from_slice(b"\",\"object\":");
        self.ready.extend_from_slice(object);
        self.ready.extend_from_slice(b"}\n");
    }
}
