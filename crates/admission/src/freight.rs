//! Freight: its name is its content's, its alias is unique, and it changes no more.

use ferry_api::freight::{ArtifactReference, Freight};
use ferry_api::names::label;
use ferry_api::{Stage, Warehouse};
use ferry_artifact::urls::normalize_git;
use serde::Serialize;
use serde_json::{Value, json};

use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Allowed, Cause, Denial, Event, Reviewed};
use crate::request::{Operation, Request};
use crate::subscription::{Kind, Subscription};
use crate::{alias, metadata, rules};

/// The name, the time of discovery and the alias.
pub(crate) fn mutate(request: &Request<'_>, known: &Snapshot, object: &mut Value) -> Reviewed<()> {
    let is_new = request.operation == Operation::Create;
    if is_new && let Some(freight) = content(object) {
        metadata::write(object, ["metadata", "name"], freight.id().into());
    }
    if object.get("origin").is_none_or(Value::is_null) {
        // The schema then says which kinds of origin there are.
        set(object, "origin", json!({"kind": "", "name": ""}));
    }
    if object.get("discoveredAt").is_none_or(Value::is_null) {
        let created = object["metadata"].get("creationTimestamp").filter(|time| !time.is_null()).cloned();
        set(object, "discoveredAt", created.unwrap_or_else(|| json!(request.now())));
    }
    let given =
        object.get("alias").and_then(Value::as_str).filter(|alias| !alias.is_empty()).map(str::to_owned);
    if given.is_none() && is_new {
        let alias = alias::unused(request.context.entropy, known)?;
        set(object, "alias", alias.as_str().into());
        metadata::set(object, "labels", label::ALIAS, alias);
    } else {
        metadata::put(object, "labels", label::ALIAS, given.as_deref());
    }
    Ok(())
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(field.to_owned(), value);
    }
}

/// The parts that the name is made of; nothing else of the object must be readable.
fn content(object: &Value) -> Option<Freight> {
    let mut parts = json!({"metadata": {}});
    for field in ["origin", "commits", "images", "charts", "artifacts"] {
        if let Some(value) = object.get(field).filter(|value| !value.is_null()) {
            parts[field] = value.clone();
        }
    }
    serde_json::from_value(parts).ok()
}

/// What may be made, changed and deleted.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    match request.operation {
        Operation::Create if request.subresource.is_empty() => create(request, known),
        Operation::Update => update(request, known, allowed),
        Operation::Delete if request.subresource.is_empty() => delete(request, known),
        Operation::Create | Operation::Delete => Ok(()),
    }
}

fn create(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    let freight: Freight = request.typed()?;
    let mut causes = rules::project(request, known)?;
    if freight.commits.is_empty()
        && freight.images.is_empty()
        && freight.charts.is_empty()
        && freight.artifacts.is_empty()
    {
        causes.push(Cause::invalid("[]", request.object_name(), "Freight holds at least one artifact"));
    }
    if let Some(alias) = taken_alias(&freight, known, request.namespace)? {
        let why = format!("other Freight in namespace {:?} has this alias", request.namespace);
        causes.push(Cause::invalid("alias", alias, why));
    }
    let name = freight.origin.name.as_str();
    match known.object::<Warehouse>(Resource::Warehouse, request.namespace, name)? {
        Some(warehouse) => check_artifacts(&freight, &warehouse, &mut causes),
        None => causes.push(Cause::invalid("warehouse", name, "there is no such Warehouse")),
    }
    request.accept(causes)
}

/// The Freight's alias, where other Freight of the Namespace has it too.
fn taken_alias<'a>(freight: &'a Freight, known: &Snapshot, namespace: &str) -> Reviewed<Option<&'a str>> {
    let Some(alias) = freight.alias.as_deref().filter(|alias| !alias.is_empty()) else { return Ok(None) };
    let others: Vec<Freight> = known.list(Resource::Freight, namespace, Some((label::ALIAS, alias)))?;
    let taken = others.iter().any(|other| other.metadata.name != freight.metadata.name);
    Ok(taken.then_some(alias))
}

