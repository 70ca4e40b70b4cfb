//! PromotionTask and ClusterPromotionTask: steps with names of their own.

use ferry_api::task::PromotionTaskSpec;
use serde::Deserialize;

use crate::lookup::Snapshot;
use crate::outcome::{Allowed, Reviewed};
use crate::request::{Operation, Request};
use crate::{expressions, rules, steps};

const STEPS: &str = "spec.steps";

/// Both kinds have a spec of one form.
#[derive(Deserialize)]
struct Task {
    spec: PromotionTaskSpec,
}

/// The Project, and the steps' names.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot, allowed: &mut Allowed) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let task: Task = request.typed()?;
    let mut causes = if request.namespace.is_empty() { Vec::new() } else { rules::project(request, known)? };
    steps::check(&task.spec.steps, STEPS, &mut causes);
    steps::warn_of_unknown(&task.spec.steps, STEPS, &request.context, &mut allowed.warnings);
    expressions::warn_of_vars(&task.spec.vars, "spec.vars", &mut allowed.warnings);
    expressions::warn_of_steps(&task.spec.steps, STEPS, &mut allowed.warnings);
    request.accept(causes)
}
