//! Defaulting and validation of every kind; what it must look up comes back as a need.
//!
//! [`mutate`] runs before the API server checks the schema, [`validate`] after it. Both are functions of the request
//! and of a [`Snapshot`]: where an answer is missing they say [`Outcome::Need`], the caller fetches, adds it to the
//! snapshot and calls again, at most [`ROUNDS`] times.

mod actor;
mod alias;
mod cluster_config;
mod expressions;
mod freight;
mod hold;
mod lookup;
mod metadata;
mod outcome;
mod project;
mod project_config;
mod promotion;
mod promotion_request;
mod receivers;
mod replica;
mod request;
mod rules;
mod stage;
mod steps;
mod subscription;
mod task;
mod warehouse;

pub use lookup::{Answer, Lookup, Resource, Snapshot};
pub use outcome::{Allowed, Cause, CauseReason, Denial, Effect, Event, Outcome};
pub use request::{Context, Operation, Request, User};

use ferry_api::GROUP;
use outcome::{Reviewed, Stop};
use serde_json::Value;

/// How often a caller fetches for one request before it gives up.
pub const ROUNDS: usize = 12;

/// Whether there is a rule for a kind, or for a subresource of it (empty for the object itself). Of all others the
/// reviews have nothing to say.
pub fn concerns(group: &str, kind: &str, subresource: &str) -> bool {
    match group {
        "" => matches!(kind, "Secret" | "ConfigMap"),
        GROUP => subresource.is_empty() || kind == "Freight",
        _ => false,
    }
}

/// Whether [`mutate`] has anything to say of a kind, or of a subresource of it (empty for the object itself).
pub fn defaults(group: &str, kind: &str, subresource: &str) -> bool {
    defaulting(group, kind, subresource).is_some()
}

type Defaulting = fn(&Request<'_>, &Snapshot, &mut Value) -> Reviewed<()>;

/// What defaults a kind.
fn defaulting(group: &str, kind: &str, subresource: &str) -> Option<Defaulting> {
    if group != GROUP || !subresource.is_empty() {
        return None;
    }
    match kind {
        "Freight" => Some(freight::mutate),
        "Promotion" => Some(promotion::mutate),
        "Stage" => Some(|request, _, object| {
            stage::mutate(request, object);
            Ok(())
        }),
        "Warehouse" => Some(|_, _, object| {
            warehouse::mutate(object);
            Ok(())
        }),
        _ => None,
    }
}

/// Defaults an object. [`Allowed::object`] is what goes on; for kinds that are not ours it is what came.
pub fn mutate(request: &Request<'_>, known: &Snapshot) -> Outcome {
    let Some(object) = request.object else { return Outcome::Allowed(Allowed::default()) };
    let mut object = object.clone();
    // What is on its way out only loses its finalizers.
    let leaving = object["metadata"].get("deletionTimestamp").is_some_and(|time| !time.is_null());
    let result = match defaulting(request.group, request.kind, request.subresource) {
        Some(defaulting) if !leaving => defaulting(request, known, &mut object),
        _ => Ok(()),
    };
    outcome(result.map(|()| Allowed { object: Some(object), ..Allowed::default() }))
}

/// Checks what is about to be stored or deleted.
pub fn validate(request: &Request<'_>, known: &Snapshot) -> Outcome {
    let mut allowed = Allowed::default();
    let result = review(request, known, &mut allowed);
    outcome(result.map(|()| allowed))
}

fn review(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    if !concerns(request.group, request.kind, request.subresource) {
        return Ok(());
    }
    match request.kind {
        "Secret" | "ConfigMap" => replica::validate(request, known),
        "ClusterConfig" => cluster_config::validate(request),
        "Freight" => freight::validate(request, known, allowed),
        "Project" => project::validate(request, known, allowed),
        "ProjectConfig" => project_config::validate(request, known),
        "Promotion" => promotion::validate(request, known, allowed),
        "PromotionRequest" => promotion_request::validate(request, known),
        "ClusterPromotionTask" | "PromotionTask" => task::validate(request, known, allowed),
        "Stage" => stage::validate(request, known, allowed),
        "Warehouse" => warehouse::validate(request, known, allowed),
        _ => Ok(()),
    }
}

fn outcome(result: Reviewed<Allowed>) -> Outcome {
    match result {
        Ok(allowed) => Outcome::Allowed(allowed),
        Err(Stop::Denied(denial)) => Outcome::Denied(denial),
        Err(Stop::Need(lookups)) => Outcome::Need(lookups),
    }
}
