//! Promotion: what it does is its Stage's template at this moment, who may make it is who may promote to the Stage.

mod authorize;
mod template;

use ferry_api::generated::{promotion_name, shorten_label_value, target_promotion_name};
use ferry_api::names::{annotation, label};
use ferry_api::{Freight, FreightOrigin, Promotion, Stage};
use ferry_planner::availability;
use serde_json::{Value, json};

use crate::actor::{self, Subject};
use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Allowed, Cause, Event, Reviewed};
use crate::request::{Operation, Request};
use crate::{hold, metadata, rules};

const PROMOTION_REQUEST: &str = "PromotionRequest";

/// On creation everything but the Stage and the Freight is made here; an update keeps what was made.
pub(crate) fn mutate(request: &Request<'_>, known: &Snapshot, object: &mut Value) -> Reviewed<()> {
    let named = text(object, "stage").to_owned();
    let Some(stage) = known.object::<Stage>(Resource::Stage, request.namespace, &named)? else {
        let why = format!("there is no Stage {named:?} in namespace {:?}", request.namespace);
        return Err(request.invalid(vec![Cause::invalid("spec.stage", named, why)]));
    };
    match request.operation {
        Operation::Create => create(request, known, &stage, object)?,
        Operation::Update => keep_what_was_made(request, object),
        Operation::Delete => return Ok(()),
    }
    let shard = stage.spec.shard.as_deref().filter(|shard| !shard.is_empty());
    metadata::put(object, "labels", label::SHARD, shard);
    metadata::set(object, "labels", label::STAGE, shorten_label_value(&named));
    metadata::set(object, "annotations", annotation::STAGE, named);
    if !is_of_request(object) {
        metadata::write(object, ["metadata", "ownerReferences"], json!([owner(&stage)]));
    }
    Ok(())
}

fn create(request: &Request<'_>, known: &Snapshot, stage: &Stage, object: &mut Value) -> Reviewed<()> {
    if object["spec"].get("origin").is_some_and(|origin| !origin.is_null())
        && text(object, "freight").is_empty()
    {
        resolve_origin(request, known, stage, object)?;
    }
    let (named, freight) = (text(object, "stage"), text(object, "freight").to_owned());
    let name = match text(object, "target") {
        "" => promotion_name(named, request.context.ulid, &freight),
        target => target_promotion_name(named, target, request.context.ulid, &freight),
    };
    if !name.is_empty() {
        metadata::write(object, ["metadata", "name"], name.into());
    }
    if !request.user.is_control_plane {
        metadata::set(object, "annotations", annotation::CREATE_ACTOR, request.user.actor());
    }
    actor::note(request, object, annotation::ABORT, Subject::Promotion);
    template::apply(request, known, stage, object)?;
    hold::note(request, known, stage, &freight, object)
}

/// Puts the candidate of auto-promotion in the place of the origin.
fn resolve_origin(
    request: &Request<'_>,
    known: &Snapshot,
    stage: &Stage,
    object: &mut Value,
) -> Reviewed<()> {
    let given = object["spec"]["origin"].clone();
    let origin = serde_json::from_value::<FreightOrigin>(given.clone()).ok();
    let asked = stage.spec.requested_freight.iter().find(|asked| Some(&asked.origin) == origin.as_ref());
    let all: Vec<Freight> = known.list(Resource::Freight, request.namespace, None)?;
    let candidate = asked.and_then(|asked| availability::candidate(stage, asked, &all, request.context.now));
    let Some(name) = candidate.and_then(|candidate| candidate.metadata.name.clone()) else {
        let why = format!("there is no Freight of it that Stage {:?} could take now", text(object, "stage"));
        return Err(request.invalid(vec![Cause::invalid("spec.origin", given, why)]));
    };
    metadata::write(object, ["spec", "freight"], name.into());
    metadata::erase(object, ["spec", "origin"]);
    Ok(())
}

