//! PromotionRequest: its Stage and its Targets must be there.

use ferry_api::{PromotionRequest, Stage, Target};

use crate::lookup::{Lookup, Resource, Snapshot};
use crate::outcome::{Cause, Reviewed};
use crate::request::{Operation, Request};
use crate::rules;

/// The Project, the Stage and the Targets.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let asked: PromotionRequest = request.typed()?;
    let namespace = request.namespace;
    let targets = &asked.spec.targets;
    let target = |name: &str| Lookup::Object {
        resource: Resource::Target,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    known.ensure(targets.iter().filter(|t| !t.name.is_empty()).map(|t| target(&t.name)))?;
    let mut causes = rules::project(request, known)?;
    let stage = asked.spec.stage.as_str();
    match known.object::<Stage>(Resource::Stage, namespace, stage)? {
        None => {
            let why = format!("there is no Stage {stage:?} in namespace {namespace:?}");
            causes.push(Cause::invalid("spec.stage", stage, why));
        }
        Some(found) if found.spec.targets.is_none() => {
            causes.push(Cause::invalid("spec.stage", stage, format!("Stage {stage:?} has no targets")));
        }
        Some(_) => {}
    }
    for (index, target) in targets.iter().enumerate() {
        if targets.iter().take(index).any(|other| other.name == target.name) {
            causes.push(Cause::duplicate(format!("spec.targets[{index}].name"), target.name.as_str()));
        }
    }
    for (index, target) in targets.iter().enumerate() {
        if known.object::<Target>(Resource::Target, namespace, &target.name)?.is_none() {
            let why = format!("there is no Target {:?} in namespace {namespace:?}", target.name);
            causes.push(Cause::invalid(format!("spec.targets[{index}].name"), target.name.as_str(), why));
        }
    }
    request.accept(causes)
}
