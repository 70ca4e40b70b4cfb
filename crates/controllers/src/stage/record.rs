//! The record that Freight keeps of its travel: where it is and where it is verified, one write for each piece.

use std::collections::BTreeMap;

use ferry_api::{Freight, Stage, Time, duration};
use ferry_engine::world::{Error, Happening, events};
use ferry_planner::stage::Action;
use kube::Api;
use serde_json::{Map, Value, json};

use crate::Controllers;
use crate::runtime::Key;

/// What is noted on a piece of Freight of one Stage; what is not there stays as it is.
#[derive(Default)]
struct Note {
    current: Option<Value>,
    verified: Option<Value>,
    is_verification: bool,
}

/// Where Freight is and where it is verified. In a fan every Stage writes the same Freight, which grows with each.
pub(super) async fn write(c: &Controllers, stage: &Stage, actions: &[Action]) -> Result<(), Error> {
    let namespace = stage.metadata.namespace.clone().unwrap_or_default();
    let name = stage.metadata.name.clone().unwrap_or_default();
    let api = Api::<Freight>::namespaced(c.client.clone(), &namespace);
    for (freight, note) in notes(c, &namespace, &name, actions) {
        let mut status = Map::new();
        status.extend(note.current.map(|value| ("currentlyIn".to_owned(), json!({&name: value}))));
        status.extend(note.verified.map(|value| ("verifiedIn".to_owned(), json!({&name: value}))));
        let (key, change) = (Key::new(&*namespace, freight), json!({"status": status}));
        c.freight_notes.patch_status(&api, &c.cache.freight, &key, &name, &change).await?;
        if note.is_verification {
            tell_of_verification(c, &namespace, freight, &name).await;
        }
    }
    Ok(())
}

fn notes<'a>(
    c: &Controllers,
    namespace: &str,
    stage: &str,
    actions: &'a [Action],
) -> BTreeMap<&'a str, Note> {
    let now = Time(c.world.now());
    let mut notes: BTreeMap<&str, Note> = BTreeMap::new();
    for action in actions {
        match action {
            Action::MarkCurrent { freight } => {
                notes.entry(freight).or_default().current = Some(json!({"since": now}));
            }
            Action::UnmarkCurrent { freight } => {
                let soak = soak(c, namespace, freight, stage, &now);
                let note = notes.entry(freight).or_default();
                note.current = Some(Value::Null);
                note.verified = soak.map(|soak| json!({"longestSoak": soak}));
            }
            Action::MarkVerified { freight, at } => {
                let note = notes.entry(freight).or_default();
                note.verified = Some(json!({"verifiedAt": at}));
                note.is_verification = true;
            }
            Action::Promote { .. } | Action::AnnotateApplications(_) => {}
        }
    }
    notes
}

async fn tell_of_verification(c: &Controllers, namespace: &str, freight: &str, stage: &str) {
    let Some(freight) = c.cache.freight.get(namespace, freight) else { return };
    let message = format!("Freight verified in Stage {stage:?}");
    let actor = "controller:stage-controller".to_owned();
    let happening = Happening { reason: "FreightVerificationSucceeded", message, actor, warning: false };
    let event = events::of_freight(&freight, Some(stage), &happening, c.world.now());
    events::record(&c.client, event).await;
}

/// How long Freight that leaves a Stage stayed there at the longest; kept where it was verified.
fn soak(c: &Controllers, namespace: &str, freight: &str, stage: &str, now: &Time) -> Option<String> {
    let object = c.cache.freight.get(namespace, freight)?;
    object.is_verified_in(stage).then(|| duration::format(object.longest_soak(stage, now)))
}
