//! Steps and variables of a Promotion: those of its Stage's template, with tasks replaced by their steps.

use std::collections::BTreeMap;

use ferry_api::task::{ClusterPromotionTask, PromotionTask, PromotionTaskSpec};
use ferry_api::{PromotionStep, Stage};
use ferry_planner::inflate::{self, TaskKind};
use serde_json::{Value, json};

use crate::lookup::{Lookup, Resource, Snapshot};
use crate::outcome::{Cause, Denial, Reviewed, Stop};
use crate::request::Request;
use crate::{metadata, steps};

type Tasks = BTreeMap<(TaskKind, String), PromotionTaskSpec>;

/// Puts the template's steps and variables in the place of what was given.
pub(super) fn apply(
    request: &Request<'_>,
    known: &Snapshot,
    stage: &Stage,
    object: &mut Value,
) -> Reviewed<()> {
    let name = stage.metadata.name.as_deref().unwrap_or_default();
    let Some(template) = stage.spec.promotion_template.as_ref().filter(|t| !t.spec.steps.is_empty()) else {
        let why = format!("Stage {name:?} has no steps, so that nothing is promoted to it");
        return Err(request.invalid(vec![Cause::invalid("spec.stage", name, why)]));
    };
    let tasks = tasks(request, known, &template.spec.steps)?;
    let vars: Vec<_> = stage.spec.vars.iter().chain(&template.spec.vars).cloned().collect();
    let find = |kind, name: &str| tasks.get(&(kind, name.to_owned()));
    let inflated =
        inflate::inflate(&template.spec.steps, &vars, find).map_err(|error| refuse(request, name, &error))?;
    metadata::write(object, ["spec", "steps"], steps::to_value(&inflated));
    if vars.is_empty() {
        metadata::erase(object, ["spec", "vars"]);
    } else {
        metadata::write(object, ["spec", "vars"], json!(vars));
    }
    Ok(())
}

/// The tasks that steps refer to, fetched at once.
fn tasks(request: &Request<'_>, known: &Snapshot, steps: &[PromotionStep]) -> Reviewed<Tasks> {
    let named = || {
        let references = steps.iter().filter_map(|step| step.task.as_ref());
        references.filter_map(|reference| Some((TaskKind::of(reference)?, reference.name.as_str())))
    };
    known.ensure(named().filter(|(_, name)| !name.is_empty()).map(|(kind, name)| Lookup::Object {
        resource: resource(kind),
        namespace: namespace(request, kind).to_owned(),
        name: name.to_owned(),
    }))?;
    let mut tasks = Tasks::new();
    for (kind, name) in named() {
        let namespace = namespace(request, kind);
        let spec = match kind {
            TaskKind::PromotionTask => {
                known.object::<PromotionTask>(resource(kind), namespace, name)?.map(|task| task.spec)
            }
            TaskKind::ClusterPromotionTask => {
                known.object::<ClusterPromotionTask>(resource(kind), namespace, name)?.map(|task| task.spec)
            }
        };
        if let Some(spec) = spec {
            tasks.insert((kind, name.to_owned()), spec);
        }
    }
    Ok(tasks)
}

fn resource(kind: TaskKind) -> Resource {
    match kind {
        TaskKind::PromotionTask => Resource::PromotionTask,
        TaskKind::ClusterPromotionTask => Resource::ClusterPromotionTask,
    }
}

fn namespace<'a>(request: &Request<'a>, kind: TaskKind) -> &'a str {
    if kind == TaskKind::PromotionTask { request.namespace } else { "" }
}

fn refuse(request: &Request<'_>, stage: &str, error: &inflate::Error) -> Stop {
    match error {
        inflate::Error::NotFound { kind, name, .. } => {
            request.deny(Denial::not_found(request.group, resource(*kind).kind(), name))
        }
        _ => request.invalid(vec![Cause::invalid("spec.stage", stage, format!("its template: {error}"))]),
    }
}