/// Who made it and what it says of holds cannot be changed afterwards.
fn keep_what_was_made(request: &Request<'_>, object: &mut Value) {
    for key in [annotation::CREATE_ACTOR, annotation::AUTO_PROMOTION_HOLD, annotation::AUTO_PROMOTION_RESUME]
    {
        let old = request.old.and_then(|old| metadata::get(old, "annotations", key));
        metadata::put(object, "annotations", key, old);
    }
    actor::note(request, object, annotation::ABORT, Subject::Promotion);
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["spec"].get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a PromotionRequest controls it.
fn is_of_request(object: &Value) -> bool {
    object["metadata"].get("ownerReferences").and_then(Value::as_array).into_iter().flatten().any(|owner| {
        owner["controller"] == true
            && owner["kind"] == PROMOTION_REQUEST
            && owner["apiVersion"] == ferry_api::API_VERSION
    })
}

fn owner(stage: &Stage) -> Value {
    json!({
        "apiVersion": ferry_api::API_VERSION,
        "blockOwnerDeletion": true,
        "controller": true,
        "kind": "Stage",
        "name": stage.metadata.name,
        "uid": stage.metadata.uid.as_deref().unwrap_or_default(),
    })
}

/// Who may, and what.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    match request.operation {
        Operation::Create => validate_create(request, known, allowed),
        Operation::Update => {
            let promotion: Promotion = request.typed()?;
            authorize::promote(request, known, &promotion.spec.stage, "update")?;
            let is_same = request.typed_old::<Promotion>().is_none_or(|old| old.spec == promotion.spec);
            let changed = || {
                Cause::invalid("spec", json!(promotion.spec), "it cannot be changed; make another Promotion")
            };
            request.accept(if is_same { Vec::new() } else { vec![changed()] })
        }
        Operation::Delete => {
            let promotion: Promotion = request.stored()?;
            authorize::promote(request, known, &promotion.spec.stage, "delete")
        }
    }
}

fn validate_create(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    let promotion: Promotion = request.typed()?;
    let spec = &promotion.spec;
    let mut causes = rules::project(request, known)?;
    authorize::promote(request, known, &spec.stage, "create")?;
    let freight = spec.freight.as_deref().unwrap_or_default();
    if freight.is_empty() == spec.origin.is_none() {
        causes.push(Cause::invalid("spec", json!(spec), "set either freight or origin"));
    }
    let of_request = request.object.is_some_and(is_of_request);
    if let Some(target) = spec.target.as_deref().filter(|target| !target.is_empty() && !of_request) {
        causes.push(Cause::invalid("spec.target", target, "only a PromotionRequest promotes to a Target"));
    }
    let stage: Option<Stage> = known.object(Resource::Stage, request.namespace, &spec.stage)?;
    let carried: Option<Freight> = known.object(Resource::Freight, request.namespace, freight)?;
    if let Some(stage) = &stage {
        if stage.spec.targets.is_some() && !of_request {
            let why = "this Stage has targets: make a PromotionRequest";
            causes.push(Cause::invalid("spec.stage", spec.stage.as_str(), why));
        }
        let is_available = carried
            .as_ref()
            .is_some_and(|freight| availability::is_available(stage, freight, request.context.now));
        if !freight.is_empty() && !is_available {
            causes.push(Cause::invalid("spec.freight", freight, not_available(carried.as_ref(), stage)));
        }
    }
    request.accept(causes)?;
    if !request.user.is_control_plane {
        allowed.events.push(Event::PromotionCreated {
            actor: request.user.actor(),
            promotion: Box::new(promotion),
            freight: carried.map(Box::new),
        });
    }
    Ok(())
}

fn not_available(freight: Option<&Freight>, stage: &Stage) -> String {
    let stage = stage.metadata.name.as_deref().unwrap_or_default();
    if freight.is_none() {
        return "there is no such Freight; give its name, which is its id (not its alias)".to_owned();
    }
    format!("Stage {stage:?} may not have it yet: it must be verified upstream, or be approved")
}
