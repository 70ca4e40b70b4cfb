//! PromotionTask and ClusterPromotionTask: steps with names of their own.

use ferry_api::task::PromotionTaskSpec;
use serde::Deserialize;

use crate::lookup::Snapshot;
use crate::outcome::Reviewed;
use crate::request::{Operation, Request};
use crate::{rules, steps};

/// Both kinds have a spec of one form.
#[derive(Deserialize)]
struct Task {
    spec: PromotionTaskSpec,
}

/// The Project, and the steps' names.
pub(crate) fn validate(request: &Request<'_>, known: &Snapshot) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let task: Task = request.typed()?;
    let mut causes = if request.namespace.is_empty() { Vec::new() } else { rules::project(request, known)? };
    steps::check(&task.spec.steps, "spec.steps", &mut causes);
    request.accept(causes)
}
