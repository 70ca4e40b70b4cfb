//! Stage: its shard, who asked for a verification, and what its schema cannot say.

use ferry_api::Stage;
use ferry_api::duration;
use ferry_api::names::annotation;
use ferry_api::stage::{FreightRequest, SelectionPolicy};
use serde_json::{Value, json};

use crate::actor::{self, Subject};
use crate::lookup::Snapshot;
use crate::outcome::{Allowed, Cause, Reviewed};
use crate::request::{Operation, Request};
use crate::{expressions, metadata, rules, steps};

const STEPS: &str = "spec.promotionTemplate.spec.steps";
const VARS: &str = "spec.promotionTemplate.spec.vars";

/// Mirrors the shard and notes who asks. Where that changes anything times are written anew too.
pub(crate) fn mutate(request: &Request<'_>, object: &mut Value) {
    let before = object.clone();
    metadata::mirror_shard(object);
    for annotation in [annotation::REVERIFY, annotation::ABORT] {
        actor::note(request, object, annotation, Subject::Verification);
    }
    if *object != before {
        rewrite_durations(object);
    }
}

fn rewrite_durations(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    for request in spec.get_mut("requestedFreight").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(time) = request.get_mut("sources").and_then(|sources| sources.get_mut("requiredSoakTime"))
        {
            metadata::rewrite_duration(time);
        }
    }
    let steps =
        spec.get_mut("promotionTemplate").and_then(|template| template.get_mut("spec")?.get_mut("steps"));
    if let Some(steps) = steps {
        steps::rewrite_durations(steps);
    }
}

/// The Project, the requests and the steps.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let stage: Stage = request.typed()?;
    let mut causes = rules::project(request, known)?;
    check_requests(&stage.spec.requested_freight, &mut causes);
    if let Some(template) = &stage.spec.promotion_template {
        steps::check(&template.spec.steps, STEPS, &mut causes);
        steps::check_references(&template.spec.steps, STEPS, &mut causes);
        steps::warn_of_unknown(&template.spec.steps, STEPS, &request.context, &mut allowed.warnings);
        expressions::warn_of_vars(&template.spec.vars, VARS, &mut allowed.warnings);
        expressions::warn_of_steps(&template.spec.steps, STEPS, &mut allowed.warnings);
    }
    expressions::warn_of_vars(&stage.spec.vars, "spec.vars", &mut allowed.warnings);
    if stage.spec.targets.is_some() {
        allowed.warnings.push(
            "spec.targets: promotion to Targets is not supported; nothing promotes to this Stage".into(),
        );
    }
    request.accept(causes)
}

fn check_requests(requests: &[FreightRequest], causes: &mut Vec<Cause>) {
    for (index, request) in requests.iter().enumerate() {
        if requests.iter().take(index).any(|other| other.origin == request.origin) {
            let why = format!("Freight of {} is requested twice", request.origin);
            causes.push(Cause::invalid("spec.requestedFreight", json!(requests), why));
        }
    }
    for (index, request) in requests.iter().enumerate() {
        let at = format!("spec.requestedFreight[{index}].sources");
        let sources = &request.sources;
        if let Some(time) = &sources.required_soak_time
            && let Err(error) = duration::parse(time)
        {
            causes.push(Cause::invalid(format!("{at}.requiredSoakTime"), time.as_str(), error));
        }
        let policy = sources.auto_promotion_options.as_ref().and_then(|options| options.selection_policy);
        if policy != Some(SelectionPolicy::MatchUpstream) {
            continue;
        }
        let field = format!("{at}.autoPromotionOptions.selectionPolicy");
        if sources.direct {
            let why = "it cannot be used with Freight straight from the Warehouse";
            causes.push(Cause::invalid(&field, "MatchUpstream", why));
        }
        if sources.stages.len() != 1 {
            causes.push(Cause::invalid(&field, "MatchUpstream", "it wants exactly one upstream Stage"));
        }
    }
}