/// Artifacts and subscriptions answer each other, one to one.
fn check_artifacts(freight: &Freight, warehouse: &Warehouse, causes: &mut Vec<Cause>) {
    let subscriptions: Vec<Subscription<'_>> =
        warehouse.spec.subscriptions.iter().filter_map(|value| Subscription::read(value, "").ok()).collect();
    let of = |kind: Kind| -> Vec<String> {
        subscriptions.iter().filter(|s| s.kind == kind).map(|s| subscription_key(*s)).collect()
    };
    let commits: Vec<(String, Value)> =
        freight.commits.iter().map(|commit| (normalize_git(&commit.repo_url), json!(commit))).collect();
    let images: Vec<(String, Value)> =
        freight.images.iter().map(|image| (image.repo_url.clone(), json!(image))).collect();
    let charts: Vec<(String, Value)> =
        freight.charts.iter().map(|chart| (chart_key(&chart.repo_url, &chart.name), json!(chart))).collect();
    for (field, kind, artifacts) in
        [("commits", Kind::Git, commits), ("images", Kind::Image, images), ("charts", Kind::Chart, charts)]
    {
        let wanted = of(kind);
        for (key, artifact) in artifacts.iter().filter(|(key, _)| !wanted.contains(key)) {
            let why = format!("Warehouse {:?} does not subscribe to {key:?}", freight.origin.name);
            causes.push(Cause::invalid(field, artifact.clone(), why));
        }
        for key in &wanted {
            let why = match artifacts.iter().filter(|(other, _)| other == key).count() {
                1 => continue,
                0 => format!(
                    "Warehouse {:?} subscribes to {key:?}, of which nothing is here",
                    freight.origin.name
                ),
                _ => format!("there is more than one artifact of {key:?}"),
            };
            causes.push(Cause::invalid(field, Value::Null, why));
        }
    }
}

/// By what an artifact is matched to its subscription. Images are compared as they are written.
fn subscription_key(subscription: Subscription<'_>) -> String {
    let url = subscription.text("repoURL");
    match subscription.kind {
        Kind::Git => normalize_git(url),
        Kind::Image => url.to_owned(),
        Kind::Chart => chart_key(url, subscription.text("name")),
    }
}

fn chart_key(url: &str, name: &str) -> String {
    let url = ferry_artifact::urls::normalize_chart(url);
    format!("{} {name}", url.trim_end_matches('/'))
}

/// What of Freight is its own; the rest is the record of its travel.
const OWN: &[&str] = &["alias", "origin", "commits", "images", "charts", "artifacts"];

fn update(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    // The controllers write that record twice a Stage, and it is as long as there are Stages.
    let is_kept = |old: &Value, new: &Value| OWN.iter().all(|field| old.get(field) == new.get(field));
    let only_record = request.old.zip(request.object).is_some_and(|(old, new)| is_kept(old, new));
    if request.user.is_control_plane && only_record {
        return Ok(());
    }
    let freight: Freight = request.typed()?;
    let old = request.typed_old::<Freight>();
    if old.as_ref().is_none_or(|old| old.alias != freight.alias)
        && let Some(alias) = taken_alias(&freight, known, request.namespace)?
    {
        let why = format!("other Freight in namespace {:?} has the alias {alias:?}", request.namespace);
        return Err(request.deny(Denial::conflict(request.group, "freights", request.object_name(), &why)));
    }
    let Some(old) = old else { return Ok(()) };
    let mut causes = Vec::new();
    if freight.origin != old.origin {
        causes.push(constant("origin", json!(freight.origin)));
    }
    check_list("commits", &freight.commits, &old.commits, &mut causes);
    check_list("images", &freight.images, &old.images, &mut causes);
    check_list("charts", &freight.charts, &old.charts, &mut causes);
    check_list::<ArtifactReference>("artifacts", &freight.artifacts, &old.artifacts, &mut causes);
    request.accept(causes)?;
    tell_of_approvals(request, &freight, &old, allowed);
    Ok(())
}

fn check_list<T: PartialEq + Serialize>(field: &str, new: &[T], old: &[T], causes: &mut Vec<Cause>) {
    if new.len() != old.len() {
        causes.push(constant(field, json!(new)));
    } else if let Some((index, changed)) =
        new.iter().enumerate().find(|(index, item)| old.get(*index) != Some(item))
    {
        causes.push(constant(&format!("{field}[{index}]"), json!(changed)));
    }
}

fn constant(field: &str, value: Value) -> Cause {
    Cause::invalid(field, value, "Freight cannot be changed; make other Freight")
}

fn tell_of_approvals(request: &Request<'_>, freight: &Freight, old: &Freight, allowed: &mut Allowed) {
    if request.user.is_control_plane {
        return;
    }
    let approved = freight.status.iter().flat_map(|status| status.approved_for.keys());
    for stage in approved.filter(|stage| !old.is_approved_for(stage)) {
        allowed.events.push(Event::FreightApproved {
            actor: request.user.actor(),
            freight: Box::new(freight.clone()),
            stage: stage.clone(),
        });
    }
}

fn delete(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    let name = request.object_name();
    let stages: Vec<Stage> = known.list(Resource::Stage, request.namespace, None)?;
    let has_it = |stage: &&Stage| {
        let current = stage.status.as_ref().and_then(|status| status.freight_history.first());
        current.is_some_and(|collection| collection.references().any(|reference| reference.name == name))
    };
    let Some(stage) = stages.iter().find(has_it) else { return Ok(()) };
    let stage = stage.metadata.name.as_deref().unwrap_or_default();
    let why = format!("Stage {stage:?} has it now");
    Err(request.deny(Denial::forbidden(request.group, "freights", name, &why)))
}
