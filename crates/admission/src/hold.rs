//! Whether a person's Promotion holds auto-promotion of its origin, or lets it go on: promoting what it would have
//! taken anyway lets it go on, anything else holds it.

use ferry_api::names::annotation;
use ferry_api::{Freight, ProjectConfig, Stage};
use ferry_planner::{auto_promotion, availability};
use serde_json::Value;

use crate::lookup::{Resource, Snapshot};
use crate::metadata;
use crate::outcome::Reviewed;
use crate::request::Request;

const CONTROLLER: &str = "controller:";

/// Sets the annotations. Those of the control plane's own Promotions are kept.
pub(crate) fn note(
    request: &Request<'_>,
    known: &Snapshot,
    stage: &Stage,
    freight: &str,
    object: &mut Value,
) -> Reviewed<()> {
    let actor = metadata::get(object, "annotations", annotation::CREATE_ACTOR);
    let by_person =
        !request.user.is_control_plane || actor.is_some_and(|actor| !actor.starts_with(CONTROLLER));
    if !by_person {
        return Ok(());
    }
    metadata::remove(object, "annotations", annotation::AUTO_PROMOTION_HOLD);
    metadata::remove(object, "annotations", annotation::AUTO_PROMOTION_RESUME);
    let namespace = request.namespace;
    let config: Option<ProjectConfig> = known.object(Resource::ProjectConfig, namespace, namespace)?;
    // A policy that cannot be read promotes nothing, so there is nothing to hold.
    if !auto_promotion::is_enabled(stage, config.as_ref()).unwrap_or(false) {
        return Ok(());
    }
    let all: Vec<Freight> = known.list(Resource::Freight, namespace, None)?;
    let Some(carried) = all.iter().find(|piece| piece.metadata.name.as_deref() == Some(freight)) else {
        return Ok(());
    };
    let asked = stage.spec.requested_freight.iter().find(|request| request.origin == carried.origin);
    let candidate = asked.and_then(|asked| availability::candidate(stage, asked, &all, request.context.now));
    let is_candidate = candidate.is_some_and(|candidate| candidate.metadata.name == carried.metadata.name);
    let annotation =
        if is_candidate { annotation::AUTO_PROMOTION_RESUME } else { annotation::AUTO_PROMOTION_HOLD };
    metadata::set(object, "annotations", annotation, carried.origin.to_string());
    Ok(())
}
