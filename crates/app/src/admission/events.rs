//! The Events that admission asks for: a Promotion was made, Freight was approved.

use std::collections::BTreeMap;

use ferry_admission::Event;
use ferry_api::names::annotation;
use ferry_api::{Freight, Promotion};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as Object, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Resource, ResourceExt as _};

/// Tells of them, without anybody waiting for it.
pub(super) fn tell(client: &Client, events: Vec<Event>) {
    for event in events {
        let object = object(&event, Timestamp::now());
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Object> = Api::namespaced(client.clone(), &namespace);
        tokio::spawn(async move {
            if let Err(error) = api.create(&PostParams::default(), &object).await {
                tracing::warn!(%error, "event not recorded");
            }
        });
    }
}

fn object(event: &Event, now: Timestamp) -> Object {
    let mut notes = Notes::default();
    let (reason, message, about) = match event {
        Event::PromotionCreated { actor, promotion, freight } => {
            notes.note("actor", actor);
            notes.promotion(promotion);
            if let Some(freight) = freight {
                notes.freight(freight);
            }
            let message = format!("Promotion created for Stage {:?} by {actor:?}", promotion.spec.stage);
            ("PromotionCreated", message, reference(&**promotion))
        }
        Event::FreightApproved { actor, freight, stage } => {
            notes.note("actor", actor);
            notes.note("project", &freight.namespace().unwrap_or_default());
            notes.note("stage-name", stage);
            notes.freight(freight);
            let message = format!("Freight approved for Stage {stage:?} by {actor:?}");
            ("FreightApproved", message, reference(&**freight))
        }
    };
    let time = Some(Time(now));
    Object {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), now.as_nanosecond())),
            namespace: about.namespace.clone(),
            annotations: Some(notes.0),
            ..ObjectMeta::default()
        },
        involved_object: about,
        reason: Some(reason.to_owned()),
        message: Some(message),
        type_: Some("Normal".to_owned()),
        count: Some(1),
        first_timestamp: time.clone(),
        last_timestamp: time,
        source: Some(EventSource { component: Some("admission".to_owned()), host: None }),
        ..Object::default()
    }
}

fn reference<K: Resource<DynamicType = ()>>(object: &K) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: object.meta().name.clone(),
        namespace: object.meta().namespace.clone(),
        uid: object.meta().uid.clone(),
        ..ObjectReference::default()
    }
}

/// Annotations that notifiers read.
#[derive(Default)]
struct Notes(BTreeMap<String, String>);

impl Notes {
    fn note(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.0.insert(format!("{}{key}", annotation::EVENT_PREFIX), value.to_owned());
        }
    }

    fn promotion(&mut self, promotion: &Promotion) {
        self.note("project", &promotion.namespace().unwrap_or_default());
        self.note("promotion-name", &promotion.name_any());
        self.note("stage-name", &promotion.spec.stage);
        self.note("freight-name", promotion.spec.freight.as_deref().unwrap_or_default());
    }

    fn freight(&mut self, freight: &Freight) {
        self.note("freight-name", &freight.name_any());
        self.note("freight-alias", freight.alias.as_deref().unwrap_or_default());
        self.note("freight-warehouse-name", &freight.origin.name);
        let created = freight.metadata.creation_timestamp.as_ref();
        self.note("freight-create-time", &created.map(|time| time.0.to_string()).unwrap_or_default());
        let json =
            |list: serde_json::Result<String>| list.ok().filter(|text| text != "[]").unwrap_or_default();
        self.note("freight-commits", &json(serde_json::to_string(&freight.commits)));
        self.note("freight-images", &json(serde_json::to_string(&freight.images)));
        self.note("freight-charts", &json(serde_json::to_string(&freight.charts)));
    }
}
