//! core/v1 Events of what happens to Promotions and Freight, with the annotations that notifiers read.

use std::collections::BTreeMap;

use ferry_api::freight::{Chart, GitCommit, Image};
use ferry_api::names::annotation;
use ferry_api::{Freight, ObjectMeta, Promotion, Time};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use kube::api::{Api, PostParams};
use serde::Serialize;

use super::{Happening, answered};

/// Events keep messages up to so many bytes.
const MESSAGE_BYTES: usize = 1024;

/// Records an Event. A failure is logged and forgotten.
pub async fn record(client: &kube::Client, event: Event) {
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api = Api::<Event>::namespaced(client.clone(), &namespace);
    if let Err(error) = answered("Event", api.create(&PostParams::default(), &event)).await {
        tracing::warn!(%error, "event not recorded");
    }
}

/// The Event of something that happened to a Promotion.
pub fn of_promotion(promotion: &Promotion, happening: &Happening, now: Timestamp) -> Event {
    let mut notes = Notes::new(happening);
    notes.add("project", promotion.metadata.namespace.as_deref());
    notes.add("promotion-name", promotion.metadata.name.as_deref());
    notes.add("promotion-create-time", time(promotion.metadata.creation_timestamp.as_ref()).as_deref());
    notes.add("stage-name", Some(&promotion.spec.stage));
    notes.add("freight-name", promotion.spec.freight.as_deref());
    if let Some(freight) = promotion.status.as_ref().and_then(|s| s.freight.as_ref()) {
        notes.add("freight-warehouse-name", freight.origin.as_ref().map(|o| o.name.as_str()));
        notes.content(&freight.commits, &freight.images, &freight.charts);
    }
    event("Promotion", &promotion.metadata, happening, notes.0, now)
}

/// The Event of something that happened to Freight, in a Stage or by itself.
pub fn of_freight(freight: &Freight, stage: Option<&str>, happening: &Happening, now: Timestamp) -> Event {
    let mut notes = Notes::new(happening);
    notes.add("project", freight.metadata.namespace.as_deref());
    notes.add("stage-name", stage);
    notes.add("freight-name", freight.metadata.name.as_deref());
    notes.add("freight-alias", freight.alias.as_deref());
    notes.add("freight-create-time", time(freight.metadata.creation_timestamp.as_ref()).as_deref());
    notes.add("freight-warehouse-name", Some(&freight.origin.name));
    notes.content(&freight.commits, &freight.images, &freight.charts);
    event("Freight", &freight.metadata, happening, notes.0, now)
}

struct Notes(BTreeMap<String, String>);

impl Notes {
    fn new(happening: &Happening) -> Self {
        let mut notes = Self(BTreeMap::new());
        notes.add("actor", Some(&happening.actor));
        notes
    }

    fn add(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.0.insert(format!("{}{key}", annotation::EVENT_PREFIX), value.to_owned());
        }
    }

    fn content(&mut self, commits: &[GitCommit], images: &[Image], charts: &[Chart]) {
        self.list("freight-commits", commits);
        self.list("freight-images", images);
        self.list("freight-charts", charts);
    }

    fn list<T: Serialize>(&mut self, key: &str, items: &[T]) {
        if !items.is_empty() {
            self.add(key, serde_json::to_string(items).ok().as_deref());
        }
    }
}

fn time(at: Option<&Time>) -> Option<String> {
    at.map(|t| t.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn event(
    kind: &str,
    about: &ObjectMeta,
    happening: &Happening,
    notes: BTreeMap<String, String>,
    now: Timestamp,
) -> Event {
    let name = about.name.clone().unwrap_or_default();
    let at = Some(Time(now));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: about.namespace.clone(),
            annotations: Some(notes),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(ferry_api::API_VERSION.to_owned()),
            kind: Some(kind.to_owned()),
            name: about.name.clone(),
            namespace: about.namespace.clone(),
            uid: about.uid.clone(),
            resource_version: about.resource_version.clone(),
            ..ObjectReference::default()
        },
        reason: Some(happening.reason.to_owned()),
        message: Some(cut(&happening.message)),
        type_: Some(if happening.warning { "Warning" } else { "Normal" }.to_owned()),
        count: Some(1),
        first_timestamp: at.clone(),
        last_timestamp: at,
        source: Some(EventSource { component: Some("ferry".to_owned()), host: None }),
        ..Event::default()
    }
}

fn cut(message: &str) -> String {
    let end =
        (0..=message.len().min(MESSAGE_BYTES)).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
    message.get(..end).unwrap_or_default().to_owned()
}
